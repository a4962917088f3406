import assert from 'node:assert/strict'
import { Vault } from '../../../config/vault.ts'
import { systemClock } from '../../../model/clock.ts'
import type { CallId } from '../../../model/ids.ts'
import { newId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { Postgres, Queries } from '../../../storage/postgres.ts'
import { PostgresPrivacy } from '../../../storage/privacy/privacy-store.ts'
import { DEFAULT_RETENTION } from '../../../storage/privacy/retention-classes.ts'
import { BATCH_ROWS } from '../../../storage/privacy/retention.ts'
import { auctionOf, callRecord } from '../../support/records.ts'
import { openTestStorage, silentLog, type TestStorage } from '../../support/storage.ts'

const VAULT = new Vault([{ id: 'test', key: Buffer.alloc(32, 5) }])
const DAY_MS = 86_400_000
const NUMBER = '+12125550123' as PhoneNumber

describe('retention', () => {
  let storage: TestStorage
  beforeEach(async () => (storage = await openTestStorage({ vault: VAULT })))
  afterEach(() => storage.close())

  it('moves what is old to the archive and leaves what is not, and the money of both', async () => {
    const [old, young] = [await writeCall(91), await writeCall(89)]
    const before = await money()
    await storage.privacy.retention.run()
    assert.deepEqual(await ids('auctions', 'call_id'), [young])
    assert.deepEqual(await ids('decisions', 'call_id'), [young])
    const traces = await storage.queries.rows(`select id, trace::text = '[]' as gone from calls order by id`)
    assert.deepEqual(
      traces.map((row) => [row['id'], row['gone']]),
      [
        [old, true],
        [young, false],
      ],
    )
    assert.deepEqual(await money(), before)
    const lines = await storage.stores.privacy.archivedOf(old)
    assert.deepEqual(lines.map(({ class: of }) => of).toSorted(), ['auctions', 'calls', 'decisions'])
    const call = JSON.parse(lines.find(({ class: of }) => of === 'calls')!.line)
    assert.equal(call.trace[0].step, 'auction')
    assert.deepEqual(await storage.stores.privacy.archivedOf(young), [])
    assert.deepEqual(await storage.stores.privacy.verifyArchive(), { chunks: 3, rows: 3, faults: [] })
  })

  it('archives a row once, however often it runs', async () => {
    await writeCall(91)
    await storage.privacy.retention.run()
    await storage.privacy.retention.run()
    assert.equal((await storage.stores.privacy.verifyArchive()).rows, 3)
    await writeCall(91)
    await storage.privacy.retention.run()
    assert.equal((await storage.stores.privacy.verifyArchive()).rows, 6)
  })

  it('goes on until nothing is left, batch by batch, and says what waits and what it did', async () => {
    const count = BATCH_ROWS + 20
    const old = { ...systemClock, now: () => Date.now() - 100 * DAY_MS }
    await storage.queries.rows(
      `insert into decisions (auction_id, call_id, body) select id, id, '{}' from unnest($1::uuid[]) id`,
      [Array.from({ length: count }, () => newId(old))],
    )
    const figure = () => storage.privacy.retention.figures.find((each) => each.class === 'decisions')!
    await storage.stores.privacy.look()
    assert.equal(figure().waiting, count)
    await storage.privacy.retention.run()
    assert.deepEqual([figure().waiting, figure().done, figure().fault], [0, count, null])
    assert.deepEqual(await storage.stores.privacy.verifyArchive(), { chunks: 2, rows: count, faults: [] })
  })

  it('loses nothing wherever it is cut off', async () => {
    const calls = [await writeCall(91), await writeCall(92), await writeCall(93)]
    const all = sorted(calls)
    for (let cutAt = 1; ; cutAt++) {
      const cut = cutting(storage.queries as Postgres, cutAt)
      await privacyOver(cut.postgres).retention.run()
      // What a row was is in exactly one of the two places, at every moment.
      const archived = (await Promise.all(calls.map((id) => storage.stores.privacy.archivedOf(id)))).flat()
      for (const [of, table] of [
        ['auctions', 'auctions'],
        ['decisions', 'decisions'],
      ] as const) {
        const there = await ids(table, 'call_id')
        const gone = archived.filter((each) => each.class === of).map(({ line }) => JSON.parse(line).call_id)
        assert.deepEqual(sorted([...there, ...gone]), all, `cut off at statement ${cutAt}`)
      }
      const traced = await storage.queries.rows(`select id from calls where trace::text <> '[]'`)
      const traces = archived.filter((each) => each.class === 'calls').map(({ line }) => JSON.parse(line).id)
      assert.deepEqual(sorted([...traced.map((row) => row['id']), ...traces]), all, `cut off at statement ${cutAt}`)
      if (!cut.wasCut()) return
    }
  })

  it('finds every change of the archive', async () => {
    await writeCall(91)
    await storage.privacy.retention.run()
    await storage.queries.rows(
      `update privacy_archive set body = set_byte(body, 20, get_byte(body, 20) # 1) where class = 'calls'`,
    )
    await storage.queries.rows(`update privacy_archive set rows = 7 where class = 'auctions'`)
    const { faults } = await storage.stores.privacy.verifyArchive()
    assert.equal(faults.length, 2, faults.join('\n'))
  })

  it('takes nothing away that it cannot archive, and says why', async () => {
    const without = new PostgresPrivacy({ ...parts(storage.queries as Postgres), vault: null })
    const call = await writeCall(91)
    await without.retention.run()
    assert.deepEqual(await ids('auctions', 'call_id'), [call])
    const figure = without.retention.figures.find((each) => each.class === 'auctions')!
    assert.deepEqual([figure.waiting, figure.failures], [1, 1])
    assert.match(figure.fault!, /security\.encryption_keys/)
  })

  it('lets numbers go with the archive of their call, after seven years, and keeps money and chain', async () => {
    const old = await writeCall(2558)
    await storage.privacy.retention.run()
    assert.deepEqual(await storage.stores.privacy.archivedOf(old), [], 'archived, and deleted in the same run')
    const young = await writeCall(2556)
    const before = await money()
    await storage.privacy.retention.run()
    assert.match((await storage.stores.calls.find(old))!.ani!, /^erased-/)
    assert.equal((await storage.stores.calls.find(young))!.ani, NUMBER)
    assert.deepEqual(await money(), before)
    const lines = await storage.audit.linesBetween(0n, 10n)
    assert.deepEqual(
      lines.map(({ callId, commitment }) => [callId, commitment !== null]),
      [
        [old, true],
        [young, false],
      ],
    )
    assert.equal((await storage.stores.privacy.archivedOf(young)).length, 3)
  })

  it('forgets in the archive too, and an export finds it there before', async () => {
    const mine = await writeCall(91)
    const theirs = await writeCall(91, '+12125550199' as PhoneNumber)
    await storage.privacy.retention.run()
    const exported = await exportOf(NUMBER)
    assert.ok(exported.some(({ place }) => place === 'archive of calls'))
    const erasure = await storage.stores.privacy.erase(NUMBER, { askedBy: 'test', reason: 'asked' }, async () => {})
    assert.ok(erasure.changed['archive']! >= 1)
    const left = JSON.stringify(await storage.stores.privacy.archivedOf(mine))
    assert.ok(!left.includes('2125550123') && left.includes(erasure.pseudonym))
    assert.ok(JSON.stringify(await storage.stores.privacy.archivedOf(theirs)).includes('2125550199'))
    assert.deepEqual((await storage.stores.privacy.verifyArchive()).faults, [])
    assert.deepEqual([...new Set((await exportOf(NUMBER)).map(({ place }) => place))], ['kept'])
  })

  async function exportOf(number: PhoneNumber): Promise<{ place: string }[]> {
    const found = []
    for await (const each of storage.stores.privacy.export(number)) found.push(each)
    return found
  }

  async function writeCall(days: number, ani = NUMBER): Promise<CallId> {
    const receivedAt = new Date(Date.now() - days * DAY_MS)
    const clock = { ...systemClock, now: () => receivedAt.getTime() }
    const call = callRecord({
      id: newId<CallId>(clock),
      auctionId: newId(clock),
      state: 'ended',
      outcome: 'answered',
      ani,
      receivedAt,
      endedAt: receivedAt,
      priceMicros: 5_000_000n,
    })
    const auction = { ...auctionOf(call), decidedAt: receivedAt }
    await storage.writer.write({
      kind: 'ended',
      call,
      auction,
      audit: { callId: call.id, number: ani, at: receivedAt, inputs: {}, checks: [] },
      posting: null,
      conversion: null,
      events: [],
    } as never)
    await storage.queries.rows('insert into decisions (auction_id, call_id, body) values ($1, $2, $3)', [
      call.auctionId,
      call.id,
      JSON.stringify({ caller: ani }),
    ])
    return call.id
  }

  async function ids(table: string, column: string): Promise<string[]> {
    return (await storage.queries.rows(`select ${column} as id from ${table} order by 1`)).map((row) => row['id'])
  }

  async function money(): Promise<unknown> {
    return storage.queries.rows(
      `select count(*)::int as calls, sum(price_micros)::text as price, array_agg(caller_state order by id) as states from calls`,
    )
  }

  function privacyOver(postgres: Postgres): PostgresPrivacy {
    return new PostgresPrivacy(parts(postgres))
  }

  function parts(postgres: Postgres): ConstructorParameters<typeof PostgresPrivacy>[0] {
    return {
      postgres,
      vault: VAULT,
      days: DEFAULT_RETENTION,
      clock: systemClock,
      log: silentLog,
      settleFiles: () => Promise.resolve(),
    }
  }
})

function sorted(ids: readonly string[]): string[] {
  return ids.toSorted((one, other) => (one < other ? -1 : 1))
}

/** A database that is gone at the nth statement that changes something, as it is when the process dies there: its transaction never ends. */
function cutting(postgres: Postgres, nth: number): { postgres: Postgres; wasCut: () => boolean } {
  let [count, isCut] = [0, false]
  const guard = (queries: Queries): Queries => ({
    rows(text, values) {
      if (isCut || (/^\s*(insert|update|delete)/.test(text) && ++count === nth)) {
        isCut = true
        return Promise.reject(new Error('cut off'))
      }
      return queries.rows(text, values)
    },
  })
  const cut = {
    rows: (text: string, values?: readonly unknown[]) => guard(postgres).rows(text, values),
    transaction: <T>(work: (tx: Queries) => Promise<T>) => postgres.transaction((tx) => work(guard(tx))),
  }
  return { postgres: cut as Postgres, wasCut: () => isCut }
}
