import type { NumberId, TargetId } from '../model/ids.ts'

/** Most numbers whose turns are kept; past it the one longest without a call begins anew. */
const MOST_NUMBERS = 5000
/** Most targets of one number; past it the one whose turn is longest ago is as one that had none. */
const MOST_TARGETS = 1000

/** Whose turn it was for the calls of each number (`round_robin`). Begins anew with the process. */
export class Turns {
  readonly #mostNumbers: number
  readonly #mostTargets: number
  readonly #byNumber = new Map<NumberId, Map<TargetId, number>>()
  #turn = 0

  constructor(mostNumbers = MOST_NUMBERS, mostTargets = MOST_TARGETS) {
    this.#mostNumbers = mostNumbers
    this.#mostTargets = mostTargets
  }

  /** The higher, the later; 0: none yet. */
  lastOf(numberId: NumberId, targetId: TargetId): number {
    return this.#byNumber.get(numberId)?.get(targetId) ?? 0
  }

  take(numberId: NumberId, targetId: TargetId): void {
    const turns = this.#byNumber.get(numberId) ?? new Map<TargetId, number>()
    this.#byNumber.delete(numberId)
    this.#byNumber.set(numberId, turns)
    turns.delete(targetId)
    turns.set(targetId, ++this.#turn)
    if (turns.size > this.#mostTargets) turns.delete(turns.keys().next().value!)
    if (this.#byNumber.size > this.#mostNumbers) this.#byNumber.delete(this.#byNumber.keys().next().value!)
  }
}
