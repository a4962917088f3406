/** One key of a number's menu, and what a caller who presses it says with it. */
export interface MenuOption {
  /** `0`–`9`, `*` or `#`. */
  readonly digit: string
  /** Sold as a call of this vertical; null: of the number's own. */
  readonly vertical: string | null
  /** Over the number's own. */
  readonly tags: Readonly<Record<string, string>>
}

/** What callers of a number are asked before their call is sold: `press 1 for auto insurance`. */
export interface NumberMenu {
  /** Of the prompt store, by its name. */
  readonly prompt: string
  readonly options: readonly MenuOption[]
  /** Seconds from the end of the prompt. */
  readonly timeout: number
  /** How often it is asked. */
  readonly attempts: number
  /** What becomes of a caller who chooses nothing, or cannot be asked: `continue` sells the call as the number's own. */
  readonly otherwise: 'hang_up' | 'continue'
  /** Asks for the caller's ZIP code, five digits, when an option has been chosen and the call brings none. Absent or null: nobody asks. */
  readonly zipPrompt?: string | null
}
