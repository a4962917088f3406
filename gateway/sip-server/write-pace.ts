/** How long frames are gathered after a write of fewer than MANY_FRAMES, and of as many or more, ms. */
export const GATHER_MS = { few: 1, many: 3 } as const
/**
 * So many frames in one write: we are behind, and what is saved counts for more than a wait. 1,000 calls/s are half as many in a
 * millisecond: a call's set-up passes four such writes, each of which it would wait for.
 */
export const MANY_FRAMES = 32

/**
 * When the frames gathered for a control connection leave. A write that wakes the other thread costs more than six frames do: so
 * what is said in one turn travels together, and after a write the next waits a moment, the longer the more there was to say.
 */
export class WritePace {
  #wroteMs = -Infinity
  #gatherMs: number = GATHER_MS.few

  /** Calls `flush` at the end of this turn, or once its time has come. */
  next(flush: () => void): void {
    const waitMs = this.#wroteMs + this.#gatherMs - performance.now()
    if (waitMs > 0) setTimeout(flush, waitMs)
    else setImmediate(flush)
  }

  /** To be told of each write. */
  wrote(frames: number): void {
    this.#wroteMs = performance.now()
    this.#gatherMs = frames < MANY_FRAMES ? GATHER_MS.few : GATHER_MS.many
  }
}
