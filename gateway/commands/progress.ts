const WIDTH = 30
/** A terminal is not written to more often, ms. */
const EVERY_MS = 100

/** Where a bar is drawn. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** How far the reading of a file has come: a bar on a terminal, and a line at each tenth elsewhere. */
export class Progress {
  readonly #total: number
  readonly #screen: Screen
  readonly #startedMs = performance.now()
  #shownMs = 0
  #tenths = 0
  #isDrawn = false

  constructor(total: number, screen: Screen) {
    this.#total = total
    this.#screen = screen
  }

  show(bytes: number, lines: number): void {
    const share = this.#total === 0 ? 1 : Math.min(1, bytes / this.#total)
    const now = performance.now()
    const words = `${Math.floor(share * 100)} %, ${lines.toLocaleString('en-US')} lines, ${((now - this.#startedMs) / 1000).toFixed(1)} s`
    if (this.#screen.isTTY !== true) {
      if (Math.floor(share * 10) <= this.#tenths) return
      this.#tenths = Math.floor(share * 10)
      this.#screen.write(`${words}\n`)
      return
    }
    if (share < 1 && now - this.#shownMs < EVERY_MS) return
    this.#shownMs = now
    this.#isDrawn = true
    const full = Math.round(share * WIDTH)
    this.#screen.write(`\r[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${words} `)
  }

  /** What comes next stands on a line of its own. */
  end(): void {
    if (this.#isDrawn) this.#screen.write('\n')
    this.#isDrawn = false
  }
}
