import type { ReportStore } from '../../api/needs.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { CallFigures, ReportKey, ReportScope } from '../../model/report.ts'

/** The figures in the plainest way there is: a recount, which storage's are compared with, too. */
export function recount(calls: readonly CallRecord[]): CallFigures {
  const sum = (each: (call: CallRecord) => number): number => calls.reduce((total, call) => total + each(call), 0)
  const isEffective = ({ answeredAt, outcome }: CallRecord): boolean =>
    answeredAt !== null || outcome === 'busy' || outcome === 'no_answer' || outcome === 'cancelled'
  return {
    calls: calls.length,
    answered: sum(({ answeredAt }) => Number(answeredAt !== null)),
    effective: sum((call) => Number(isEffective(call))),
    billed: sum(({ billableMs }) => Number(billableMs > 0)),
    talkMs: sum(({ answeredAt, durationMs }) => (answeredAt ? durationMs : 0)),
    rang: sum(({ ringingAt }) => Number(ringingAt !== null)),
    postDialDelayMs: sum(({ ringingAt, receivedAt }) => (ringingAt ? ringingAt.getTime() - receivedAt.getTime() : 0)),
    revenueMicros: calls.reduce((total, { priceMicros }) => total + priceMicros, 0n),
    payoutMicros: calls.reduce((total, { payoutMicros }) => total + payoutMicros, 0n),
    disputed: 0, // Disputes change no CDR.
    creditMicros: 0n,
    clawbackMicros: 0n,
  }
}

/** What a report calls a call, when counting by this. */
export function keyOf(by: ReportKey, call: CallRecord): string | null {
  if (by === 'vertical' || by === 'outcome') return call[by]
  return by === 'state' ? (call.legs[0]?.state ?? null) : call[`${by}Id`]
}

/** The ended calls of a scope. */
export function callsIn(calls: Iterable<CallRecord>, { from, until, sellerId, buyerId }: ReportScope): CallRecord[] {
  return [...calls].filter(
    (call) =>
      call.state === 'ended' &&
      call.receivedAt >= from &&
      call.receivedAt < until &&
      (sellerId ?? call.sellerId) === call.sellerId &&
      (buyerId ?? call.buyerId) === call.buyerId,
  )
}

/** Reports over calls in memory: of one currency, and by the minute. */
export function reports(records: Map<string, CallRecord>): ReportStore {
  const grouped = <K>(scope: ReportScope, nameOf: (call: CallRecord) => K): [K, CallRecord[]][] => [
    ...Map.groupBy(callsIn(records.values(), scope), nameOf),
  ]
  return {
    by: async (key, scope, limit) =>
      grouped(scope, (call) => keyOf(key, call))
        .map(([value, calls]) => ({ key: value, currency: calls[0]!.currency, ...recount(calls) }))
        .slice(0, limit),
    over: async (_interval, _timezone, scope) =>
      grouped(scope, ({ receivedAt }) => Math.floor(receivedAt.getTime() / 60_000) * 60_000).map(([ms, calls]) => ({
        at: new Date(ms),
        currency: calls[0]!.currency,
        ...recount(calls),
      })),
    total: async (scope) =>
      grouped(scope, ({ currency }) => currency).map(([currency, calls]) => ({ currency, ...recount(calls) })),
  }
}
