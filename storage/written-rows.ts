import { BinaryRows, rowTypeIds, type RowType, type RowTypeIds } from './binary-rows.ts'
import type { Queries, Row } from './postgres.ts'
import type { RecordRows } from './record-rows.ts'
import { storableJson } from './storable-json.ts'

/** The types of what `write_records` takes (migrations/0039), column by column as they are made there. */
const OPEN_CALL: RowType = {
  name: 'written_open_call',
  columns: [
    ['call_id', 'uuid'],
    ['held_at', 'timestamptz'],
    ['sale', 'json'],
  ],
}
const AUCTION: RowType = {
  name: 'written_auction',
  columns: [
    ['id', 'uuid'],
    ['call_id', 'uuid'],
    ['number_id', 'uuid'],
    ['vertical', 'text'],
    ['currency', 'text'],
    ['reserve_price_micros', 'bigint'],
    ['price_rule', 'text'],
    ['awards', 'json'],
    ['non_bids', 'json'],
    ['non_bids_omitted', 'integer'],
    ['decided_at', 'timestamptz'],
    ['final', 'boolean'],
  ],
}
const CALL: RowType = {
  name: 'written_call',
  columns: [
    ['id', 'uuid'],
    ['state', 'text'],
    ['state_rank', 'integer'],
    ['outcome', 'text'],
    ['ani', 'text'],
    ['dnis', 'text'],
    ['trunk_id', 'uuid'],
    ['seller_id', 'uuid'],
    ['number_id', 'uuid'],
    ['buyer_id', 'uuid'],
    ['campaign_id', 'uuid'],
    ['bid_id', 'uuid'],
    ['target_id', 'uuid'],
    ['auction_id', 'uuid'],
    ['vertical', 'text'],
    ['traffic_type', 'text'],
    ['received_at', 'timestamptz'],
    ['ringing_at', 'timestamptz'],
    ['answered_at', 'timestamptz'],
    ['alive_at', 'timestamptz'],
    ['ended_at', 'timestamptz'],
    ['awarded_at', 'timestamptz'],
    ['duration_ms', 'double precision'],
    ['billable_ms', 'double precision'],
    ['currency', 'text'],
    ['price_micros', 'bigint'],
    ['payout_micros', 'bigint'],
    ['sip_status', 'integer'],
    ['end_reason', 'text'],
    ['hung_up_by', 'text'],
    ['legs', 'jsonb'],
    ['checks', 'json'],
    ['trace', 'json'],
  ],
}
const AUDIT: RowType = {
  name: 'written_audit',
  columns: [
    ['call_id', 'uuid'],
    ['number', 'text'],
    ['at', 'timestamptz'],
    ['inputs', 'jsonb'],
    ['checks', 'jsonb'],
  ],
}
const POSTING: RowType = {
  name: 'written_posting',
  columns: [
    ['id', 'uuid'],
    ['kind', 'text'],
    ['call_id', 'uuid'],
    ['account_id', 'uuid'],
    ['currency', 'text'],
    ['reference', 'text'],
    ['posted_at', 'timestamptz'],
  ],
}
const ENTRY: RowType = {
  name: 'written_entry',
  columns: [
    ['posting_id', 'uuid'],
    ['account_id', 'uuid'],
    ['currency', 'text'],
    ['amount_micros', 'bigint'],
  ],
}

/** The numbers of these types in a database. */
export async function readRowTypes(queries: Queries): Promise<RowTypeIds> {
  return rowTypeIds(
    queries,
    [OPEN_CALL, AUCTION, CALL, AUDIT, POSTING, ENTRY].map(({ name }) => name),
  )
}

/** What `write_records` takes first, of a batch that `mergeRows` has made; the gateway's name goes behind it. */
export function writtenRows(rows: RecordRows, ids: RowTypeIds): (Buffer | string | null)[] {
  const array = (of: readonly Row[] | undefined, type: RowType): Buffer | null =>
    of ? BinaryRows.of(of, type, ids) : null
  const { open_calls: open, auctions, calls, audit, postings, ...others } = rows
  const entries = postings?.flatMap(({ id, currency, entries: entriesOf }) =>
    (entriesOf as Row[]).map((entry) => ({ ...entry, posting_id: id, currency })),
  )
  return [
    array(open, OPEN_CALL),
    array(auctions, AUCTION),
    array(calls, CALL),
    array(audit, AUDIT),
    array(postings, POSTING),
    array(entries, ENTRY),
    Object.keys(others).length > 0 ? storableJson(others) : null,
  ]
}
