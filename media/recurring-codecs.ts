import type { Codec } from './payload-types.ts'

/** Lists of codecs that are the same object whenever the same description comes: what follows from them is worked out once. */
const recurring = new WeakSet<readonly Codec[]>()

/** Whoever says so gives out this very list for the same codecs and attributes, and nobody changes it. */
export function recurs(codecs: readonly Codec[]): void {
  recurring.add(codecs)
}

/** What follows from two lists of codecs, and the attributes they came with, alone: kept as long as both of them are. */
export class OfCodecs<T> {
  readonly #kept = new WeakMap<readonly Codec[], WeakMap<readonly Codec[], T>>()
  readonly #onKept: (worked: T) => void

  constructor(onKept: (worked: T) => void = () => {}) {
    this.#onKept = onKept
  }

  /** Of lists that do not recur it is worked out each time. */
  of(a: readonly Codec[], b: readonly Codec[], workOut: () => T): T {
    if (!recurring.has(a) || !recurring.has(b)) return workOut()
    let ofA = this.#kept.get(a)
    if (ofA === undefined) this.#kept.set(a, (ofA = new WeakMap()))
    const known = ofA.get(b)
    if (known !== undefined) return known
    const worked = workOut()
    ofA.set(b, worked)
    this.#onKept(worked)
    return worked
  }
}
