import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { CallRecord } from '../../model/cdr.ts'
import { newId, type AccountId, type DisputeId, type PostingId } from '../../model/ids.ts'
import { INTERVALS, REPORT_KEYS, type CallFigures, type ReportKey, type ReportScope } from '../../model/report.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { Postgres } from '../../storage/postgres.ts'
import { rebuildRollups, verifyRollups } from '../../storage/rollup-check.ts'
import { Rollups } from '../../storage/rollups.ts'
import { accountDraft } from '../support/drafts.ts'
import { callsIn, keyOf, recount } from '../support/memory-reports.ts'
import { callRecord, endedRecord } from '../support/records.ts'
import { openTestStorage, silentLog, type TestStorage } from '../support/storage.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** Calls are of these days: the clocks of New York and of Kolkata, which never agree with UTC's hours, stand in between. */
const START = Date.now() - 20 * DAY_MS
const DAYS = 19
const OUTCOMES = [
  'answered',
  'answered',
  'answered',
  'no_sale',
  'busy',
  'no_answer',
  'cancelled',
  'refused',
  'failed',
] as const
const TIMEZONES = ['America/New_York', 'Asia/Kolkata', 'UTC']

describe('rollups', function () {
  this.timeout(240_000) // A machine that others keep busy takes ten times as long.

  let storage: TestStorage
  let buyers: AccountId[]
  let sellers: AccountId[]
  const written: CallRecord[] = []
  let reports = 0
  /** What conversions have brought since, by call. */
  const converted = new Map<string, { priceMicros: bigint; payoutMicros: bigint }[]>()
  /** What accepted disputes gave back, by call. */
  const given = new Map<string, { creditMicros: bigint; clawbackMicros: bigint }>()

  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    const account = async (type: 'buyer' | 'seller') =>
      (await storage.stores.accounts.create({ ...accountDraft(), type })).id
    buyers = [await account('buyer'), await account('buyer')]
    sellers = [await account('seller'), await account('seller')]
  })
  after(() => storage.close())

  const seeds = fc.record({
    atMs: fc.oneof(
      // Every eighth hour has some: a check looks at each hour that has.
      fc
        .tuple(fc.integer({ min: 0, max: DAYS * 3 }), fc.integer({ min: 0, max: HOUR_MS }))
        .map(([third, ms]) => third * 8 * HOUR_MS + ms),
      // The edges of buckets, and a crowd in one hour.
      fc
        .integer({ min: 0, max: DAYS * 24 })
        .map((hour) => Math.ceil(START / HOUR_MS) * HOUR_MS - START + hour * 8 * HOUR_MS),
      fc.integer({ min: 0, max: HOUR_MS }),
    ),
    outcome: fc.constantFrom(...OUTCOMES),
    seller: fc.nat(1),
    buyer: fc.option(fc.nat(1)),
    currency: fc.constantFrom('USD', 'USD', 'EUR'),
    vertical: fc.option(fc.constantFrom('legal', 'solar')),
    state: fc.option(fc.constantFrom('NY', 'TX')),
    ringMs: fc.option(fc.integer({ min: 1, max: 60_000 })),
    talkMs: fc.double({ min: 0, max: 600_000, noNaN: true }),
    isBilled: fc.boolean(),
    cents: fc.integer({ min: 2, max: 10_000 }),
  })
  type Seed = typeof seeds extends fc.Arbitrary<infer T> ? T : never

  function callOf(seed: Seed): CallRecord {
    const receivedAt = new Date(START + seed.atMs)
    const begun = callRecord({ receivedAt, sellerId: sellers[seed.seller]!, currency: seed.currency })
    const buyerId = seed.buyer === null ? null : buyers[seed.buyer]!
    const isAnswered = seed.outcome === 'answered'
    const priceMicros = isAnswered && seed.isBilled && buyerId ? BigInt(seed.cents) * 10_000n : 0n
    return {
      ...begun,
      state: 'ended',
      endedAt: new Date(),
      outcome: seed.outcome,
      vertical: seed.vertical,
      numberId: sellers[seed.seller] as never,
      buyerId,
      targetId: buyerId as never,
      campaignId: buyerId as never,
      ringingAt: seed.ringMs === null ? null : new Date(receivedAt.getTime() + seed.ringMs),
      answeredAt: isAnswered ? receivedAt : null,
      durationMs: isAnswered ? Math.round(seed.talkMs * 8) / 8 : 0,
      billableMs: priceMicros > 0n ? seed.talkMs + 1 : 0,
      priceMicros,
      payoutMicros: priceMicros / 2n,
      legs: [{ ...begun.legs[0]!, state: seed.state }],
    }
  }

  async function write(calls: readonly CallRecord[]): Promise<void> {
    for (const call of calls) void storage.writer.write({ ...endedRecord(call, { posting: null, audit: null }), call })
    await storage.writer.drain()
    written.push(...calls)
  }

  /** Whatever call it may be, long rolled up or not yet: its buyer has half of its price back. */
  async function dispute(which: number): Promise<void> {
    const open = written.filter(({ id, priceMicros }) => priceMicros > 0n && !given.has(id))
    const call = open[which % Math.max(1, open.length)]
    if (!call) return
    const disputeId = newId<DisputeId>()
    const [creditMicros, clawbackMicros] = [call.priceMicros / 2n, call.payoutMicros / 2n]
    const terms = { callId: call.id, buyerId: call.buyerId!, sellerId: call.sellerId, currency: call.currency }
    await storage.stores.disputes.open({
      ...terms,
      id: disputeId,
      chargedMicros: call.priceMicros,
      paidMicros: call.payoutMicros,
      reason: 'duplicate',
      note: '',
      state: 'open',
      openedAt: new Date(),
      decidedAt: null,
      decision: null,
      creditMicros: 0n,
      clawbackMicros: 0n,
      postingId: null,
    })
    const postingId = newId<PostingId>()
    const decision = {
      state: 'accepted' as const,
      decidedAt: new Date(),
      decision: 'yes',
      chargedMicros: call.priceMicros,
      paidMicros: call.payoutMicros,
      creditMicros,
      clawbackMicros,
    }
    await storage.stores.disputes.decide(
      disputeId,
      { ...decision, postingId },
      {
        id: postingId,
        kind: 'correction',
        callId: null,
        currency: call.currency,
        reference: `dispute ${disputeId}`,
        entries: [
          { accountId: terms.buyerId, amountMicros: creditMicros },
          { accountId: terms.sellerId, amountMicros: -clawbackMicros },
          { accountId: OPERATOR_ACCOUNT_ID, amountMicros: clawbackMicros - creditMicros },
        ],
        postedAt: new Date(),
      },
    )
    given.set(call.id, { creditMicros, clawbackMicros })
  }

  /** Whatever call it may be: something comes of it that costs its buyer, or is taken back. */
  async function convert(which: number, cents: number): Promise<void> {
    const sold = written.filter(({ buyerId }) => buyerId !== null)
    const call = sold[which % Math.max(1, sold.length)]
    if (!call) return
    const before = converted.get(call.id) ?? []
    const priceMicros = BigInt(cents) * 10_000n * (before.length % 2 === 0 ? 1n : -1n)
    const payoutMicros = priceMicros / 2n
    const entries = [
      { account_id: call.buyerId, amount_micros: String(-priceMicros) },
      { account_id: call.sellerId, amount_micros: String(payoutMicros) },
      { account_id: OPERATOR_ACCOUNT_ID, amount_micros: String(priceMicros - payoutMicros) },
    ]
    const reference = `conversion ${before.length + 1} of call ${call.id}`
    const ofCall = { kind: 'conversion', call_id: call.id, account_id: call.buyerId, currency: call.currency }
    const posting = { id: newId(), ...ofCall, reference, entries }
    await storage.queries.rows('select post_ledger($1)', [JSON.stringify([{ ...posting, posted_at: new Date() }])])
    converted.set(call.id, [...before, { priceMicros, payoutMicros }])
  }

  function recounted(scope: ReportScope, nameOf: (call: CallRecord) => unknown): Map<string, CallFigures> {
    const groups = Map.groupBy(callsIn(written, scope), (call) => `${String(nameOf(call))} ${call.currency}`)
    return new Map(
      [...groups].map(([name, calls]) => {
        const back = calls.flatMap(({ id }) => given.get(id) ?? [])
        const creditMicros = back.reduce((sum, each) => sum + each.creditMicros, 0n)
        const clawbackMicros = back.reduce((sum, each) => sum + each.clawbackMicros, 0n)
        const told = recount(calls)
        let { revenueMicros, payoutMicros } = told
        for (const each of calls.flatMap(({ id }) => converted.get(id) ?? [])) {
          revenueMicros += each.priceMicros
          payoutMicros += each.payoutMicros
        }
        const disputed = { disputed: back.length, creditMicros, clawbackMicros }
        return [name, { ...told, revenueMicros, payoutMicros, ...disputed }]
      }),
    )
  }

  const scopes = fc
    .record({
      fromMs: fc.integer({ min: -HOUR_MS, max: DAYS * DAY_MS }),
      ms: fc.oneof(fc.integer({ min: 1, max: 3 * HOUR_MS }), fc.integer({ min: 1, max: DAYS * DAY_MS })),
      isWhole: fc.boolean(),
      seller: fc.option(fc.nat(1)),
      buyer: fc.option(fc.nat(1)),
    })
    .map(({ fromMs, ms, isWhole, seller, buyer }) => (): ReportScope => {
      const whole = isWhole ? HOUR_MS : 1
      const from = Math.floor((START + fromMs) / whole) * whole
      return {
        from: new Date(from),
        until: new Date(from + Math.ceil(ms / whole) * whole),
        ...(seller !== null && { sellerId: sellers[seller]! }),
        ...(buyer !== null && { buyerId: buyers[buyer]! }),
      }
    })

  async function compareKey(by: ReportKey, scope: ReportScope): Promise<void> {
    reports++
    const rows = await storage.stores.reports.by(by, scope, 1000)
    const told = new Map(rows.map(({ key, currency, ...row }) => [`${key} ${currency}`, row]))
    assert.deepEqual(
      told,
      recounted(scope, (call) => keyOf(by, call)),
    )
  }

  async function compareTime(timezone: string, scope: ReportScope): Promise<void> {
    reports += 1 + INTERVALS.length
    const total = await storage.stores.reports.total(scope)
    assert.deepEqual(
      new Map(total.map(({ currency, ...row }) => [` ${currency}`, row])),
      recounted(scope, () => ''),
    )
    for (const interval of INTERVALS) {
      const local = localTime(timezone, interval)
      const points = await storage.stores.reports.over(interval, timezone, scope)
      const told = new Map(points.map(({ at, currency, ...row }) => [`${local(at)} ${currency}`, row]))
      assert.equal(told.size, points.length)
      assert.deepEqual(
        told,
        recounted(scope, ({ receivedAt }) => local(receivedAt)),
      )
    }
  }

  it('always say what a recount of the calls says: as they come, convert and are disputed late, and rolled up in parts (1,000 reports and more)', async () => {
    const steps = fc.record({
      calls: fc.array(seeds, { minLength: 0, maxLength: 4 }),
      disputed: fc.option(fc.nat(1000)),
      converts: fc.option(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 5_000 }))),
      rolledUp: fc.option(fc.integer({ min: 1, max: 30 })),
      isUndone: fc.nat(5).map((one) => one === 0),
      scope: scopes,
      key: fc.constantFrom(...REPORT_KEYS),
      timezone: fc.constantFrom(...TIMEZONES),
    })
    await fc.assert(
      fc.asyncProperty(steps, async ({ calls, disputed, converts, rolledUp, isUndone, scope, key, timezone }) => {
        await write(calls.map(callOf))
        if (disputed !== null) await dispute(disputed)
        if (converts !== null) await convert(...converts)
        if (rolledUp !== null && isUndone) await dieRollingUp(rolledUp)
        else if (rolledUp !== null) await storage.queries.rows('select roll_up($1)', [rolledUp])
        await compareKey(key, scope())
        await compareTime(timezone, scope())
      }),
      { numRuns: 250, endOnFailure: true },
    )
    assert.ok(reports > 1000, `${reports} reports`)
    const met = [written.length, given.size, converted.size]
    assert.ok(written.length > 300 && given.size > 10 && converted.size > 20, met.join(', '))
  })

  /** As when its process, or the server, goes in the middle of it. */
  async function dieRollingUp(most: number): Promise<void> {
    const postgres = new Postgres({ connectionString: storage.options.databaseUrl! }, silentLog)
    const died = postgres.transaction(async (tx) => {
      await tx.rows('select roll_up($1)', [most])
      await tx.rows('select pg_terminate_backend(pg_backend_pid())')
    })
    await assert.rejects(died)
    await postgres.close()
  }

  const everything = (): ReportScope => ({ from: new Date(START - DAY_MS), until: new Date(START + 21 * DAY_MS) })
  const count = async (table: string): Promise<number> =>
    Number((await storage.queries.rows(`select count(*) as n from ${table}`))[0]!['n'])

  it('go on where they were after a restart, and end with nothing waiting', async () => {
    await write(fc.sample(seeds, 50).map(callOf))
    const { databaseUrl } = storage.options
    await storage.close()
    storage = await openTestStorage({ databaseUrl })
    await storage.book.load(() => {})
    assert.ok((await count('rollup_queue')) > 0)
    assert.ok((await storage.rollups.rollUp(40)) >= 50)
    assert.equal(await count('rollup_queue'), 0)
    for (const by of REPORT_KEYS) await compareKey(by, everything())
    await compareTime('America/New_York', everything())
  })

  it('are made by one process at a time', async () => {
    await write(fc.sample(seeds, 300).map(callOf))
    const another = new Rollups(new Postgres({ connectionString: storage.options.databaseUrl! }, silentLog), silentLog)
    const done = await Promise.all([storage.rollups.rollUp(20), another.rollUp(20), storage.rollups.rollUp(20)])
    await another.close()
    await storage.rollups.rollUp()
    assert.ok(done.some((facts) => facts > 0))
    await compareKey('outcome', everything())
  })

  it('are checked against a recount, and made anew', async () => {
    await write(fc.sample(seeds, 20).map(callOf)) // Not rolled up yet: that is not wrong.
    assert.deepEqual((await verifyRollups(storage.queries)).wrong, [])
    const [spoilt] = await storage.queries.rows(
      `update call_rollups_hour set calls = calls + 1 where ctid = (select min(ctid) from call_rollups_hour) returning at`,
    )
    const { wrong } = await verifyRollups(storage.queries)
    assert.deepEqual(
      wrong.map(({ grain }) => grain),
      ['hour', 'day'],
    )
    assert.deepEqual(wrong[0]!.at, spoilt!['at'])
    const postgres = new Postgres({ connectionString: storage.options.databaseUrl! }, silentLog)
    assert.equal(await rebuildRollups(postgres), written.length + given.size + [...converted.values()].flat().length)
    await postgres.close()
    assert.deepEqual((await verifyRollups(storage.queries)).wrong, [])
    await compareKey('target', everything())
  })

  it('lose their minutes after a time, and reports none of their calls', async () => {
    const before = await count('call_rollups_minute')
    const days = 8
    await storage.queries.rows('select let_minutes_go(make_interval(days => $1))', [days])
    // Reports that have begun may still read them.
    assert.equal(await count('call_rollups_minute'), before)
    await compareTime('Asia/Kolkata', everything())
    await storage.queries.rows('select let_minutes_go(make_interval(days => $1))', [days])
    assert.ok((await count('call_rollups_minute')) < before)
    await write(fc.sample(seeds, 100).map(callOf))
    await dispute(5)
    await storage.rollups.rollUp()
    for (const timezone of TIMEZONES) await compareTime(timezone, everything())
    await compareKey('campaign', everything())
  })
})

/** A time as the clocks of a zone show it, to the minute, hour or day: one text for each bucket of a series. */
function localTime(timezone: string, interval: 'minute' | 'hour' | 'day'): (at: Date) => string {
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    // An hour that comes twice, when the clocks are set back, is two.
    ...(interval !== 'day' && { hour: 'numeric', timeZoneName: 'longOffset' }),
    ...(interval === 'minute' && { minute: 'numeric' }),
  })
  return (at) => clock.format(at)
}
