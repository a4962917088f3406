/** Something that looks after itself when it is visited. */
export interface Swept {
  onSweep(nowMs: number): void
}

const TICKS_PER_ROUND = 20
const MIN_TICK_MS = 5

/**
 * Visits many things in turn, each once a round: what a timer each would cost a hundred thousand connections, this does with
 * one, and never all at once.
 */
export class Sweep<T extends Swept> {
  readonly #members = new Set<T>()
  #turn: SetIterator<T> = this.#members.values()
  readonly #timer: NodeJS.Timeout

  /** A round takes `roundMs`: a deadline is noticed so much too late at most. */
  constructor(roundMs: number) {
    this.#timer = setInterval(() => this.#tick(), Math.max(MIN_TICK_MS, roundMs / TICKS_PER_ROUND))
    this.#timer.unref()
  }

  get size(): number {
    return this.#members.size
  }

  add(member: T): void {
    this.#members.add(member)
  }

  delete(member: T): void {
    this.#members.delete(member)
  }

  members(): IterableIterator<T> {
    return this.#members.values()
  }

  #tick(): void {
    const nowMs = performance.now()
    for (let left = Math.ceil(this.#members.size / TICKS_PER_ROUND); left > 0; left--) {
      const { value, done } = this.#turn.next()
      if (done === true) {
        this.#turn = this.#members.values()
        return
      }
      value.onSweep(nowMs)
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
