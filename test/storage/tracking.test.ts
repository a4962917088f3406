import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { ConversionHolds } from '../../accounts/conversion-holds.ts'
import { createBalances } from '../../accounts/holds.ts'
import { StoreFull } from '../../api/needs.ts'
import { systemClock } from '../../model/clock.ts'
import { newId, type CallId } from '../../model/ids.ts'
import type { TrackedEvent } from '../../model/tracking.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { EARLY_MS, MAX_WAITING, PostgresIntake } from '../../storage/tracking-intake.ts'
import type { PostgresTracking } from '../../storage/tracking-store.ts'
import { BY_SALE, conversionRules, endedByConversion, trackedOf } from '../support/conversions.ts'
import { freeze, thaw } from '../support/frozen.ts'
import { BUYER, insertAccounts, SELLER, soldRecord } from '../support/records.ts'
import { openTestStorage, temporaryFolder, type TestStorage } from '../support/storage.ts'

const REPORTER = new URL('../support/reporting-process.ts', import.meta.url)

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long for ${condition.toString()}`)
    await wait(10)
  }
}

describe('reports of what became of calls, in storage', function () {
  this.timeout(120_000)
  let storage: TestStorage
  let intake: PostgresIntake
  let told: ReturnType<typeof conversionRules>
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    await insertAccounts(storage.queries)
    told = conversionRules()
    intake = storage.intake(told.rules)
    await intake.start()
  })
  after(() => storage.close())

  const rowsOf = (callId: CallId) => storage.queries.rows('select * from tracking_events where call_id = $1', [callId])
  const saleOf = async (callId: CallId) =>
    (await storage.queries.rows('select * from conversion_sales where call_id = $1', [callId]))[0]!
  const settled = (callId: CallId) => until(async () => !(await saleOf(callId))['is_behind'] && intake.pending === 0)
  async function moneyOf(callId: CallId): Promise<Record<string, bigint>> {
    const rows = await storage.queries.rows(
      `select e.account_id, sum(e.amount_micros)::text as sum from ledger_entries e join ledger_postings p on p.id = e.posting_id
       where p.call_id = $1 group by 1`,
      [callId],
    )
    const names: Record<string, string> = { [BUYER]: 'buyer', [SELLER]: 'seller', [OPERATOR_ACCOUNT_ID]: 'house' }
    return Object.fromEntries(rows.map((row) => [names[row['account_id']], BigInt(row['sum'])]))
  }

  it('move the money of a call once, however often they come', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    const event = trackedOf(call)
    await Promise.all(Array.from({ length: 250 }, () => intake.add(event, true)))
    await settled(call.id)
    await intake.add(event, true)
    await until(() => intake.pending === 0)
    assert.equal((await rowsOf(call.id)).length, 1)
    assert.deepEqual(await moneyOf(call.id), { buyer: -10_000_000n, seller: 8_000_000n, house: 2_000_000n })
    const told1 = told.events.filter(({ callId, type }) => callId === call.id && type === 'call.tracked')
    assert.equal(told1.length, 1)
    assert.equal(told.postings.filter(({ callId }) => callId === call.id).length, 1)
    const { targetId, campaignId, sellerId } = call
    assert.deepEqual(
      told.converted.filter((each) => each.targetId === targetId),
      [{ targetId, campaignId, sellerId }],
    )
    const learned = await storage.outcomes(new Date(Date.now() - 3_600_000), 60_000)
    assert.equal(learned.filter((each) => each.kind === 'converted' && each.targetId === targetId).length, 1)
  })

  it('give the money back when it was refunded, and never again charge it', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    await intake.add(trackedOf(call), true)
    await settled(call.id)
    await intake.add(trackedOf(call, { type: 'refund', amountMicros: null, currency: null }), true)
    await until(async () => (await rowsOf(call.id)).length === 2)
    await settled(call.id)
    await intake.add(trackedOf(call), true)
    await until(async () => (await rowsOf(call.id)).length === 3)
    await settled(call.id)
    assert.deepEqual(await moneyOf(call.id), { buyer: 0n, seller: 0n, house: 0n })
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [])
  })

  it('count when the call’s end is written later than they came', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(soldRecord(call))
    await intake.add(trackedOf(call), false)
    await until(async () => (await rowsOf(call.id)).length === 1)
    await storage.writer.write(record)
    intake.wake()
    await settled(call.id)
    assert.equal((await moneyOf(call.id))['buyer'], -10_000_000n)
  })

  it('count once when the end is written at the same moment, many times over', async () => {
    const calls = Array.from({ length: 40 }, () => endedByConversion())
    await Promise.all(
      calls.flatMap(({ call, record }) => [storage.writer.write(record), intake.add(trackedOf(call), true)]),
    )
    intake.wake()
    for (const { call } of calls) {
      await until(async () => (await rowsOf(call.id)).length === 1)
      intake.wake()
      await settled(call.id)
      assert.equal((await moneyOf(call.id))['buyer'], -10_000_000n)
    }
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [])
  })

  it('do not count when they come after the window, and move nothing of a call sold by the call', async () => {
    const over = endedByConversion(BY_SALE, { until: new Date(Date.now() - 1000) })
    await storage.writer.write(over.record)
    await intake.add(trackedOf(over.call), true)
    await settled(over.call.id)
    assert.deepEqual(await moneyOf(over.call.id), {})
    const byCall = endedByConversion()
    await storage.writer.write({ ...byCall.record, conversion: null })
    await intake.add(trackedOf(byCall.call), true)
    await until(async () => (await rowsOf(byCall.call.id)).length === 1)
    assert.deepEqual(await moneyOf(byCall.call.id), {})
  })

  it('are kept with the reason when, taken unchecked, they turn out to be of another’s call or of none', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    const nobody = newId<CallId>()
    await intake.add(trackedOf(call, { accountId: newId() }), false)
    await intake.add(trackedOf(call, { role: 'seller', accountId: BUYER }), false)
    await intake.add(trackedOf(call, { currency: 'EUR' }), false)
    await intake.add(trackedOf({ id: nobody }), false)
    await until(async () => (await rowsOf(nobody)).length === 1)
    const refused = (await rowsOf(call.id)).map((row) => String(row['refused'])).toSorted((a, b) => a.localeCompare(b))
    assert.deepEqual(refused, ['not_yours', 'not_yours', 'wrong_currency'])
    assert.equal((await rowsOf(nobody))[0]!['refused'], 'unknown_call')
    assert.deepEqual(await moneyOf(call.id), {})
    assert.equal(told.events.filter(({ callId }) => callId === call.id).length, 0)
  })

  it('are in the outbox with what they tell of, and their money with its own', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    const [before] = await storage.queries.rows('select coalesce(sum(events), 0)::int as n from outbox')
    await intake.add(trackedOf(call), true)
    await settled(call.id)
    const [after] = await storage.queries.rows('select coalesce(sum(events), 0)::int as n from outbox')
    assert.equal(after!['n'] - before!['n'], 3) // call.tracked; ledger.posted of the buyer and of the seller.
  })

  it('are counted when they come while another gateway settles the call', async () => {
    const { databaseUrl } = storage.options
    const other = await openTestStorage({ databaseUrl, gatewayId: 'other' })
    const bookkeeper = new pg.Client({ connectionString: databaseUrl! })
    try {
      const theirs = other.intake(conversionRules().rules)
      await theirs.start()
      const { call, record } = endedByConversion()
      await storage.writer.write(record)
      await bookkeeper.connect()
      const waiting = async (): Promise<number> => {
        const { rows } = await bookkeeper.query(
          'select distinct l.pid from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()',
        )
        return rows.length
      }
      await bookkeeper.query('begin')
      await bookkeeper.query('select version from book_version for update') // So that the settling stands still.
      await intake.add(trackedOf(call), true)
      await until(async () => (await waiting()) === 1)
      await theirs.add(trackedOf(call, { type: 'refund', amountMicros: null, currency: null }), true)
      await until(async () => (await waiting()) === 2 || (await rowsOf(call.id)).length === 2)
      await bookkeeper.query('commit')
      await until(async () => (await rowsOf(call.id)).length === 2 && theirs.pending === 0)
      await settled(call.id)
      assert.deepEqual(await moneyOf(call.id), { buyer: 0n, seller: 0n, house: 0n })
    } finally {
      await bookkeeper.end()
      await other.close()
    }
  })

  it('count when they come again after they were refused for a call nobody knew', async () => {
    const { call, record } = endedByConversion()
    const event = trackedOf(call)
    await intake.add(event, false)
    await until(async () => (await rowsOf(call.id)).length === 1)
    await storage.writer.write(record)
    await intake.add({ ...event, receivedAt: new Date(event.receivedAt.getTime() + 1) }, true)
    await until(async () => (await rowsOf(call.id)).length === 2)
    await settled(call.id)
    assert.equal((await moneyOf(call.id))['buyer'], -10_000_000n)
  })

  it('that the tables refuse go into quarantine alone', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    const broken = trackedOf(call, { role: 'nobody' as TrackedEvent['role'] })
    await Promise.all([intake.add(trackedOf(call), true), intake.add(broken, true), intake.add(trackedOf(call), true)])
    await until(async () => (await rowsOf(call.id)).length === 2 && intake.pending === 0)
    const [row] = await storage.queries.rows("select count(*)::int as n from quarantine where record like '%nobody%'")
    assert.equal(row!['n'], 1)
  })

  it('are listed newest first, by account, call and type', async () => {
    const { call, record } = endedByConversion()
    await storage.writer.write(record)
    await intake.add(trackedOf(call, { receivedAt: new Date(Date.now() - 1000) }), true)
    await intake.add(trackedOf(call, { type: 'qualified', amountMicros: null, currency: null }), true)
    await until(async () => (await rowsOf(call.id)).length === 2)
    const list = (filter: object, cursor: string | null = null) =>
      storage.stores.tracking.list({ limit: 1, cursor }, { callId: call.id, ...filter })
    const first = await list({ accountId: BUYER })
    assert.deepEqual(first.data[0]!.type, 'qualified')
    assert.deepEqual((await list({}, first.nextCursor)).data[0]!.type, 'sale')
    assert.deepEqual((await list({ type: 'sale' })).data[0]!.tags, { offer: 'roof' })
    assert.deepEqual((await list({ accountId: SELLER })).data, [])
  })

  it('tell what has come of a campaign', async () => {
    const campaignId = newId<never>()
    for (const converts of [true, false, false]) {
      const { call, record, sale } = endedByConversion()
      await storage.writer.write({ ...record, conversion: { ...sale, terms: { ...sale.terms, campaignId } } })
      if (converts) await intake.add(trackedOf(call), true)
      await settled(call.id)
    }
    await until(async () => (await storage.stores.tracking.figures(campaignId)).converted === 1)
    const figures = await storage.stores.tracking.figures(campaignId)
    assert.deepEqual([figures.calls, figures.callsOver, figures.chargedMicros], [3, 0, 10_000_000n])
  })

  it('leave as much held as the call can still cost, over a restart too', async () => {
    const balances = createBalances({ clock: systemClock, newId })
    const holds = new ConversionHolds(balances)
    const { call, record, sale } = endedByConversion()
    const other = endedByConversion()
    await storage.writer.write(record)
    await storage.writer.write(other.record)
    await intake.add(trackedOf(call), true)
    await settled(call.id)
    for (const { hold, until: end } of await storage.openConversions()) holds.keep(hold, end)
    assert.deepEqual([holds.heldMicros(call.id), holds.heldMicros(other.call.id)], [0n, sale.hold.amountMicros])
    for (const posting of told.postings)
      holds.apply({ kind: 'posting', posting: { ...posting, callId: other.call.id } })
    holds.expire(other.sale.until.getTime() + 1)
    assert.deepEqual([holds.size, balances.heldMicros(BUYER), balances.holdCount], [0, 0n, 0])
  })

  it('are turned away when too many wait for the disk', async () => {
    const { call } = endedByConversion()
    const adding = Array.from({ length: MAX_WAITING + 200 }, () => intake.add(trackedOf(call), true))
    const results = await Promise.allSettled(adding)
    const turnedAway = results.filter((each) => each.status === 'rejected')
    assert.ok(turnedAway.length > 0 && turnedAway.every(({ reason }) => reason instanceof StoreFull))
    await until(() => intake.pending === 0)
    const taken = results.length - turnedAway.length
    assert.equal((await rowsOf(call.id)).length, taken)
  })
})

describe('reports of calls whose records are on their way', function () {
  this.timeout(120_000)
  let storage: TestStorage
  let intake: PostgresIntake
  let pending = 1
  let skewMs = 0
  let asked = 0
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    await insertAccounts(storage.queries)
    const { dataDir, gatewayId, log } = storage.options
    const rules = { ...conversionRules().rules, now: () => Date.now() + skewMs }
    const store = storage.stores.tracking as PostgresTracking
    const recordsPending = (): number => (asked++, pending)
    intake = new PostgresIntake({ dataDir, bytes: 1024 * 1024, gatewayId, store, rules, recordsPending, log })
    await intake.start()
  })
  after(async () => {
    await intake.close()
    await storage.close()
  })
  const refusedOf = async (callId: CallId): Promise<unknown[]> =>
    (await storage.queries.rows('select refused from tracking_events where call_id = $1', [callId])).map(
      (row) => row['refused'],
    )

  it('wait for them, and hold up nobody', async () => {
    const [early, known] = [endedByConversion(), endedByConversion()]
    await storage.writer.write(known.record)
    await intake.add(trackedOf(early.call), false)
    await intake.add(trackedOf(known.call), false)
    await until(async () => (await refusedOf(known.call.id)).length === 1)
    assert.deepEqual(await refusedOf(early.call.id), [])
    await until(() => intake.pending === 1) // Its row is there before it has left the file.
    await storage.writer.write(early.record)
    await until(async () => (await refusedOf(early.call.id)).length === 1)
    assert.deepEqual([await refusedOf(early.call.id), await refusedOf(known.call.id)], [[null], [null]])
    await until(() => intake.pending === 0)
  })

  it('wait no longer than there are any, and than they may', async () => {
    for (const giveUp of [() => (pending = 0), () => (skewMs = EARLY_MS + 60_000)]) {
      pending = 1
      const nobody = newId<CallId>()
      const before = asked
      await intake.add(trackedOf({ id: nobody }), false)
      await until(() => asked >= before + 3) // It has been tried, and is tried again.
      assert.deepEqual(await refusedOf(nobody), [])
      giveUp()
      await until(async () => (await refusedOf(nobody)).length === 1)
      assert.deepEqual(await refusedOf(nobody), ['unknown_call'])
    }
  })
})

describe('reports of what became of calls, while Postgres is away', function () {
  this.timeout(120_000)
  it('wait on the disk, at most as many as fit, and count when it is back', async () => {
    const storage = await openTestStorage({ databaseUrl: null, trackingBytes: 1024 * 1024 })
    let frozen: number | null = null
    try {
      await storage.book.load(() => {})
      await insertAccounts(storage.queries)
      const intake = storage.intake(conversionRules().rules)
      await intake.start()
      const { call, record } = endedByConversion()
      await storage.writer.write(record)
      const pid = storage.embeddedPid()!
      const backends = await storage.queries.rows(
        "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
      )
      frozen = pid
      await freeze(pid)
      for (const { pid: each } of backends) process.kill(each, 'SIGTERM')
      let taken = 0
      let full = false
      while (!full) {
        const results = await Promise.allSettled(Array.from({ length: 100 }, () => intake.add(trackedOf(call), true)))
        taken += results.filter((each) => each.status === 'fulfilled').length
        full = results.some((each) => each.status === 'rejected' && each.reason instanceof StoreFull)
      }
      assert.ok(taken > 500, `only ${taken} found room`)
      thaw(pid)
      await until(() => intake.pending === 0)
      const [row] = await storage.queries.rows('select count(*)::int as n from tracking_events')
      assert.equal(row!['n'], taken)
      const [money] = await storage.queries.rows(
        "select count(*)::int as n from ledger_postings where kind = 'conversion'",
      )
      assert.equal(money!['n'], 1)
    } finally {
      if (frozen !== null) thaw(frozen)
      await storage.close()
    }
  })

  it('are all there after kill -9 of the whole process, each once', async () => {
    const dataDir = temporaryFolder()
    const child = fork(REPORTER, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const taken: string[] = []
    child.on('message', (id: string) => {
      if (taken.push(id) === 300) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    const storage = await openTestStorage({ databaseUrl: null, dataDir })
    try {
      const intake = storage.intake(conversionRules().rules)
      await intake.start()
      await until(() => intake.pending === 0)
      const rows = await storage.queries.rows('select id from tracking_events')
      const stored = new Set(rows.map((row) => row['id']))
      assert.deepEqual(
        taken.filter((id) => !stored.has(id)),
        [],
      )
    } finally {
      await storage.close()
    }
  })
})
