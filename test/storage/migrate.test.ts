import assert from 'node:assert/strict'
import pg from 'pg'
import { migrateDown, migrateUp, migrationStatus, readMigrations } from '../../storage/migrate.ts'
import { createDatabase } from '../support/storage.ts'

describe('migrations', () => {
  it('go up once however many begin at once, all the way down, and up again', async () => {
    const connection = { connectionString: await createDatabase() }
    const all = (await readMigrations()).map(({ name }) => name)
    // Where the server offers TimescaleDB that is used too (timescale.test.ts).
    const up = async (): Promise<string[]> => (await migrateUp(connection)).filter((name) => name !== 'timescale')
    assert.deepEqual((await Promise.all([up(), up(), up()])).flat(), all)
    assert.ok((await migrationStatus(connection)).every(({ appliedAt }) => appliedAt !== null))
    assert.deepEqual(await migrateDown(connection), all.slice(-1))
    assert.deepEqual((await migrationStatus(connection)).filter(({ appliedAt }) => appliedAt === null).length, 1)
    assert.deepEqual(await migrateDown(connection, all.length), all.slice(0, -1).toReversed())
    const client = new pg.Client(connection)
    await client.connect()
    const left = await client.query(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')",
    )
    assert.deepEqual(
      left.rows.map((row) => row.relname),
      ['schema_migrations'],
    )
    const functions = await client.query(
      "select proname from pg_proc p where pronamespace = 'public'::regnamespace and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
    )
    assert.deepEqual(functions.rows, [])
    await client.end()
    assert.deepEqual(await up(), all)
  })

  it('leave nothing by the minute when they go back to where there was no such price', async () => {
    const connection = { connectionString: await createDatabase() }
    await migrateUp(connection)
    const client = new pg.Client(connection)
    await client.connect()
    const id = '019ed6c2-0000-7000-8000-0000000000aa'
    await client.query(
      `insert into accounts (id, type, name, status, currency, timezone, created_at, updated_at)
       values ($1, 'buyer', 'b', 'active', 'USD', 'UTC', now(), now())`,
      [id],
    )
    await client.query(
      `insert into campaigns (id, account_id, name, status, timezone, criteria, is_default, created_at, updated_at, pricing)
       values ($1, $1, 'c', 'active', 'UTC', '{}', false, now(), now(), '{"type": "minute"}')`,
      [id],
    )
    await client.query(
      `insert into numbers (id, account_id, number, vertical, reserve_price_micros, price_rule, payout_type, payout_amount_micros,
         payout_initial_seconds, payout_increment_seconds, max_billable_after, live_bidding_ms, traffic_type, tags, created_at, updated_at)
       values ($1, $1, '+12125550100', 'v', 0, 'first', 'minute', 400000, 60, 60, 120, 0, 'inbound', '{}', now(), now())`,
      [id],
    )
    const since = (await readMigrations()).filter((one) => one.id >= 41).length
    await migrateDown(connection, since)
    const { rows } = await client.query(
      'select c.status, c.pricing, n.payout_type, n.payout_amount_micros from campaigns c, numbers n where c.id = n.id',
    )
    assert.deepEqual(rows, [{ status: 'paused', pricing: null, payout_type: 'fixed', payout_amount_micros: '400000' }])
    await client.end()
  })

  it('widen no fraud block on their way back: one of a seller’s calls is gone', async () => {
    const connection = { connectionString: await createDatabase() }
    await migrateUp(connection)
    const client = new pg.Client(connection)
    await client.connect()
    const { rows } = await client.query('select id from accounts limit 1')
    const insert = `insert into fraud_blocks (id, account_id, kind, value, seller_id, until, reason, made_by, created_at, updated_at)
      values (gen_random_uuid(), $1, 'caller', $2, $3, now(), '', '', now(), now())`
    await client.query(insert, [rows[0].id, 'one seller’s', rows[0].id])
    await client.query(insert, [rows[0].id, 'everybody’s', null])
    await migrateDown(connection, (await readMigrations()).filter(({ id }) => id >= 40).length)
    assert.deepEqual((await client.query('select value from fraud_blocks')).rows, [{ value: 'everybody’s' }])
    await client.end()
  })

  it('stop at one that was changed after it was applied, or that they do not know', async () => {
    const connection = { connectionString: await createDatabase() }
    await migrateUp(connection)
    const client = new pg.Client(connection)
    await client.connect()
    await client.query("update schema_migrations set checksum = 'x' where id = 2")
    await assert.rejects(migrateUp(connection), {
      name: 'MigrationError',
      message: 'migration 2 (book) was changed after it was applied',
    })
    await client.query("update schema_migrations set id = 9999, name = 'future' where id = 2")
    await assert.rejects(migrationStatus(connection), {
      name: 'MigrationError',
      message: /migration 9999 \(future\), which this version/,
    })
    await client.end()
  })

  it('take an earlier text of one that older servers could not run for the same', async () => {
    const connection = { connectionString: await createDatabase() }
    await migrateUp(connection)
    const client = new pg.Client(connection)
    await client.connect()
    const before = '47c39c1137bafb94c62e06140f2d7f8411ecb9cd71917f717193f2f8ff4fd29b'
    await client.query('update schema_migrations set checksum = $1 where id = 29', [before])
    assert.deepEqual(await migrateUp(connection), [])
    await client.query('update schema_migrations set checksum = $1 where id = 30', [before])
    await assert.rejects(migrateUp(connection), /migration 30 \(compliance-rules\) was changed/)
    await client.end()
  })

  it('each have a way up and a way down, numbered in their order, no number twice', async () => {
    const all = await readMigrations()
    assert.deepEqual(
      all.map(({ id }) => id),
      [...new Set(all.map(({ id }) => id))].toSorted((a, b) => a - b),
    )
    for (const { up, down } of all) assert.ok(up.trim() && down.trim())
  })
})
