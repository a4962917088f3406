import type { DialledNumber, Payout } from '../model/trunk.ts'
import type { Row } from './postgres.ts'
import { given, json, readMicros } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

export const NUMBERS: TableLayout<DialledNumber> = {
  table: 'numbers',
  kind: 'number',
  hasStatus: false,
  columns: (number) =>
    given({
      account_id: number.accountId,
      number: number.number,
      vertical: number.vertical,
      reserve_price_micros: number.reservePriceMicros,
      price_rule: number.priceRule,
      soft_floor_micros: number.softFloorMicros,
      routing: json(number.routing),
      ...(number.payout && payoutColumns(number.payout)),
      max_billable_after: number.maxBillableAfter,
      live_bidding_ms: number.liveBiddingMs,
      bidder_deadline_ms: number.bidderDeadlineMs,
      traffic_type: number.trafficType,
      tags: json(number.tags),
      audio: json(number.audio),
      menu: json(number.menu),
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    number: row['number'],
    vertical: row['vertical'],
    reservePriceMicros: readMicros(row['reserve_price_micros']),
    priceRule: row['price_rule'],
    ...(row['soft_floor_micros'] !== null && { softFloorMicros: readMicros(row['soft_floor_micros']) }),
    ...(row['routing'] && { routing: row['routing'] }),
    payout: readPayout(row),
    maxBillableAfter: row['max_billable_after'],
    liveBiddingMs: row['live_bidding_ms'],
    ...(row['bidder_deadline_ms'] !== null && { bidderDeadlineMs: row['bidder_deadline_ms'] }),
    trafficType: row['traffic_type'],
    tags: row['tags'],
    ...(row['audio'] && { audio: row['audio'] }),
    ...(row['menu'] && { menu: row['menu'] }),
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}

function payoutColumns(payout: Payout): Row {
  return {
    payout_type: payout.type,
    payout_share_millionths: payout.type === 'share' ? payout.shareMillionths : null,
    payout_amount_micros: amountOf(payout),
    payout_initial_seconds: payout.type === 'minute' ? payout.initialSeconds : null,
    payout_increment_seconds: payout.type === 'minute' ? payout.incrementSeconds : null,
  }
}

function readPayout(row: Row): Payout {
  if (row['payout_type'] === 'share') return { type: 'share', shareMillionths: BigInt(row['payout_share_millionths']) }
  const amountMicros = readMicros(row['payout_amount_micros'])
  if (row['payout_type'] === 'fixed') return { type: 'fixed', amountMicros }
  const { payout_initial_seconds: initialSeconds, payout_increment_seconds: incrementSeconds } = row
  return { type: 'minute', rateMicros: amountMicros, initialSeconds, incrementSeconds }
}

/** Of a call, or of a minute. */
function amountOf(payout: Payout): bigint | null {
  if (payout.type === 'share') return null
  return payout.type === 'fixed' ? payout.amountMicros : payout.rateMicros
}
