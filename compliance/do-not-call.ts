import type { BookChange } from '../model/book.ts'
import type { DncList } from '../model/dnc.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { NumberSet } from './number-set.ts'

/** The do-not-call lists in memory. Applying a change twice leaves them the same. */
export class DoNotCall {
  readonly #lists: Readonly<Record<DncList, NumberSet>> = { internal: new NumberSet(), blocked: new NumberSet() }

  has(list: DncList, number: PhoneNumber): boolean {
    return this.#lists[list].has(number)
  }

  /** Removals first: a number that one change both removes and adds ends up on the list, the safer reading. */
  apply({ list, add, remove }: Extract<BookChange, { kind: 'dnc' }>): void {
    const numbers = this.#lists[list]
    for (const number of remove) numbers.delete(number)
    for (const number of add) numbers.add(number)
  }

  stats(): Readonly<Record<DncList, { readonly numbers: number; readonly bytes: number }>> {
    const { internal, blocked } = this.#lists
    return {
      internal: { numbers: internal.size, bytes: internal.bytes },
      blocked: { numbers: blocked.size, bytes: blocked.bytes },
    }
  }
}
