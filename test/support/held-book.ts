import type { BookChange } from '../../model/book.ts'
import type { DncList } from '../../model/dnc.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { openTestStorage } from './storage.ts'
import type { TestStorage } from './storage.ts'

/** A receiver of the book that only keeps what it is handed, as a gateway would. */
export interface HeldBook {
  readonly storage: TestStorage
  readonly values: ReadonlyMap<string, unknown>
  dnc(list: DncList): ReadonlySet<PhoneNumber>
  kinds(kind: BookChange['kind']): unknown[]
  sorted(): [string, unknown][]
}

/** Opens storage and loads its book into a receiver. */
export async function openHeldBook(databaseUrl: string): Promise<HeldBook> {
  const values = new Map<string, unknown>()
  const kindOf = new Map<string, string>()
  const lists = { internal: new Set<PhoneNumber>(), blocked: new Set<PhoneNumber>() }
  const apply = (change: BookChange): void => {
    if (change.kind === 'posting' || change.kind === 'consent') return
    if (change.kind === 'dnc') {
      for (const number of change.add) lists[change.list].add(number)
      for (const number of change.remove) lists[change.list].delete(number)
    } else if (change.value === null) values.delete(change.id)
    else {
      values.set(change.id, change.value)
      kindOf.set(change.id, change.kind)
    }
  }
  const storage = await openTestStorage({ databaseUrl, onBookChange: apply })
  await storage.book.load(apply)
  return {
    storage,
    values,
    dnc: (list) => lists[list],
    kinds: (kind) => [...values].filter(([id]) => kindOf.get(id) === kind).map(([, value]) => value),
    sorted: () => [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  }
}
