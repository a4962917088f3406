import type { ReportStore } from '../api/needs.ts'
import type { Currency } from '../model/money.ts'
import type { CallFigures, Interval, ReportKey, ReportRow, ReportScope, TimeSeriesPoint } from '../model/report.ts'
import { coarsestOn, rangesOf, type Grain, type Range } from '../model/report-ranges.ts'
import { readMicros } from './columns.ts'
import type { Queries, Row } from './postgres.ts'
import { SUMS } from './rollups.ts'

/** With more calls than this not rolled up yet, as after an upgrade, all of a report is counted from the calls. */
const MOST_WAITING = 20_000

/** Columns of `call_facts`, by what reports call them: the only text that becomes SQL. */
const COLUMNS: Readonly<Record<ReportKey, string>> = {
  seller: 'seller_id',
  buyer: 'buyer_id',
  campaign: 'campaign_id',
  target: 'target_id',
  number: 'number_id',
  vertical: 'vertical',
  outcome: 'outcome',
  state: 'caller_state',
}

const SUMMED = SUMS.map((column) => `sum(${column})::text as ${column}`).join(', ')

/** What is to be counted, and how it is called in either place. */
interface Question {
  readonly scope: ReportScope
  /** The family of rollups that has it; null: none, and it is counted from the calls. */
  readonly family: string | null
  /** The coarsest sums it can be made of. */
  readonly coarsest: Grain
  /** What is grouped by, as it is read from either. */
  readonly ofRollups: string
  readonly ofCalls: string
  readonly values: readonly unknown[]
  readonly order: string
  readonly limit: number | null
}

/**
 * Reports: whole days, hours and minutes from the rollups, what is left at the ends and what is not rolled up yet from the calls. It is
 * one statement, so one moment's view of both, in which each call is in exactly one: never another figure than a recount’s.
 */
export class PostgresReports implements ReportStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async by(key: ReportKey, scope: ReportScope, limit: number): Promise<ReportRow[]> {
    const rows = await this.#ask({
      scope,
      family: familyOf(key, scope),
      coarsest: 'day',
      ofRollups: 'key as label',
      ofCalls: `${COLUMNS[key]}::text as label`,
      values: [],
      order: 'sum(revenue_micros) desc, sum(calls) desc, 1 nulls last',
      limit,
    })
    return rows.map((row) => ({ ...readFigures(row), key: row['label'], currency: row['currency'] }))
  }

  async total(scope: ReportScope): Promise<(CallFigures & { currency: Currency })[]> {
    const nothing = `'' as label`
    const rows = await this.#ask({
      scope,
      family: familyOf(scope.buyerId ? 'buyer' : 'seller', scope),
      coarsest: 'day',
      ofRollups: nothing,
      ofCalls: nothing,
      values: [],
      order: '2',
      limit: null,
    })
    return rows.map((row) => ({ ...readFigures(row), currency: row['currency'] }))
  }

  async over(interval: Interval, timezone: string, scope: ReportScope): Promise<TimeSeriesPoint[]> {
    const rows = await this.#ask({
      scope,
      family: familyOf(scope.buyerId ? 'buyer' : 'seller', scope),
      coarsest: coarsestOn(timezone, interval, scope.from, scope.until),
      ofRollups: 'date_trunc($1, at, $2) as label',
      ofCalls: 'date_trunc($1, received_at, $2) as label',
      values: [interval, timezone],
      order: '1, 2',
      limit: null,
    })
    return rows.map((row) => ({ ...readFigures(row), at: row['label'], currency: row['currency'] }))
  }

  async #ask(question: Question): Promise<Row[]> {
    const { scope, family, coarsest, order, limit } = question
    const values = [...question.values]
    const value = (each: unknown, type: string): string => `$${values.push(each)}::${type}`
    const within = (column: string, { from, until }: Range): string =>
      `${column} >= ${value(from, 'timestamptz')} and ${column} < ${value(until, 'timestamptz')}`
    const owners =
      (scope.sellerId ? ` and seller_id = ${value(scope.sellerId, 'uuid')}` : '') +
      (scope.buyerId ? ` and buyer_id = ${value(scope.buyerId, 'uuid')}` : '')
    const ofCalls = (where: string): string =>
      `select ${question.ofCalls}, currency, ${SUMS.join(', ')} from call_facts where ${where}${owners}`

    const ranges = await this.#rangesOf(scope, family, coarsest)
    const rolled = ranges.filter(({ grain }) => grain !== 'call')
    const parts = ranges.filter(({ grain }) => grain === 'call').map((range) => ofCalls(within('received_at', range)))
    if (rolled.length > 0) {
      const owner = scope.sellerId ?? scope.buyerId
      const where = `family = ${value(family, 'text')}${owner ? ` and owner = ${value(owner, 'uuid')}` : ''}`
      for (const range of rolled)
        parts.push(
          `select ${question.ofRollups}, currency, ${SUMS.join(', ')} from call_rollups_${range.grain} where ${where} and ${within('at', range)}`,
        )
      const waiting = 'id = any (array(select unnest(facts) from rollup_queue))'
      parts.push(ofCalls(`${waiting} and (${rolled.map((range) => within('received_at', range)).join(' or ')})`))
    }
    return this.#queries.rows(
      `select label, currency, ${SUMMED} from (${parts.join(' union all ')}) facts group by 1, 2 order by ${order}` +
        (limit === null ? '' : ` limit ${value(limit, 'integer')}`),
      values,
    )
  }

  async #rangesOf({ from, until }: ReportScope, family: string | null, coarsest: Grain): Promise<Range[]> {
    if (family === null) return rangesOf(from, until, 'call')
    const [state] = await this.#queries.rows(
      `select extract(epoch from minutes_since)::float8 * 1000 as minutes_since,
         (select coalesce(sum(cardinality(facts)), 0)::float8 from rollup_queue) as waiting from rollup_state`,
    )
    if (state!['waiting'] > MOST_WAITING) return rangesOf(from, until, 'call')
    return rangesOf(from, until, coarsest, state!['minutes_since'])
  }
}

/** The family of rollups in which these calls are counted by this, of whoever owns them. */
function familyOf(key: ReportKey, { sellerId, buyerId }: ReportScope): string | null {
  if (sellerId && buyerId) return null
  if (key === 'seller' || key === 'number') return buyerId ? null : key
  if (key === 'buyer' || key === 'campaign' || key === 'target') return sellerId ? null : key
  return `${key} of ${buyerId ? 'buyer' : 'seller'}`
}

function readFigures(row: Row): CallFigures {
  return {
    calls: Number(row['calls']),
    answered: Number(row['answered']),
    effective: Number(row['effective']),
    billed: Number(row['billed']),
    talkMs: Number(row['talk_us']) / 1000,
    rang: Number(row['rang']),
    postDialDelayMs: Number(row['post_dial_us']) / 1000,
    disputed: Number(row['disputed']),
    revenueMicros: readMicros(row['revenue_micros']),
    payoutMicros: readMicros(row['payout_micros']),
    creditMicros: readMicros(row['credit_micros']),
    clawbackMicros: readMicros(row['clawback_micros']),
  }
}
