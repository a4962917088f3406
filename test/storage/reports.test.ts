import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { CallRecord } from '../../model/cdr.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import { REPORT_KEYS, type CallFigures, type ReportScope } from '../../model/report.ts'
import { callsIn, keyOf, recount } from '../support/memory-reports.ts'
import { callRecord, endedRecord } from '../support/records.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const START = Date.parse('2026-03-07T00:00:00Z') // The clocks of New York spring forward on the 8th.
const HOURS = 72
const OUTCOMES = ['answered', 'no_sale', 'busy', 'no_answer', 'cancelled', 'refused', 'failed'] as const
const ids = Array.from({ length: 3 }, () => newId<AccountId>())

describe('reports', () => {
  let storage: TestStorage
  const written: CallRecord[] = []

  before(async () => {
    storage = await openTestStorage()
    const seeds = fc.sample(
      fc.record({
        minute: fc.integer({ min: 0, max: HOURS * 60 - 1 }),
        outcome: fc.constantFrom(...OUTCOMES),
        seller: fc.constantFrom(...ids),
        buyer: fc.option(fc.constantFrom(...ids)),
        currency: fc.constantFrom('USD', 'USD', 'EUR'),
        vertical: fc.option(fc.constantFrom('legal', 'solar')),
        ringMs: fc.option(fc.integer({ min: 1, max: 60_000 })),
        talkMs: fc.integer({ min: 0, max: 600_000 }),
        isBilled: fc.boolean(),
        cents: fc.integer({ min: 1, max: 10_000 }),
      }),
      { numRuns: 400, seed: 7 },
    )
    for (const seed of seeds) {
      const receivedAt = new Date(START + seed.minute * 60_000)
      const isAnswered = seed.outcome === 'answered'
      const ringingAt = seed.ringMs === null ? null : new Date(receivedAt.getTime() + seed.ringMs)
      const priceMicros = isAnswered && seed.isBilled ? BigInt(seed.cents) * 10_000n : 0n
      const begun = callRecord({ receivedAt, sellerId: seed.seller, buyerId: seed.buyer, currency: seed.currency })
      const record = endedRecord(begun, { posting: null })
      assert.ok(record.kind === 'ended')
      const call: CallRecord = {
        ...record.call,
        outcome: seed.outcome,
        vertical: seed.vertical,
        numberId: seed.seller as never,
        targetId: seed.buyer as never,
        campaignId: seed.buyer as never,
        ringingAt,
        answeredAt: isAnswered ? receivedAt : null,
        durationMs: isAnswered ? seed.talkMs : 0,
        billableMs: priceMicros > 0n ? seed.talkMs + 1 : 0,
        priceMicros,
        payoutMicros: priceMicros / 2n,
      }
      written.push(call)
      void storage.writer.write({ ...record, call, auction: null })
    }
    await storage.writer.drain()
  })
  after(() => storage.close())

  const scopes = fc
    .record({
      hours: fc.tuple(fc.integer({ min: -5, max: HOURS }), fc.integer({ min: 1, max: HOURS })),
      seller: fc.option(fc.constantFrom(...ids)),
      buyer: fc.option(fc.constantFrom(...ids)),
    })
    .map(({ hours: [first, count], seller, buyer }): ReportScope => ({
      from: new Date(START + first * 3_600_000),
      until: new Date(START + (first + count) * 3_600_000),
      ...(seller && { sellerId: seller }),
      ...(buyer && { buyerId: buyer }),
    }))

  /** Groups by a text made of what they have in common, each with its figures. */
  const recounted = (scope: ReportScope, nameOf: (call: CallRecord) => string): Map<string, CallFigures> =>
    new Map(
      [...Map.groupBy(callsIn(written, scope), (call) => `${nameOf(call)} ${call.currency}`)].map(([key, group]) => [
        key,
        recount(group),
      ]),
    )
  const figures = (row: CallFigures) => ({ ...row, postDialDelayMs: Math.round(row.postDialDelayMs) })

  it('by anything say what a recount of the CDRs says (60 scopes of each)', async () => {
    for (const by of REPORT_KEYS) {
      await fc.assert(
        fc.asyncProperty(scopes, async (scope) => {
          const rows = await storage.stores.reports.by(by, scope, 1000)
          const told = new Map(rows.map(({ key, currency, ...row }) => [`${key} ${currency}`, row]))
          assert.deepEqual(
            told,
            recounted(scope, (call) => String(keyOf(by, call))),
          )
        }),
        { numRuns: 60 },
      )
    }
  })

  it('in all and by time say the same, each hour and day on the clocks asked for', async () => {
    const scope = { from: new Date(START), until: new Date(START + HOURS * 3_600_000) }
    const { reports } = storage.stores
    const total = await reports.total(scope)
    assert.deepEqual(
      new Map(total.map(({ currency, ...row }) => [` ${currency}`, figures(row)])),
      recounted(scope, () => ''),
    )
    for (const interval of ['minute', 'hour', 'day'] as const) {
      const points = await reports.over(interval, 'America/New_York', scope)
      assert.equal(
        points.reduce((sum, point) => sum + point.calls, 0),
        written.length,
      )
    }
    const days = await reports.over('day', 'America/New_York', scope)
    const starts = new Set(days.map(({ at }) => at.toISOString()))
    // Friday’s evening, a whole Saturday, a Sunday of 23 hours, and Monday’s evening hours of the scope.
    assert.deepEqual(
      [...starts],
      ['2026-03-06T05:00:00.000Z', '2026-03-07T05:00:00.000Z', '2026-03-08T05:00:00.000Z', '2026-03-09T04:00:00.000Z'],
    )
  })

  it('end after so many groups, those that brought the most before the others', async () => {
    const scope = { from: new Date(START), until: new Date(START + HOURS * 3_600_000) }
    const all = await storage.stores.reports.by('seller', scope, 1000)
    const some = await storage.stores.reports.by('seller', scope, 2)
    assert.deepEqual(some, all.slice(0, 2))
    assert.ok(all.every(({ revenueMicros }, index) => index === 0 || revenueMicros <= all[index - 1]!.revenueMicros))
  })
})
