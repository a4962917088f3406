import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { migrateUp, readMigrations } from '../../storage/migrate.ts'
import { Postgres, type Row } from '../../storage/postgres.ts'
import { createDatabase, recordingLog, silentLog } from '../support/storage.ts'

const DAY_MS = 86_400_000

/** `npm run test:timescale` runs this, and every test of sums, on the server that DCE_TEST_POSTGRES_URL names; others have no TimescaleDB. */
describe('sums by minute where TimescaleDB is offered', () => {
  let postgres: Postgres
  let url: string

  before(async function () {
    url = await createDatabase()
    postgres = new Postgres({ connectionString: url }, silentLog)
    const offered = await postgres.rows(`select from pg_available_extensions where name = 'timescaledb'`)
    if (offered.length === 0) this.skip()
  })
  after(() => postgres.close())

  const count = async (of: string): Promise<number> =>
    ((await postgres.rows(`select count(*)::int as n from ${of}`))[0] as Row)['n']
  const sumOf = (daysAgo: number): Promise<Row[]> =>
    postgres.rows(
      `insert into call_rollups_minute values ('seller', $1, $2, 'key', 'USD', 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)`,
      [new Date(Date.now() - daysAgo * DAY_MS), newId()],
    )

  it('become a hypertable with what they were, once', async () => {
    await postgres.rows(
      'create table schema_migrations (id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())',
    )
    for (const { id, name, up, checksum } of await readMigrations()) {
      await postgres.rows(up)
      await postgres.rows('insert into schema_migrations values ($1, $2, $3)', [id, name, checksum])
    }
    await postgres.rows(`select keep_minutes_of(date_bin('7 days', now(), '2000-01-03Z'))`)
    for (const daysAgo of [0, 20, 60]) await sumOf(daysAgo)
    const log = recordingLog()
    const applied = await migrateUp({ connectionString: url }, (why) => log.warn({}, why))
    assert.deepEqual([applied, log.lines], [['timescale'], []])
    assert.deepEqual(await migrateUp({ connectionString: url }), [])
    assert.equal(await count('call_rollups_minute'), 3)
    assert.equal(await count(`show_chunks('call_rollups_minute')`), 3)
  })

  it('go by the chunk when they are old, once reports have left them', async () => {
    await sumOf(70)
    for (const chunks of [4, 2]) {
      await postgres.rows(`select let_minutes_go('35 days')`)
      assert.equal(await count(`show_chunks('call_rollups_minute')`), chunks)
    }
    assert.equal(await count('call_rollups_minute'), 2)
  })
})
