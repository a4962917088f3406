import type { ReportStore } from '../api/needs.ts'
import type { CallFigures, Interval, ReportKey, ReportRow, ReportScope, TimeSeriesPoint } from '../model/report.ts'
import type { Currency } from '../model/money.ts'
import { readMicros } from './columns.ts'
import type { Queries, Row } from './postgres.ts'

/** Columns of `calls`, by what reports call them: the only text that becomes SQL. */
const COLUMNS: Readonly<Record<ReportKey, string>> = {
  seller: 'seller_id',
  buyer: 'buyer_id',
  campaign: 'campaign_id',
  target: 'target_id',
  number: 'number_id',
  vertical: 'vertical',
  outcome: 'outcome',
}

const FIGURES = `count(*)::int as calls,
  count(answered_at)::int as answered,
  (count(*) filter (where answered_at is not null or outcome in ('busy', 'no_answer', 'cancelled')))::int as effective,
  (count(*) filter (where billable_ms > 0))::int as billed,
  coalesce(sum(duration_ms) filter (where answered_at is not null), 0) as talk_ms,
  count(ringing_at)::int as rang,
  coalesce(sum(extract(epoch from ringing_at - received_at) * 1000), 0)::float8 as post_dial_delay_ms,
  sum(price_micros)::text as revenue, sum(payout_micros)::text as payout`

const SCOPE = `state = 'ended' and received_at >= $1 and received_at < $2
  and ($3::uuid is null or seller_id = $3) and ($4::uuid is null or buyer_id = $4)`

/** Reports, counted from the CDRs as they are asked for: never another figure than a recount’s. */
export class PostgresReports implements ReportStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async by(key: ReportKey, scope: ReportScope, limit: number): Promise<ReportRow[]> {
    const rows = await this.#queries.rows(
      `select ${COLUMNS[key]}::text as key, currency, ${FIGURES} from calls where ${SCOPE}
       group by 1, 2 order by sum(price_micros) desc, count(*) desc, 1 nulls last limit $5`,
      [...valuesOf(scope), limit],
    )
    return rows.map((row) => ({ ...readFigures(row), key: row['key'], currency: row['currency'] }))
  }

  async total(scope: ReportScope): Promise<(CallFigures & { currency: Currency })[]> {
    const rows = await this.#queries.rows(
      `select currency, ${FIGURES} from calls where ${SCOPE} group by 1 order by 1`,
      valuesOf(scope),
    )
    return rows.map((row) => ({ ...readFigures(row), currency: row['currency'] }))
  }

  async over(interval: Interval, timezone: string, scope: ReportScope): Promise<TimeSeriesPoint[]> {
    const rows = await this.#queries.rows(
      `select date_trunc($5, received_at, $6) as at, currency, ${FIGURES} from calls where ${SCOPE} group by 1, 2 order by 1, 2`,
      [...valuesOf(scope), interval, timezone],
    )
    return rows.map((row) => ({ ...readFigures(row), at: row['at'], currency: row['currency'] }))
  }
}

function valuesOf({ from, until, sellerId, buyerId }: ReportScope): unknown[] {
  return [from, until, sellerId ?? null, buyerId ?? null]
}

function readFigures(row: Row): CallFigures {
  return {
    calls: row['calls'],
    answered: row['answered'],
    effective: row['effective'],
    billed: row['billed'],
    talkMs: row['talk_ms'],
    rang: row['rang'],
    postDialDelayMs: row['post_dial_delay_ms'],
    revenueMicros: readMicros(row['revenue']),
    payoutMicros: readMicros(row['payout']),
  }
}
