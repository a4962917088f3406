import type { AnnouncePosting, Page, PageRequest, TrackingFilter, TrackingStore } from '../api/needs.ts'
import type { ConversionRules, ConvertedCall } from '../gateway/needs.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type CallId, type CampaignId } from '../model/ids.ts'
import type { Hold } from '../model/ledger.ts'
import type { ConversionFigures, StoredTracking, TrackingRefusal } from '../model/tracking.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { PostgresLedger } from './ledger-store.ts'
import { keepEvents } from './outbox.ts'
import type { Postgres, Queries, Row } from './postgres.ts'
import { storableJson } from './storable-json.ts'
import { readTerms } from './recovery-store.ts'
import { isAway, isRetryable } from './store-errors.ts'
import { readTracking, trackingRow, type AcceptedEvent } from './tracking-rows.ts'

/** Calls whose money is brought up to date in one go. */
const BEHIND_AT_ONCE = 100

/** A call paid by what becomes of it whose window is open. */
export interface OpenConversion {
  readonly hold: Hold
  readonly until: Date
}

/** What was reported of calls, and the money it moves. */
export class PostgresTracking implements TrackingStore {
  readonly #postgres: Postgres
  readonly #ledger: PostgresLedger

  constructor(postgres: Postgres, ledger: PostgresLedger) {
    this.#postgres = postgres
    this.#ledger = ledger
  }

  async list(page: PageRequest, filter: TrackingFilter): Promise<Page<StoredTracking>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `select * from tracking_events
       where ($1::uuid is null or account_id = $1) and ($2::uuid is null or call_id = $2) and ($3::text is null or type = $3)
         and ($4::timestamptz is null or (received_at, id) < ($4, $5::uuid))
       order by received_at desc, id desc limit $6`,
      [
        filter.accountId ?? null,
        filter.callId ?? null,
        filter.type ?? null,
        after && new Date(after.ms),
        after && after.key,
        pageLimit(page) + 1,
      ],
    )
    return pageOf(rows, page, readTracking, (row) => ({ ms: row['received_at'].getTime(), key: row['id'] }))
  }

  async figures(campaignId: CampaignId): Promise<ConversionFigures> {
    const [row] = await this.#postgres.rows(
      `select count(*)::int as calls, count(*) filter (where until_at < now())::int as calls_over,
         count(*) filter (where charged_micros > 0)::int as converted,
         count(*) filter (where charged_micros > 0 and until_at < now())::int as converted_over,
         coalesce(sum(charged_micros), 0)::text as charged,
         coalesce(sum(charged_micros) filter (where until_at < now()), 0)::text as charged_over,
         coalesce(sum(most_micros) filter (where until_at < now()), 0)::text as most_over
       from conversion_sales where campaign_id = $1`,
      [campaignId],
    )
    return {
      calls: row!['calls'],
      callsOver: row!['calls_over'],
      converted: row!['converted'],
      convertedOver: row!['converted_over'],
      chargedMicros: readMicros(row!['charged']),
      chargedOverMicros: readMicros(row!['charged_over']),
      mostOverMicros: readMicros(row!['most_over']),
    }
  }

  /**
   * Writes a batch, with what is announced of it, in one transaction; an event that is there already is left as it was. Answers with
   * what is new, and with what was not written because its call may still come (`mayCome`: records are on their way here).
   */
  async write(
    batch: readonly AcceptedEvent[],
    announce: (event: StoredTracking) => DomainEvent,
    mayCome: (accepted: AcceptedEvent) => boolean,
  ): Promise<{ events: DomainEvent[]; early: AcceptedEvent[] }> {
    const callIds = [...new Set(batch.map(({ event }) => event.callId))]
    return this.#postgres.transaction(async (tx) => {
      // Whoever settles one of them has read its events: waited for while nothing is locked here that anybody else wants.
      await tx.rows('select from conversion_sales where call_id = any ($1) order by call_id for update', [callIds])
      // The end of one of these calls may be being written: it holds the same locks (migrations/0025).
      await tx.rows(
        `select pg_advisory_xact_lock(4801025, h)
         from (select distinct hashtext(c::text) as h from unnest($1::uuid[]) c order by 1) l`,
        [callIds],
      )
      const refusalOf = await refusals(tx, batch)
      const early = batch.filter((each) => refusalOf(each) === 'unknown_call' && mayCome(each))
      const rows = batch.filter((each) => !early.includes(each)).map((each) => trackingRow(each.event, refusalOf(each)))
      const fresh = await tx.rows(
        `insert into tracking_events select * from jsonb_populate_recordset(null::tracking_events, $1::jsonb)
         on conflict (id) do nothing returning *`,
        [storableJson(rows)],
      )
      const counted = fresh.map(readTracking).filter(({ refused }) => refused === null)
      await tx.rows('update conversion_sales set is_behind = true where call_id = any ($1)', [
        [...new Set(counted.map(({ callId }) => callId))].toSorted(),
      ])
      const events = counted.map(announce)
      await keepEvents(tx, events)
      return { events, early }
    })
  }

  /**
   * Brings the money of calls up to date with what is known of them. Answers how many calls that were; 0: none is behind. One that
   * fails leaves the others theirs. Throws when Postgres is away.
   */
  async settleBehind(rules: ConversionRules, onFailure: (callId: CallId, error: Error) => void): Promise<number> {
    const behind = await this.#postgres.rows(
      `select call_id from conversion_sales where is_behind order by call_id limit ${BEHIND_AT_ONCE}`,
    )
    let settled = 0
    for (const { call_id: callId } of behind) {
      try {
        if (await this.#settle(callId, rules)) settled++
      } catch (error) {
        if (isAway(error) || isRetryable(error)) throw error
        onFailure(callId, error as Error)
      }
    }
    return settled
  }

  async #settle(callId: CallId, rules: ConversionRules): Promise<boolean> {
    const done = await this.#postgres.transaction(async (tx) => {
      const [sale] = await tx.rows(
        'select * from conversion_sales where call_id = $1 and is_behind for update skip locked',
        [callId],
      )
      if (!sale) return null // Another process has it.
      const events = await tx.rows('select * from tracking_events where call_id = $1 and refused is null', [callId])
      const terms: SoldTerms = readTerms(sale['terms'])
      const from = { priceMicros: readMicros(sale['charged_micros']), payoutMicros: readMicros(sale['paid_micros']) }
      const [over] = await tx.rows(`select from disputes where call_id = $1 and state = 'accepted'`, [callId])
      // Its buyer has had its money back: what is reported from then on is kept, and moves nothing.
      const to = over ? from : rules.owedFor(terms, events.map(readTracking), sale['until_at'])
      const nth = sale['postings'] + 1
      const posting = rules.post({ postingId: newId(), callId, terms, from, to, nth, at: new Date(rules.now()) })
      let announced: readonly DomainEvent[] = []
      const announce: AnnouncePosting = (balanceOf) => (announced = rules.announce(terms, posting!, balanceOf))
      const posted = posting && (await this.#ledger.postIn(tx, posting, announce))
      await tx.rows(
        `update conversion_sales set is_behind = false, charged_micros = $2, paid_micros = $3, postings = postings + $4
         where call_id = $1`,
        [callId, to.priceMicros, to.payoutMicros, posting ? 1 : 0],
      )
      const converted = from.priceMicros === 0n && to.priceMicros > 0n ? await placeOf(tx, callId) : null
      return { posting, version: posted?.version ?? null, announced, converted }
    })
    if (done === null) return false
    if (done.posting && done.version !== null) {
      await this.#ledger.written(done.version, done.posting)
      rules.posted(done.posting, done.announced)
    }
    if (done.converted) rules.converted(done.converted)
    return true
  }

  /** Of this gateway, those that something may still be charged for: what its memory of holds is restored from. */
  async open(gatewayId: string): Promise<OpenConversion[]> {
    const rows = await this.#postgres.rows(
      'select * from conversion_sales where gateway_id = $1 and until_at > now() order by until_at',
      [gatewayId],
    )
    return rows.map((row) => ({
      hold: {
        id: row['hold_id'],
        callId: row['call_id'],
        accountId: row['buyer_id'],
        currency: row['terms']['currency'],
        amountMicros: readMicros(row['most_micros']) - readMicros(row['charged_micros']),
        heldAt: row['held_at'],
      },
      until: row['until_at'],
    }))
  }

  async quarantine(gatewayId: string, body: string, error: string): Promise<void> {
    await this.#postgres.rows('insert into quarantine (gateway_id, record, error) values ($1, $2, $3)', [
      gatewayId,
      body,
      error,
    ])
  }
}

