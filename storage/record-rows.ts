import type { GatewayRecord } from '../gateway/needs.ts'
import type { Auction } from '../model/auction.ts'
import type { CallState } from '../model/call.ts'
import type { CallRecord, ConversionSale, DialogState, SoldTerms } from '../model/cdr.ts'
import { fullEventJson, type DomainEvent } from '../model/events.ts'
import type { Hold } from '../model/ledger.ts'
import type { Payout } from '../model/trunk.ts'
import { auctionRow } from './auction-rows.ts'
import { decisionLine, type DecisionLine } from './decision-rows.ts'
import { postingRow } from './ledger-rows.ts'
import { legRow } from './leg-rows.ts'
import type { Row } from './postgres.ts'
import { timestamp, timestampOrNull } from './timestamp.ts'

/** One record, or a batch of them, as the rows of `write_records` (written-rows.ts): plain JSON, absent where there are none. */
export interface RecordRows {
  /** Calls that have ended. */
  calls?: Row[]
  auctions?: Row[]
  /** `{call_id, held_at, sale}`: calls in progress. */
  open_calls?: Row[]
  alive?: Row[]
  audit?: Row[]
  postings?: Row[]
  refusals?: Row[]
  /** For `write_followups` (migrations/0025), as what webhooks are sent of the events is. */
  conversions?: Row[]
  webhooks?: Row[]
  /** For the outbox, not for `write_records`: each as the world reads it. */
  events?: string[]
  /** What the auctions were decided by, for `write_decisions`. */
  decisions?: DecisionLine[]
}

const STATE_RANK: Record<CallState, number> = {
  received: 0,
  screening: 1,
  auction: 2,
  ringing: 3,
  answered: 4,
  ended: 5,
}

/** The rows of one record. Money becomes text, since JSON has no 64-bit integers; dates become RFC 3339. */
export function rowsOf(record: GatewayRecord): RecordRows {
  switch (record.kind) {
    case 'asked':
      return { open_calls: [openRow(record.call, null, null, record.callerDialog, null)] }
    case 'sold':
      return {
        ...(record.auction && { auctions: [auctionRow(record.auction, false)], ...decisionsOf(record.auction) }),
        open_calls: [openRow(record.call, record.hold, record.terms, record.callerDialog, record.buyerDialog)],
        ...eventsOf(record.events),
      }
    case 'alive':
      return { alive: record.callIds.map((id) => ({ call_id: id, at: timestamp(record.at) })) }
    case 'ended': {
      const rows: RecordRows = { calls: [callRow(record.call)], ...eventsOf(record.events) }
      if (record.auction)
        Object.assign(rows, { auctions: [auctionRow(record.auction, true)] }, decisionsOf(record.auction))
      if (record.audit) {
        const { audit } = record
        rows.audit = [
          {
            call_id: audit.callId ?? record.call.id,
            number: audit.number,
            at: timestamp(audit.at),
            inputs: audit.inputs,
            checks: audit.checks,
          },
        ]
      }
      if (record.posting) rows.postings = [postingRow(record.posting)]
      if (record.conversion) rows.conversions = [conversionRow(record.conversion)]
      return rows
    }
    case 'events':
      return eventsOf(record.events)
    case 'refused-many':
      return {
        refusals: [
          {
            id: record.id,
            trunk_id: record.trunkId,
            second: timestamp(record.second),
            count: record.count,
            reason: record.reason,
          },
        ],
      }
  }
}

function decisionsOf(auction: Auction): Pick<RecordRows, 'decisions'> {
  const line = decisionLine(auction)
  return line ? { decisions: [line] } : {}
}

function eventsOf(events: readonly DomainEvent[] = []): Pick<RecordRows, 'events'> {
  return events.length > 0 ? { events: events.map(fullEventJson) } : {}
}

/** A call in progress. Its `sale` goes by the names of columns, so that the database can read it as rows. */
function openRow(
  call: CallRecord,
  hold: Hold | null,
  terms: SoldTerms | null,
  callerDialog: DialogState | null,
  buyerDialog: DialogState | null,
): Row {
  return {
    call_id: call.id,
    held_at: timestampOrNull(hold?.heldAt ?? null),
    sale: {
      call: callRow(call),
      hold: hold && {
        call_id: call.id,
        id: hold.id,
        account_id: hold.accountId,
        currency: hold.currency,
        amount_micros: hold.amountMicros.toString(),
        held_at: timestamp(hold.heldAt),
      },
      terms: terms && termsRow(terms),
      caller_dialog: callerDialog,
      buyer_dialog: buyerDialog,
    },
  }
}

