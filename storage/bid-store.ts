import type { Bid } from '../model/bid.ts'
import type { Row } from './postgres.ts'
import { given, json, readMicros } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

export const BIDS: TableLayout<Bid> = {
  table: 'bids',
  kind: 'bid',
  hasStatus: true,
  columns: (bid) =>
    given({
      account_id: bid.accountId,
      campaign_id: bid.campaignId,
      target_id: bid.targetId,
      call_id: bid.callId,
      amount_micros: bid.amountMicros,
      billable_after: bid.billableAfter,
      criteria: json(bid.criteria),
      max_concurrent_calls: bid.maxConcurrentCalls,
      modifiers: json(bid.modifiers),
      status: bid.status,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    campaignId: row['campaign_id'],
    targetId: row['target_id'],
    callId: row['call_id'],
    amountMicros: readMicros(row['amount_micros']),
    billableAfter: row['billable_after'],
    criteria: row['criteria'],
    maxConcurrentCalls: row['max_concurrent_calls'],
    ...(row['modifiers'] && { modifiers: row['modifiers'] }),
    status: row['status'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
