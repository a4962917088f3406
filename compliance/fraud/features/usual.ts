/** So many votes more than against it, and it is what is usual. */
const ENOUGH = 10
/** No more are counted, so that a change is believed in time. */
const MOST_VOTES = 200

/** What most of a slot's calls have in common in each of some respects: the majority vote of Boyer and Moore (1981), which forgets slowly. */
export class Usual {
  readonly #respects: number
  readonly #candidates: Float64Array
  readonly #votes: Uint16Array

  constructor(slots: number, respects: number) {
    this.#respects = respects
    this.#candidates = new Float64Array(slots * respects)
    this.#votes = new Uint16Array(slots * respects)
  }

  clear(slot: number): void {
    this.#votes.fill(0, slot * this.#respects, (slot + 1) * this.#respects)
  }

  /** Whether it is another than usual: 0 or 1, and 0 while nobody knows; it counts from now on. */
  differs(slot: number, respect: number, value: number): number {
    const at = slot * this.#respects + respect
    const votes = this.#votes[at]!
    if (votes === 0) this.#candidates[at] = value
    if (this.#candidates[at] === value) {
      if (votes < MOST_VOTES) this.#votes[at] = votes + 1
      return 0
    }
    this.#votes[at] = votes - 1
    return votes >= ENOUGH ? 1 : 0
  }
}