function callRow(call: CallRecord): Row {
  return {
    id: call.id,
    state: call.state,
    state_rank: STATE_RANK[call.state],
    outcome: call.outcome,
    ani: call.ani,
    dnis: call.dnis,
    trunk_id: call.trunkId,
    seller_id: call.sellerId,
    number_id: call.numberId,
    buyer_id: call.buyerId,
    campaign_id: call.campaignId,
    bid_id: call.bidId,
    target_id: call.targetId,
    auction_id: call.auctionId,
    vertical: call.vertical,
    traffic_type: call.trafficType,
    received_at: timestamp(call.receivedAt),
    ringing_at: timestampOrNull(call.ringingAt),
    answered_at: timestampOrNull(call.answeredAt),
    alive_at: timestampOrNull(call.aliveAt),
    ended_at: timestampOrNull(call.endedAt),
    awarded_at: null, // When its hold was made: `write_records` has it from the sale.
    duration_ms: call.durationMs,
    billable_ms: call.billableMs,
    currency: call.currency,
    price_micros: call.priceMicros.toString(),
    payout_micros: call.payoutMicros.toString(),
    sip_status: call.sipStatus,
    end_reason: call.endReason,
    hung_up_by: call.hungUpBy,
    legs: call.legs.map(legRow),
    checks: call.checks,
    trace: call.trace,
  }
}

function conversionRow({ terms, hold, endedAt, until }: ConversionSale): Row {
  return {
    call_id: hold.callId,
    buyer_id: terms.buyerId,
    seller_id: terms.sellerId,
    campaign_id: terms.campaignId,
    terms: termsRow(terms),
    hold_id: hold.id,
    held_at: timestamp(hold.heldAt),
    most_micros: hold.amountMicros.toString(),
    expected_micros: (terms.expectedMicros ?? 0n).toString(),
    ended_at: timestamp(endedAt),
    until_at: timestamp(until),
  }
}

function termsRow(terms: SoldTerms): Row {
  const { payout, minutes, expectedMicros } = terms
  return {
    ...terms,
    priceMicros: terms.priceMicros.toString(),
    ...(expectedMicros !== undefined && { expectedMicros: expectedMicros.toString() }),
    ...(minutes && { minutes: { ...minutes, rateMicros: minutes.rateMicros.toString() } }),
    payout: payoutRow(payout),
  }
}

function payoutRow(payout: Payout): Row {
  switch (payout.type) {
    case 'share':
      return { type: 'share', shareMillionths: payout.shareMillionths.toString() }
    case 'fixed':
      return { type: 'fixed', amountMicros: payout.amountMicros.toString() }
    case 'minute':
      return { ...payout, rateMicros: payout.rateMicros.toString() }
  }
}

/**
 * Joins records in their order into one batch in which each call, auction and open call comes once, since one SQL statement cannot change
 * the same row twice: as last written, and an ended call as first ended. A call that ended within the batch is not open. Rows are in the
 * order of their calls' ids: two batches that change the same rows at once then wait for each other in one direction only.
 */
export function mergeRows(records: readonly RecordRows[]): RecordRows {
  const calls = new Map<string, Row>()
  const auctions = new Map<string, Row>()
  const open = new Map<string, Row>()
  const alive = new Map<string, Row>()
  const merged = {
    audit: [] as Row[],
    postings: [] as Row[],
    refusals: [] as Row[],
    conversions: [] as Row[],
    webhooks: [] as Row[],
    events: [] as string[],
    decisions: [] as DecisionLine[],
  }
  for (const rows of records) {
    for (const row of rows.calls ?? []) if (!calls.has(row['id'])) calls.set(row['id'], row)
    for (const row of rows.auctions ?? []) if (!auctions.get(row['id'])?.['final']) auctions.set(row['id'], row)
    for (const row of rows.open_calls ?? []) {
      open.set(row['call_id'], row)
      alive.delete(row['call_id'])
    }
    for (const row of rows.alive ?? []) alive.set(row['call_id'], row)
    if (rows.audit) merged.audit.push(...rows.audit)
    if (rows.postings) merged.postings.push(...rows.postings)
    if (rows.refusals) merged.refusals.push(...rows.refusals)
    if (rows.conversions) merged.conversions.push(...rows.conversions)
    if (rows.webhooks) merged.webhooks.push(...rows.webhooks)
    if (rows.events) merged.events.push(...rows.events)
    if (rows.decisions) merged.decisions.push(...rows.decisions)
  }
  for (const [id, call] of calls) {
    const sale = open.get(id)
    if (sale) calls.set(id, { ...call, awarded_at: sale['held_at'] })
    open.delete(id)
    alive.delete(id)
  }
  const all: Required<RecordRows> = {
    calls: inOrder(calls),
    auctions: inOrder(auctions),
    open_calls: inOrder(open),
    alive: inOrder(alive),
    ...merged,
  }
  return Object.fromEntries(Object.entries(all).filter(([, rows]) => rows.length > 0))
}

function inOrder(rows: ReadonlyMap<string, Row>): Row[] {
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}
