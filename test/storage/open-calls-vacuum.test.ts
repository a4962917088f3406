import assert from 'node:assert/strict'
import { newId, type CallId } from '../../model/ids.ts'
import { OpenCallsVacuum } from '../../storage/open-calls-vacuum.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage, recordingLog, type TestStorage } from '../support/storage.ts'

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
})
