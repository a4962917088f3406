import type { Posting } from '../model/ledger.ts'
import { readMicros } from './columns.ts'
import { HOUSE_ACCOUNT_IDS, OPERATOR_ACCOUNT_ID } from './house-accounts.ts'
import type { Row } from './postgres.ts'
import { timestamp } from './timestamp.ts'

/** A posting (alias `p`) with its entries in the order they were written. */
export const POSTING_COLUMNS = `p.id, p.kind, p.call_id, p.currency, p.reference, p.posted_at,
  (select jsonb_agg(jsonb_build_object('accountId', e.account_id, 'amountMicros', e.amount_micros::text) order by e.id)
   from ledger_entries e where e.posting_id = p.id) as entries`

export function readPosting(row: Row): Posting {
  return {
    id: row['id'],
    kind: row['kind'],
    callId: row['call_id'],
    currency: row['currency'],
    reference: row['reference'],
    postedAt: row['posted_at'],
    entries: (row['entries'] ?? []).map((entry: Row) => ({
      accountId: entry['accountId'],
      amountMicros: readMicros(entry['amountMicros']),
    })),
  }
}

/** The JSON that the database's `post_ledger` takes. */
export function postingRow(posting: Posting): Row {
  return {
    id: posting.id,
    kind: posting.kind,
    call_id: posting.kind === 'call' || posting.kind === 'conversion' ? posting.callId : null,
    account_id: posting.kind === 'call' ? null : ownerOf(posting),
    currency: posting.currency,
    reference: posting.reference,
    posted_at: timestamp(posting.postedAt),
    entries: posting.entries.map((entry) => ({
      account_id: entry.accountId,
      amount_micros: entry.amountMicros.toString(),
    })),
  }
}

/** Whose money it is: the first party that is not the house or the world; between those two, the house. */
function ownerOf(posting: Posting): string {
  const party = posting.entries.find((entry) => !HOUSE_ACCOUNT_IDS.has(entry.accountId))
  return party?.accountId ?? OPERATOR_ACCOUNT_ID
}
