/** The outbox in figures, as of a moment ago. */
export interface OutboxFigures {
  /** Waiting, and how long the oldest has, s. */
  readonly events: number
  readonly ageSeconds: number
  /** Since the start: published, lost to the outbox's limit, and given up. */
  readonly published: number
  readonly trimmed: number
  readonly deadLetters: number
  /** Whether the last attempt to publish succeeded; false also when nobody asked for any. */
  readonly isUp: boolean
}
