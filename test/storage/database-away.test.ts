import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { GatewayRecord } from '../../gateway/needs.ts'
import type { CallRecord } from '../../model/cdr.ts'
import { accountDraft } from '../support/drafts.ts'
import { freeze, thaw } from '../support/frozen.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage } from '../support/storage.ts'
import type { TestStorage } from '../support/storage.ts'

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long for ${condition.toString()}`)
    await wait(10)
  }
}

describe('while Postgres is away', function () {
  this.timeout(120_000)
  let storage: TestStorage
  beforeEach(async () => {
    storage = await openTestStorage({ databaseUrl: null, spoolBytes: 4 * 1024 * 1024 })
    await storage.book.load(() => {})
    await insertAccounts(storage.queries)
  })
  afterEach(() => storage.close())

  const killServer = (): void => void process.kill(storage.embeddedPid()!, 'SIGKILL')
  /** No answer to anything new, and what was connected is cut off; SIGCONT ends it. */
  const cutOff = async (): Promise<void> => {
    const backends = await storage.queries.rows(
      "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    )
    await freeze(storage.embeddedPid()!)
    for (const { pid } of backends) process.kill(pid, 'SIGTERM')
    await until(() => storage.writer.state() !== 'database')
  }
  const ended = async (calls: readonly CallRecord[]): Promise<number> =>
    (
      await storage.queries.rows("select from calls where state = 'ended' and id = any ($1)", [
        calls.map((call) => call.id),
      ])
    ).length

  it('loses no acknowledged record and doubles none when the server is killed, again and again, mid-writing', async () => {
    const acknowledged: CallRecord[] = []
    let writing = true
    const carrier = async (): Promise<void> => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- The test ends it below.
      while (writing) {
        if (!storage.writer.accepts()) {
          await wait(5)
          continue
        }
        const call = callRecord()
        await storage.writer.write(soldRecord(call))
        await storage.writer.write(endedRecord(call))
        acknowledged.push(call)
      }
    }
    const carriers = Array.from({ length: 40 }, carrier)
    try {
      for (let round = 0; round < 3; round++) {
        await wait(150)
        killServer()
        await until(() => storage.writer.state() !== 'database')
        await until(() => storage.writer.state() === 'database')
      }
    } finally {
      writing = false
      await Promise.all(carriers)
    }
    assert.ok(acknowledged.length > 100)
    await until(() => storage.writer.pending() === 0)
    assert.equal(await ended(acknowledged), acknowledged.length)
    const [postings] = await storage.queries.rows(
      'select count(*)::int as n, count(distinct call_id)::int as calls from ledger_postings',
    )
    assert.deepEqual(postings, { n: acknowledged.length, calls: acknowledged.length })
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [])
    assert.deepEqual(await storage.recovery.openCalls(), [])
    assert.deepEqual(await storage.queries.rows('select error from quarantine'), [])
  })

  it('spools when the server hangs, and replays in the order of writing', async () => {
    const call = callRecord()
    const before = soldRecord({ ...call, dnis: 'first' })
    await storage.writer.write(before)
    const pid = storage.embeddedPid()!
    // The backends that serve the writer hang, as on a stalled disk.
    const backends = await storage.queries.rows(
      "select pid from pg_stat_activity where application_name = 'dce writer test'",
    )
    const frozen = [pid, ...backends.map((backend) => backend['pid'])]
    await freeze(...frozen)
    const records: GatewayRecord[] = [1, 2, 3].map((n) =>
      soldRecord({ ...call, dnis: `again ${n}` }, { auction: before.auction }),
    )
    await storage.writer.write(records[0]!)
    assert.equal(storage.writer.state(), 'spooling')
    for (const record of records.slice(1)) await storage.writer.write(record)
    assert.equal(storage.writer.pending(), 3)
    thaw(...frozen)
    await until(() => storage.writer.state() === 'database')
    assert.equal((await storage.stores.calls.find(call.id))?.dnis, 'again 3')
    assert.equal(
      (await storage.recovery.openCalls())[0]?.sale?.hold.id,
      (records[2] as { hold: { id: string } }).hold.id,
    )
  })

  it('spools, and quarantines nothing, while another version has made the tables others', async () => {
    const known = callRecord()
    await storage.writer.write(soldRecord(known))
    await storage.queries.rows('alter function write_records rename to write_records_of_tomorrow')
    const calls = [known, callRecord(), callRecord()]
    for (const call of calls) await storage.writer.write(endedRecord(call))
    assert.equal(storage.writer.state(), 'spooling')
    await storage.queries.rows('alter function write_records_of_tomorrow rename to write_records')
    await until(() => storage.writer.state() === 'database')
    assert.equal(await ended(calls), calls.length)
    assert.deepEqual(await storage.queries.rows('select error from quarantine'), [])
  })

  it('refuses new calls when the spool is nearly full, still takes the ends of calls, and takes new ones when it is replayed', async () => {
    await cutOff()
    const calls: CallRecord[] = []
    while (storage.writer.accepts()) {
      const batch = Array.from({ length: 20 }, () => callRecord())
      await Promise.all(batch.map((call) => storage.writer.write(soldRecord(call))))
      calls.push(...batch)
    }
    assert.equal(storage.writer.state(), 'full')
    const some = calls.slice(0, 50)
    await Promise.all(some.map((call) => storage.writer.write(endedRecord(call, { audit: null }))))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 2_000 }, () => storage.writer.write(soldRecord(callRecord()))),
    )
    assert.ok(
      outcomes.some((outcome) => outcome.status === 'rejected' && outcome.reason.name === 'StoreUnavailable'),
      'in the end nothing fits',
    )
    thaw(storage.embeddedPid()!)
    await until(() => storage.writer.state() === 'database')
    assert.equal(storage.writer.accepts(), true)
    assert.equal(await ended(some), some.length)
    assert.equal(
      (await storage.recovery.openCalls()).length,
      calls.length - some.length + outcomes.filter((outcome) => outcome.status === 'fulfilled').length,
    )
  })

  it('says StoreUnavailable to the stores, and is degraded but up for calls', async () => {
    killServer()
    await assert.rejects(
      async () => {
        for (;;) await storage.stores.accounts.create(accountDraft())
      },
      { name: 'StoreUnavailable' },
    )
    await storage.writer.write(soldRecord(callRecord()))
    await until(async () => (await storage.health()).status === 'up')
    const account = await storage.stores.accounts.create(accountDraft())
    assert.deepEqual(storage.changes.at(-1), { kind: 'account', id: account.id, value: account })
  })

  it('refuses new calls while the disk has less than its limit free', async () => {
    const tight = await openTestStorage({ minFreeBytes: Number.MAX_SAFE_INTEGER })
    assert.equal(tight.writer.accepts(), false)
    await tight.writer.write(soldRecord(callRecord()))
    await tight.close()
  })
})