/** Why events that were taken while the call could not be looked up do not count. */
async function refusals(
  tx: Queries,
  batch: readonly AcceptedEvent[],
): Promise<(accepted: AcceptedEvent) => TrackingRefusal | null> {
  const unchecked = new Set(batch.filter(({ isChecked }) => !isChecked).map(({ event }) => event.callId))
  const calls = new Map<string, Row>()
  for (const callId of unchecked) {
    const [row] = await tx.rows('select id, seller_id, buyer_id, currency from known_calls where id = $1', [callId])
    if (row) calls.set(callId, row)
  }
  return ({ event, isChecked }) => {
    if (isChecked) return null
    const call = calls.get(event.callId)
    if (!call) return 'unknown_call'
    const party = event.role === 'seller' ? call['seller_id'] : call['buyer_id']
    if (event.role !== 'admin' && party !== event.accountId) return 'not_yours'
    return event.currency !== null && event.currency !== call['currency'] ? 'wrong_currency' : null
  }
}

/** Where a call was sold; null when its record is not there, or has no target. */
async function placeOf(tx: Queries, callId: CallId): Promise<ConvertedCall | null> {
  const [row] = await tx.rows(
    'select target_id, campaign_id, seller_id from calls where id = $1 and target_id is not null and campaign_id is not null',
    [callId],
  )
  return row ? { targetId: row['target_id'], campaignId: row['campaign_id'], sellerId: row['seller_id'] } : null
}
