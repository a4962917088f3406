import { strict as assert } from 'node:assert'
import type { AccountId } from '../model/ids.ts'
import type { LedgerEntry, Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'

/** Most entries of one posting: a call has three, nothing has many. */
export const MOST_ENTRIES = 16

/** Why these entries are no posting, as a sentence; null when they are one. */
export function findFault(posting: Posting): string | null {
  const { entries, kind, callId } = posting
  if (entries.length < 2 || entries.length > MOST_ENTRIES)
    return `a posting has 2 to ${MOST_ENTRIES} entries, not ${entries.length}`
  if (sumOf(entries) !== 0n) return `the entries sum to ${sumOf(entries)} micros, not to zero`
  if (entries.some((entry) => entry.amountMicros === 0n)) return 'an entry moves nothing'
  if (new Set(entries.map((entry) => entry.accountId)).size !== entries.length) return 'an account has two entries'
  if ((kind === 'call' || kind === 'conversion') && callId === null) return 'the posting of a call names no call'
  if (posting.currency === '') return 'the posting has no currency'
  return null
}

/**
 * Money moved, once. A posting balances or it does not exist: anything else is a bug of ours and throws AssertionError.
 * The result is frozen, since what is in a ledger does not change.
 */
export function createPosting(posting: Posting): Posting {
  const fault = findFault(posting)
  assert(fault === null, fault ?? '')
  return Object.freeze({
    ...posting,
    entries: Object.freeze(posting.entries.map((entry) => Object.freeze({ ...entry }))),
  })
}

/** Money from the world into an account (a deposit), or out of it (a payout): the other side is the `external` account. */
export function createTransfer(
  terms: Omit<Posting, 'kind' | 'callId' | 'entries'> & {
    readonly kind: 'deposit' | 'payout'
    readonly accountId: AccountId
    readonly externalId: AccountId
    /** Above zero, whichever way it goes. */
    readonly amountMicros: Micros
  },
): Posting {
  const { accountId, externalId, amountMicros, ...rest } = terms
  assert(amountMicros > 0n, 'a transfer moves more than nothing')
  const signed = terms.kind === 'deposit' ? amountMicros : -amountMicros
  return createPosting({
    ...rest,
    callId: null,
    entries: [
      { accountId, amountMicros: signed },
      { accountId: externalId, amountMicros: -signed },
    ],
  })
}

/** Adds up entries of the same account and leaves out those that come to nothing. */
export function mergeEntries(entries: readonly LedgerEntry[]): LedgerEntry[] {
  const sums = new Map<AccountId, Micros>()
  for (const { accountId, amountMicros } of entries) sums.set(accountId, (sums.get(accountId) ?? 0n) + amountMicros)
  return [...sums].filter(([, sum]) => sum !== 0n).map(([accountId, amountMicros]) => ({ accountId, amountMicros }))
}

function sumOf(entries: readonly LedgerEntry[]): Micros {
  return entries.reduce((sum, entry) => sum + entry.amountMicros, 0n)
}
