import type { ImportOptions } from '../../../api/needs.ts'
import { SuppressionLists } from '../../../compliance/suppression-lists.ts'
import type { SuppressionListId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { SuppressionList } from '../../../model/suppression-list.ts'
import { OPERATOR_ACCOUNT_ID } from '../../../storage/house-accounts.ts'
import type { TestStorage } from '../../support/storage.ts'

export const REPLACE: ImportOptions = { mode: 'replace', versionDate: null, mayShrink: false, doneBy: 'a test' }

/** A list of the operator's, without numbers. */
export function newList(storage: TestStorage, name: string, changes: Partial<SuppressionList> = {}) {
  return storage.stores.suppression.lists.create({
    accountId: OPERATOR_ACCOUNT_ID,
    name,
    kind: 'national',
    source: 'a test',
    state: null,
    versionDate: null,
    expiresAfterDays: 31,
    whenExpired: 'refuse',
    lookup: null,
    numbers: 0,
    revision: 0,
    replacedAt: 0,
    ...changes,
  })
}

/** A file, in pieces of so many bytes. */
export async function* file(content: string | Uint8Array, piece = 50_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content)
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
}

/** What a gateway that loads the list now has of it. */
export async function asLoaded(storage: TestStorage, id: SuppressionListId) {
  const lists = new SuppressionLists()
  const loaded = (await storage.stores.suppression.load(id, 0))!
  lists.apply(id, loaded.list)
  lists.take(loaded)
  const held = lists.held(id)!
  return { held, has: (number: string) => held.has(number as PhoneNumber), loaded }
}
