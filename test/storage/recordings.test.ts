import assert from 'node:assert/strict'
import { newId, type AccountId, type CallId } from '../../model/ids.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

describe('recordings', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
  })
  after(() => storage.close())

  const at = (text: string): Date => new Date(`2026-${text}T12:00:00Z`)

  it('are kept from their beginning to their erasure', async () => {
    const { recordings } = storage
    const callId = newId<CallId>()
    await recordings.begun({ callId, name: callId, startedAt: at('08-01') })
    await recordings.begun({ callId, name: 'again', startedAt: at('08-02') })
    const begun = {
      callId,
      name: callId,
      startedAt: at('08-01'),
      durationMs: 0,
      bytes: 0,
      reason: null,
      erasedAt: null,
    }
    assert.deepEqual(await recordings.of([callId]), [{ ...begun, state: 'recording' }])
    assert.deepEqual(await recordings.underWay(), [{ ...begun, state: 'recording' }])
    assert.deepEqual(await recordings.startedBefore(at('11-01'), 10), [], 'it goes on')
    const ending = { durationMs: 1500, bytes: 5_000_000_000, state: 'kept', reason: 'call_ended' } as const
    await recordings.ended({ callId, name: 'again', startedAt: at('08-02'), ...ending })
    assert.deepEqual(await recordings.startedBefore(at('11-01'), 10), [{ ...begun, ...ending }])
    assert.deepEqual(await recordings.startedBefore(at('08-01'), 10), [])
    await recordings.erased([callId], at('11-01'))
    await recordings.ended({ callId, name: callId, startedAt: at('08-01'), ...ending })
    const [erased] = await recordings.of([callId, newId<CallId>()])
    assert.deepEqual([erased!.state, erased!.erasedAt], ['erased', at('11-01')])
    assert.deepEqual(await recordings.startedBefore(at('12-01'), 10), [])
  })

  it('are there when their beginning could not be written down', async () => {
    const { recordings } = storage
    const callId = newId<CallId>()
    const whole = { callId, name: callId, startedAt: at('09-01'), durationMs: 1500, bytes: 7, state: 'kept' } as const
    await recordings.ended({ ...whole, reason: 'call_ended' })
    assert.deepEqual(await recordings.of([callId]), [{ ...whole, reason: 'call_ended', erasedAt: null }])
  })

  it('remember who has listened, for good', async () => {
    const access = { accountId: newId<AccountId>(), userId: null, role: 'buyer', source: '192.0.2.1' } as const
    await storage.recordings.heard({ ...access, callId: newId<CallId>(), at: at('11-01') })
    const rows = await storage.queries.rows('select role, source from recording_accesses', [])
    assert.deepEqual(rows, [{ role: 'buyer', source: '192.0.2.1' }])
    await assert.rejects(storage.queries.rows('delete from recording_accesses', []), /append-only/)
  })
})
