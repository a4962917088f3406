import assert from 'node:assert/strict'
import { EmbeddedPostgres } from '../../storage/embedded-postgres.ts'
import { migrateDown, migrateUp, readMigrations } from '../../storage/migrate.ts'
import { findBinaries } from '../../storage/postgres-binaries.ts'
import type { ConnectionOptions } from '../../storage/postgres.ts'
import { verifyRollups } from '../../storage/rollup-check.ts'
import { BUYER, callRecord, endedRecord, insertAccounts, SELLER, soldRecord } from '../support/records.ts'
import { openTestStorage, silentLog, temporaryFolder } from '../support/storage.ts'

/** The embedded server is PostgreSQL 18, an operator's may be 15: npm test says where it is missing. */
const OLDEST = process.env['OLDEST_POSTGRES']

describe('the oldest PostgreSQL that is promised', function () {
  let postgres: EmbeddedPostgres
  let connection: Extract<ConnectionOptions, { host: string }>

  before(async function () {
    if (!OLDEST) this.skip()
    postgres = await EmbeddedPostgres.start(temporaryFolder(), silentLog, findBinaries(OLDEST))
    connection = postgres.connection as typeof connection
  })
  after(() => postgres?.close())

  it('takes every migration, down and up again', async () => {
    const all = (await readMigrations()).map(({ name }) => name)
    assert.deepEqual(await migrateUp(connection), all)
    assert.deepEqual(await migrateDown(connection, all.length), all.toReversed())
    assert.deepEqual(await migrateUp(connection), all)
  })

  it('keeps sold and ended calls, their money, sums and audit, as the newest does', async () => {
    const { host, user, database } = connection
    const storage = await openTestStorage({ databaseUrl: `postgresql:///${database}?host=${host}&user=${user}` })
    try {
      await storage.book.load(() => {})
      await insertAccounts(storage.queries)
      const calls = [callRecord(), callRecord(), callRecord()]
      for (const call of calls) await storage.writer.write(soldRecord(call))
      assert.deepEqual((await storage.recovery.openCalls()).length, 3)
      for (const call of calls) await storage.writer.write(endedRecord(call))
      assert.deepEqual((await storage.stores.ledger.verify()).faults, [])
      assert.deepEqual((await storage.stores.calls.find(calls[0]!.id))?.outcome, 'answered')
      const scope = { from: new Date(Date.now() - 3_600_000), until: new Date(Date.now() + 60_000) }
      const [bySeller] = await storage.stores.reports.by('seller', scope, 10)
      assert.deepEqual([bySeller?.key, bySeller?.calls, bySeller?.revenueMicros], [SELLER, 3, 30_000_000n])
      const [total] = await storage.stores.reports.total({ ...scope, buyerId: BUYER })
      assert.equal(total?.billed, 3)
      await storage.queries.rows('select roll_up(100)')
      assert.deepEqual((await verifyRollups(storage.queries)).wrong, [])
      const [audited] = await storage.queries.rows('select count(*)::int as lines from compliance_audit')
      assert.ok(audited!['lines'] >= calls.length)
    } finally {
      await storage.close()
    }
  })
})
