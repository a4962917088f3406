import type { AuctionStore, CallFilter, CallParties, CallStore, Page, PageRequest } from '../api/needs.ts'
import type { Auction } from '../model/auction.ts'
import type { CallRecord } from '../model/cdr.ts'
import { isId } from '../model/ids.ts'
import type { AuctionId, CallId } from '../model/ids.ts'
import { readAuction } from './auction-rows.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import { readLeg } from './leg-rows.ts'
import type { Queries, Row } from './postgres.ts'

/** Calls as written down: the newest writing of each. */
export class PostgresCalls implements CallStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async find(id: CallId): Promise<CallRecord | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows('select * from known_calls where id = $1', [id])
    return row ? readCall(row) : null
  }

  async parties(id: CallId): Promise<CallParties | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows(
      'select state, seller_id, buyer_id, currency from known_calls where id = $1',
      [id],
    )
    return row
      ? { state: row['state'], sellerId: row['seller_id'], buyerId: row['buyer_id'], currency: row['currency'] }
      : null
  }

  async list(page: PageRequest, filter: CallFilter): Promise<Page<CallRecord>> {
    const values: unknown[] = []
    const tests = ['true']
    const test = (sql: string, value: unknown): void => {
      if (value !== undefined) tests.push(sql.replace('?', `$${values.push(value)}`))
    }
    test('seller_id = ?', filter.sellerId)
    test('buyer_id = ?', filter.buyerId)
    test('outcome = ?', filter.outcome)
    test('state = ?', filter.state)
    test('ani = ?', filter.from)
    test('dnis = ?', filter.to)
    test('sip_call_id = ?', filter.sipCallId)
    test('received_at >= ?', filter.since)
    test('received_at < ?', filter.until)
    if (page.cursor !== null) {
      const { ms, key } = readCursor(page.cursor, UUID_KEY)
      tests.push(`(received_at, id) < ($${values.push(new Date(ms))}, $${values.push(key)})`)
    }
    const text = `select * from known_calls where ${tests.join(' and ')} order by received_at desc, id desc limit ${pageLimit(page) + 1}`
    return pageOf(await this.#queries.rows(text, values), page, readCall, (row) => ({
      ms: row['received_at'].getTime(),
      key: row['id'],
    }))
  }
}

export class PostgresAuctions implements AuctionStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async find(id: AuctionId): Promise<Auction | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows('select * from auctions where id = $1', [id])
    return row ? readAuction(row) : null
  }

  async findByCall(callId: CallId): Promise<Auction | null> {
    if (!isId(callId)) return null
    const [row] = await this.#queries.rows(
      'select * from auctions where call_id = $1 order by decided_at desc limit 1',
      [callId],
    )
    return row ? readAuction(row) : null
  }
}

export function readCall(row: Row): CallRecord {
  return {
    id: row['id'],
    state: row['state'],
    outcome: row['outcome'],
    ani: row['ani'],
    dnis: row['dnis'],
    trunkId: row['trunk_id'],
    sellerId: row['seller_id'],
    numberId: row['number_id'],
    buyerId: row['buyer_id'],
    campaignId: row['campaign_id'],
    bidId: row['bid_id'],
    targetId: row['target_id'],
    auctionId: row['auction_id'],
    vertical: row['vertical'],
    trafficType: row['traffic_type'],
    receivedAt: row['received_at'],
    ringingAt: row['ringing_at'],
    answeredAt: row['answered_at'],
    aliveAt: row['alive_at'],
    endedAt: row['ended_at'],
    durationMs: row['duration_ms'],
    billableMs: row['billable_ms'],
    currency: row['currency'],
    priceMicros: readMicros(row['price_micros']),
    payoutMicros: readMicros(row['payout_micros']),
    sipStatus: row['sip_status'],
    endReason: row['end_reason'],
    hungUpBy: row['hung_up_by'],
    legs: row['legs'].map(readLeg),
    checks: row['checks'],
    trace: row['trace'],
  }
}
