import { z } from 'zod'
import type { Account } from '../model/account.ts'
import type { Micros } from '../model/money.ts'
import {
  INTERVALS,
  REPORT_KEYS,
  type CallFigures,
  type Interval,
  type ReportKey,
  type ReportScope,
} from '../model/report.ts'
import { mayReadCall } from './call-views.ts'
import { csvText } from './csv.ts'
import { endpoint, EVERYONE, type Answer, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import type { ReportStore } from './needs.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'
import { createTurns } from './turns.ts'

const DAY_MS = 86_400_000
/** The longest time one report may be of. */
const MOST_DAYS = 93
/** The most groups of a report; those that brought the most come first. */
const MOST_GROUPS = 1000
/** The longest time a series may be of, so that none has more than some 1,500 points a currency. */
const LONGEST: Readonly<Record<Interval, number>> = { minute: DAY_MS, hour: 62 * DAY_MS, day: MOST_DAYS * DAY_MS }

/** Reports counted at a time, of ten connections that all of the API has. */
const MOST_AT_ONCE = 2
/** So many more wait their turn. */
const MOST_WAITING = 20

const rate = z.number().min(0).max(1).nullable()
const Figures = {
  currency: z.string(),
  calls: z.int(),
  answered: z.int(),
  billed: z.int(),
  asr: rate.meta({ description: 'Answered of all (answer-seizure ratio)' }),
  ner: rate.meta({ description: 'Answered, busy, not answered or given up, of all (network effectiveness ratio)' }),
  conversion: rate.meta({ description: 'Billed of the answered' }),
  acd_seconds: z.number().nullable().meta({ description: 'Average duration of an answered call' }),
  pdd_ms: z.number().nullable().meta({ description: 'Average post-dial delay, to the ringing at the buyer’s' }),
  revenue: s.printedMoney().nullable().meta({ description: 'What buyers paid; not told to sellers' }),
  payout: s.printedMoney().nullable().meta({ description: 'What sellers were paid; not told to buyers' }),
  margin: s
    .printedMoney()
    .nullable()
    .meta({ description: 'Revenue less payout, and less what was given back; for administrators' }),
  revenue_per_call: s.printedMoney().nullable().meta({ description: 'RPC: of a seller’s calls, what it was paid' }),
  disputed: z.int().meta({ description: 'Calls of which an accepted dispute has given something back' }),
  credited: s.printedMoney().nullable().meta({ description: 'What buyers were given back of the revenue' }),
  clawed_back: s.printedMoney().nullable().meta({ description: 'What sellers gave back of the payout' }),
  minutes: z.number().meta({ description: 'Talked, all answered calls together' }),
  revenue_per_minute: s
    .printedMoney()
    .nullable()
    .meta({ description: 'Of a minute talked; of a seller’s calls, what it was paid' }),
}
const Group = z.strictObject({ key: z.string().nullable(), ...Figures })
const Point = z.strictObject({ at: s.printedTime(), ...Figures })
const Window = z.strictObject({
  from: s.printedTime(),
  until: s.printedTime(),
  figures: z.array(z.strictObject(Figures)),
})

const range = { from: s.instant(), until: s.instant().optional(), format: z.enum(['json', 'csv']).default('json') }
const ReportQuery = z.strictObject(range)
const SeriesQuery = z.strictObject({
  ...range,
  interval: z.enum(INTERVALS).default('hour'),
  timezone: s.timezone().optional(),
})

/** What calls came to, from their CDRs: a seller's own, a buyer's own, all for administrators. Disputes change no CDR: what they gave back stands beside. */
export function analyticsEndpoints(kit: Kit): Endpoint[] {
  const { accounts } = kit.stores
  const inTurn = createTurns(MOST_AT_ONCE, MOST_WAITING)
  const reports: ReportStore = {
    by: (...asked) => inTurn(() => kit.stores.reports.by(...asked)),
    over: (...asked) => inTurn(() => kit.stores.reports.over(...asked)),
    total: (...asked) => inTurn(() => kit.stores.reports.total(...asked)),
  }
  const common = { method: 'get', tag: 'analytics', who: EVERYONE } as const
  const accountOf = async (caller: Caller): Promise<Account | null> => accounts.find(caller.accountId)

  return [
    endpoint({
      ...common,
      path: '/reports/{by}',
      summary: `Count ended calls by ${REPORT_KEYS.join(', ')}: those that brought the most first, at most ${MOST_GROUPS}`,
      query: ReportQuery,
      answers: { 200: z.strictObject({ data: z.array(Group) }) },
      otherTypes: ['text/csv'],
      async handle({ caller, params, query }) {
        const by = params['by'] as ReportKey
        if (!REPORT_KEYS.includes(by) || isHidden(by, caller)) throw notFound('report')
        const scope = scopeOf(kit, caller, query, MOST_DAYS * DAY_MS)
        const rows = await reports.by(by, scope, MOST_GROUPS)
        return answer(
          query.format,
          `report-${by}`,
          rows.map((row) => ({ key: row.key, ...view(row, row.currency, caller) })),
        )
      },
    }),
    endpoint({
      ...common,
      path: '/analytics/timeseries',
      summary: 'Count ended calls by minute, hour or day; times without calls are left out',
      query: SeriesQuery,
      answers: { 200: z.strictObject({ data: z.array(Point) }) },
      otherTypes: ['text/csv'],
      async handle({ caller, query }) {
        const scope = scopeOf(kit, caller, query, LONGEST[query.interval])
        const timezone = query.timezone ?? (await accountOf(caller))?.timezone ?? 'UTC'
        const points = await reports.over(query.interval, timezone, scope)
        const data = points.map((point) => ({ at: s.printTime(point.at), ...view(point, point.currency, caller) }))
        return answer(query.format, `calls-by-${query.interval}`, data)
      },
    }),
    endpoint({
      ...common,
      path: '/analytics/dashboard',
      summary: 'Calls in progress, the last hour and the last 24, beside the 24 before them',
      answers: {
        200: z.strictObject({ live_calls: z.int(), last_hour: Window, last_day: Window, day_before: Window }),
      },
      async handle({ caller }) {
        const now = kit.clock.now()
        const window = async (fromMs: number, untilMs: number): Promise<z.input<typeof Window>> => {
          const [from, until] = [new Date(fromMs), new Date(untilMs)]
          const rows = await reports.total({ from, until, ...ownCalls(caller) })
          const figures = rows.map((row) => view(row, row.currency, caller))
          return { from: s.printTime(from), until: s.printTime(until), figures }
        }
        const [lastHour, lastDay, dayBefore] = await Promise.all([
          window(now - DAY_MS / 24, now),
          window(now - DAY_MS, now),
          window(now - 2 * DAY_MS, now - DAY_MS),
        ])
        const live = kit.liveCalls.list().filter((call) => call.state !== 'ended' && mayReadCall(call, caller)).length
        return {
          status: 200,
          body: { live_calls: live, last_hour: lastHour, last_day: lastDay, day_before: dayBefore },
        }
      },
    }),
  ]
}

/** Whose name the other side does not learn cannot be counted by either. */
function isHidden(by: ReportKey, { role }: Caller): boolean {
  if (role === 'seller') return by === 'buyer' || by === 'campaign' || by === 'target'
  return role === 'buyer' && (by === 'seller' || by === 'number')
}

function ownCalls({ role, accountId }: Caller): Pick<ReportScope, 'sellerId' | 'buyerId'> {
  if (role === 'admin') return {}
  return role === 'seller' ? { sellerId: accountId } : { buyerId: accountId }
}

function scopeOf(
  kit: Kit,
  caller: Caller,
  query: { from: Date; until?: Date | undefined },
  mostMs: number,
): ReportScope {
  const { from, until = new Date(kit.clock.now()) } = query
  if (until <= from) throw invalid('/query/until', 'must be after from', 'too_small')
  if (until.getTime() - from.getTime() > mostMs)
    throw invalid('/query/from', `must be at most ${mostMs / DAY_MS} days before until`, 'too_long')
  return { from, until, ...ownCalls(caller) }
}

function view(figures: CallFigures, currency: string, { role }: Caller) {
  const { calls, answered, effective, billed, talkMs, rang, postDialDelayMs, disputed } = figures
  const { revenueMicros, payoutMicros, creditMicros, clawbackMicros } = figures
  const ratio = (part: number, whole: number): number | null =>
    whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000
  const earnedMicros = role === 'seller' ? payoutMicros : revenueMicros
  return {
    currency,
    calls,
    answered,
    billed,
    asr: ratio(answered, calls),
    ner: ratio(effective, calls),
    conversion: ratio(billed, answered),
    acd_seconds: answered === 0 ? null : Math.round(talkMs / answered) / 1000,
    pdd_ms: rang === 0 ? null : Math.round(postDialDelayMs / rang),
    revenue: role === 'seller' ? null : s.printMoney(revenueMicros),
    payout: role === 'buyer' ? null : s.printMoney(payoutMicros),
    margin: role === 'admin' ? s.printMoney(revenueMicros - creditMicros - payoutMicros + clawbackMicros) : null,
    revenue_per_call: calls === 0 ? null : s.printMoney(perCall(earnedMicros, calls)),
    disputed,
    credited: role === 'seller' ? null : s.printMoney(creditMicros),
    clawed_back: role === 'buyer' ? null : s.printMoney(clawbackMicros),
    minutes: Math.round(talkMs / 600) / 100,
    revenue_per_minute: talkMs < 1 ? null : s.printMoney(perMinute(earnedMicros, talkMs)),
  }
}

/** To the tenth of a cent. */
function perMinute(micros: Micros, talkMs: number): Micros {
  return ((micros * 60_000n) / BigInt(Math.round(talkMs)) / 1000n) * 1000n
}

/** To the tenth of a cent. */
function perCall(micros: Micros, calls: number): Micros {
  return (micros / BigInt(calls) / 1000n) * 1000n
}

type Cell = string | number | null

function answer(format: 'json' | 'csv', name: string, data: readonly Readonly<Record<string, Cell>>[]): Answer {
  if (format === 'json') return { status: 200, body: { data } }
  const columns = Object.keys(data[0] ?? {})
  const lines = [columns, ...data.map((row) => columns.map((column) => csvCell(row[column] ?? null)))]
  return {
    status: 200,
    content: { type: 'text/csv; charset=utf-8', bytes: lines.map((line) => `${line.join(',')}\r\n`).join('') },
    headers: { 'content-disposition': `attachment; filename="${name}.csv"` },
  }
}

function csvCell(cell: Cell): string {
  return typeof cell === 'string' ? csvText(cell) : String(cell ?? '')
}
