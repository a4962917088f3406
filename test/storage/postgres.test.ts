import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { StoreUnavailable } from '../../api/needs.ts'
import { Postgres } from '../../storage/postgres.ts'
import { createDatabase, silentLog } from '../support/storage.ts'

describe('the stores’ connections', () => {
  let other: pg.Client
  let postgres: Postgres
  before(async () => {
    const connectionString = await createDatabase()
    other = new pg.Client({ connectionString })
    await other.connect()
    await other.query('create table balances (micros bigint); insert into balances values (1)')
    postgres = new Postgres({ connectionString }, silentLog, 300)
  })
  after(async () => {
    await postgres.close()
    await other.end()
  })

  it('leave no statement running at the server that nobody waits for any more', async () => {
    const running = async (): Promise<number | null> =>
      (await other.query(`select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`))
        .rowCount
    const asked = postgres.rows('select pg_sleep(60)')
    await assert.rejects(asked, StoreUnavailable)
    for (let looks = 0; (await running()) !== 0; looks++) {
      assert.ok(looks < 50, 'it still runs')
      await wait(100)
    }
  })

  it('lock nothing for long while their process stands still', async () => {
    const gate = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const holding = postgres.transaction(async (tx) => {
      await tx.rows('select * from balances for update')
      locked.resolve()
      await gate.promise
    })
    holding.catch(() => {})
    await locked.promise
    await other.query(`set lock_timeout = '5s'`)
    await other.query('update balances set micros = 2')
    gate.resolve()
    await assert.rejects(holding, StoreUnavailable)
    assert.deepEqual(await postgres.rows('select micros from balances'), [{ micros: '2' }])
  })
})
