import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { newId, type CallId } from '../../model/ids.ts'
import { LOOK_EVERY_MS, OpenCallsVacuum, REST_TIMES, WORTH_RECORDS } from '../../storage/open-calls-vacuum.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage, recordingLog, type TestStorage } from '../support/storage.ts'
import { until } from '../support/until.ts'

const CALLS = 300

describe('the table of open calls', () => {
  let storage: TestStorage
  let vacuum: OpenCallsVacuum
  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
    await storage.queries.rows('alter table open_calls set (autovacuum_enabled = off)')
    vacuum = new OpenCallsVacuum(storage.queries, recordingLog())
  })
  after(async () => {
    await vacuum.close()
    await storage.close()
  })

  /** Calls that are sold, and then over. Answers the pages of their table. */
  async function play(): Promise<number> {
    const calls = Array.from({ length: CALLS }, () => callRecord({ id: newId<CallId>() }))
    await Promise.all(calls.map((call) => storage.writer.write(soldRecord(call))))
    await Promise.all(calls.map((call) => storage.writer.write(endedRecord(call))))
    const [row] = await storage.queries.rows(
      `select pg_relation_size('open_calls') / 8192 as pages, (select count(*)::int from open_calls) as open`,
    )
    assert.equal(row!['open'], 0)
    return Number(row!['pages'])
  }

  it('grows with each call, and once cleared has room for as many again', async () => {
    const first = await play()
    const twice = await play()
    assert.ok(twice > 1.8 * first, `${first}, then ${twice} pages`)
    await vacuum.clear()
    assert.equal(await play(), twice)
    await vacuum.clear()
    assert.equal(await play(), twice)
  })

  it('is left to autovacuum when it cannot be cleared, and nobody is bothered', async () => {
    const log = recordingLog()
    const away = new OpenCallsVacuum({ rows: () => Promise.reject(new Error('away')) }, log)
    await away.clear()
    await away.close()
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ['debug'],
    )
  })

  it('is cleared by whoever has written enough of it', async () => {
    const vacuumed = async (): Promise<number> => {
      const [row] = await storage.queries.rows(
        `select vacuum_count::int as n from pg_stat_user_tables where relname = 'open_calls'`,
      )
      return row!['n'] as number
    }
    const before = await vacuumed()
    for (let records = 0; records <= WORTH_RECORDS; records += 2 * CALLS) await play()
    await until(async () => (await vacuumed()) > before)
  })
})

describe('the clearing of open calls', () => {
  let cleared: number
  let nowMs: number
  let vacuum: OpenCallsVacuum
  beforeEach(() => {
    cleared = 0
    nowMs = 0
    mock.timers.enable({ apis: ['setInterval'] })
    mock.method(performance, 'now', () => nowMs)
  })
  afterEach(async () => {
    await vacuum.close()
    mock.timers.reset()
    mock.restoreAll()
  })

  const look = async (): Promise<void> => {
    nowMs += LOOK_EVERY_MS
    mock.timers.tick(LOOK_EVERY_MS)
    await turn()
  }
  const clearingTakes = (ms: number): void => {
    const rows = async (): Promise<[]> => {
      cleared++
      nowMs += ms
      return []
    }
    vacuum = new OpenCallsVacuum({ rows }, recordingLog())
  }

  it('waits until it is worth it', async () => {
    clearingTakes(1)
    vacuum.committed(WORTH_RECORDS - 1)
    await look()
    assert.equal(cleared, 0)
    vacuum.committed(1)
    await look()
    assert.equal(cleared, 1)
    await look()
    assert.equal(cleared, 1)
  })

  for (const [tookMs, restMs] of [
    [LOOK_EVERY_MS / 2, (REST_TIMES * LOOK_EVERY_MS) / 2],
    [30_000, 60_000],
  ] as const)
    it(`rests for ${restMs} ms after one of ${tookMs}`, async () => {
      clearingTakes(tookMs)
      vacuum.committed(WORTH_RECORDS)
      await look()
      assert.equal(cleared, 1)
      for (let restedMs = LOOK_EVERY_MS; restedMs < restMs; restedMs += LOOK_EVERY_MS) {
        vacuum.committed(WORTH_RECORDS)
        await look()
        assert.equal(cleared, 1)
      }
      await look()
      assert.equal(cleared, 2)
    })
})
