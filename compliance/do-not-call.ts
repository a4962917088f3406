import type { BookChange } from '../model/book.ts'
import type { DncList } from '../model/dnc.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { NumberSet } from './number-set.ts'
import { SuppressionLists } from './suppression-lists.ts'

/** The do-not-call lists in memory. Applying a change twice leaves them the same. */
export class DoNotCall {
  /** The lists kept as sets: the nation's, states', buyers' and so on. */
  readonly suppression = new SuppressionLists()
  /** What the house itself was asked, number by number. */
  readonly #house: Readonly<Record<DncList, NumberSet>> = { internal: new NumberSet(), blocked: new NumberSet() }

  has(list: DncList, number: PhoneNumber): boolean {
    return this.#house[list].has(number)
  }

  /** By the name rules call it; null: there is no such list. */
  isOn(name: string, number: PhoneNumber): boolean | null {
    if (name === 'internal' || name === 'blocked') return this.has(name, number)
    return this.suppression.find(name)?.has(number) ?? null
  }

  /** Removals first: a number that one change both removes and adds ends up on the list, the safer reading. */
  apply(change: Extract<BookChange, { kind: 'dnc' | 'suppression-list' }>): void {
    if (change.kind === 'suppression-list') return this.suppression.apply(change.id, change.value)
    const numbers = this.#house[change.list]
    for (const number of change.remove) numbers.delete(number)
    for (const number of change.add) numbers.add(number)
  }

  stats(): Readonly<Record<DncList, { readonly numbers: number; readonly bytes: number }>> {
    const { internal, blocked } = this.#house
    return {
      internal: { numbers: internal.size, bytes: internal.bytes },
      blocked: { numbers: blocked.size, bytes: blocked.bytes },
    }
  }
}
