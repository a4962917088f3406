/**
 * Whom to look at when, by the second: what falls due is found without walking over what does not. Each id is noted once, at
 * the earliest of the moments it was noted for.
 */
export class Expiries<Id> {
  readonly #bySecond = new Map<number, Set<Id>>()
  readonly #secondOf = new Map<Id, number>()
  /** Those of this second are still to come, those of earlier ones have been taken. */
  #second: number

  constructor(nowMs: number) {
    this.#second = secondOf(nowMs)
  }

  get size(): number {
    return this.#secondOf.size
  }

  /** Notes an id for a moment (ms), unless it is noted for an earlier one already. */
  note(id: Id, atMs: number): void {
    const second = Math.max(secondOf(atMs), this.#second)
    const noted = this.#secondOf.get(id)
    if (noted !== undefined) {
      if (noted <= second) return
      this.forget(id)
    }
    this.#secondOf.set(id, second)
    const due = this.#bySecond.get(second)
    if (due) due.add(id)
    else this.#bySecond.set(second, new Set([id]))
  }

  forget(id: Id): void {
    const second = this.#secondOf.get(id)
    if (second === undefined) return
    this.#secondOf.delete(id)
    const due = this.#bySecond.get(second)!
    due.delete(id)
    if (due.size === 0) this.#bySecond.delete(second)
  }

  /** Takes out all that are due by now, those of the whole current second included: note again who is early. */
  take(nowMs: number): Id[] {
    const now = secondOf(nowMs)
    const seconds = this.#secondsUntil(now)
    this.#second = now // Back as well, where the clock was put back: nothing is noted for between.
    const taken = seconds.flatMap((second) => [...(this.#bySecond.get(second) ?? [])])
    for (const id of taken) this.forget(id)
    return taken
  }

  /** A clock that was put forward by days must not cost a step for each of their seconds. */
  #secondsUntil(now: number): number[] {
    const steps = now - this.#second + 1
    if (steps > this.#bySecond.size) return [...this.#bySecond.keys()].filter((second) => second <= now)
    return Array.from({ length: Math.max(0, steps) }, (_, i) => this.#second + i)
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000)
}
