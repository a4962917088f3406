import type { Bidder } from '../model/bidder.ts'
import { given, json, readMicros } from './columns.ts'
import type { Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

export const BIDDERS: TableLayout<Bidder> = {
  table: 'bidders',
  kind: 'bidder',
  hasStatus: true,
  columns: (bidder) =>
    given({
      account_id: bidder.accountId,
      campaign_id: bidder.campaignId,
      target_id: bidder.targetId,
      name: bidder.name,
      status: bidder.status,
      dialect: bidder.dialect,
      criteria: json(bidder.criteria),
      max_bid_micros: bidder.maxBidMicros,
      billable_after: bidder.billableAfter,
      max_concurrent_calls: bidder.maxConcurrentCalls,
      timeout_ms: bidder.timeoutMs,
      ping: json(bidder.ping),
      answer: json(bidder.answer),
      post: json(bidder.post),
      win_url: bidder.winUrl,
      loss_url: bidder.lossUrl,
      secrets: json(bidder.secrets),
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    campaignId: row['campaign_id'],
    targetId: row['target_id'],
    name: row['name'],
    status: row['status'],
    dialect: row['dialect'],
    criteria: row['criteria'],
    maxBidMicros: readMicros(row['max_bid_micros']),
    billableAfter: row['billable_after'],
    maxConcurrentCalls: row['max_concurrent_calls'],
    timeoutMs: row['timeout_ms'],
    ping: row['ping'],
    answer: row['answer'],
    post: row['post'],
    winUrl: row['win_url'],
    lossUrl: row['loss_url'],
    secrets: row['secrets'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
