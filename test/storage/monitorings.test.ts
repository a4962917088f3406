import assert from 'node:assert/strict'
import type { MonitorNote } from '../../model/call-monitor.ts'
import { newId, type AccountId, type CallId, type MonitorId } from '../../model/ids.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

describe('who has monitored which call', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
  })
  after(() => storage.close())

  const dialog = {
    callId: 'c',
    localUri: 'sip:monitor@127.0.0.1',
    localTag: 'a',
    remoteUri: 'sip:agent@dce',
    remoteTag: 'b',
    remoteTarget: 'sip:agent@127.0.0.1:5070',
    routeSet: [],
    localCSeq: 1,
  }
  const begin = (to: string): MonitorNote => ({
    monitorId: newId<MonitorId>(),
    callId: newId<CallId>(),
    at: new Date('2026-11-22T12:00:00Z'),
    event: 'started',
    mode: 'listen',
    to,
    reason: null,
    dialog: null,
    by: { accountId: newId<AccountId>(), userId: null, role: 'buyer', source: '192.0.2.1' },
  })

  it('is kept for good, each step of it', async () => {
    const { monitorings, queries } = storage
    const started = begin('sip:kept@dce')
    await monitorings.note(started)
    await monitorings.note({
      ...started,
      event: 'ended',
      at: new Date('2026-11-22T12:01:00Z'),
      reason: 'busy',
      by: null,
    })
    const rows = await queries.rows(
      `select event, mode, supervisor, reason, role, source from call_monitorings where monitor_id = $1 order by at`,
      [started.monitorId],
    )
    const common = { mode: 'listen', supervisor: 'sip:kept@dce' }
    assert.deepEqual(rows, [
      { ...common, event: 'started', reason: null, role: 'buyer', source: '192.0.2.1' },
      { ...common, event: 'ended', reason: 'busy', role: null, source: null },
    ])
    await assert.rejects(monitorings.note({ ...started, event: 'ended' }), 'it ends once')
    for (const change of ['delete from', 'truncate'])
      await assert.rejects(queries.rows(`${change} call_monitorings`, []), /append-only/)
  })

  it('shows what a process that died has left, with its last mode and its dialog', async () => {
    const { monitorings } = storage
    const started = begin('sip:left@dce')
    const later = (seconds: number) => new Date(started.at.getTime() + seconds * 1000)
    await monitorings.note(started)
    await monitorings.note({ ...started, event: 'joined', at: later(1), dialog, by: null })
    await monitorings.note({ ...started, event: 'changed', at: later(2), mode: 'barge' })
    const { monitorId, callId } = started
    const left = { monitorId, callId, mode: 'barge', to: 'sip:left@dce', dialog }
    assert.deepEqual(await monitorings.withoutEnd(), [left])
    await monitorings.note({ ...started, event: 'ended', at: later(3), reason: 'interrupted', by: null })
    assert.deepEqual(await monitorings.withoutEnd(), [])
  })
})
