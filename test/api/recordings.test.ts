import assert from 'node:assert/strict'
import type { CallId } from '../../model/ids.ts'
import type { CallRecording, RecordingAccess, RecordingState } from '../../model/recording.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { callRecord } from '../support/records.ts'

describe('GET /calls/{id}/recording', () => {
  let api: ApiHarness
  let seller: Person
  let buyer: Person
  let stranger: Person
  const recordings = new Map<CallId, CallRecording>()
  const heard: RecordingAccess[] = []
  let opening: 'opens' | 'gone' | 'refused' | 'unwritten' | 'breaks'
  const bytes = Buffer.from('0123456789')

  before(async () => {
    api = await startApi({
      recordings: {
        erase: async () => {},
        of: async (ids) => ids.flatMap((id) => recordings.get(id) ?? []),
        async open() {
          if (opening === 'gone') return null
          if (opening === 'refused') throw new Error('the recording key “k” is not the one it was made with')
          return {
            bytes: bytes.length,
            async *read(from, to) {
              yield bytes.subarray(from, from + 1)
              if (opening === 'breaks') throw new Error('chunk 2 has been changed')
              yield bytes.subarray(from + 1, to)
            },
          }
        },
        async heard(access) {
          if (opening === 'unwritten') throw new Error('the database is away')
          heard.push(access)
        },
      },
    })
    seller = await api.person('seller')
    buyer = await api.person('buyer')
    stranger = await api.person('buyer')
  })
  after(() => api.api.close())
  beforeEach(() => {
    opening = 'opens'
    heard.length = 0
  })

  function recorded(state: RecordingState): CallId {
    const call = callRecord({
      state: 'ended',
      outcome: 'answered',
      sellerId: seller.account.id,
      buyerId: buyer.account.id,
    })
    api.stores.callRecords.set(call.id, call)
    const startedAt = new Date('2026-11-21T12:00:00Z')
    const erasedAt = state === 'erased' ? new Date('2027-02-19T12:00:00Z') : null
    const recording = {
      callId: call.id,
      name: call.id,
      startedAt,
      durationMs: 1000,
      bytes: 10,
      state,
      reason: null,
      erasedAt,
    }
    recordings.set(call.id, recording)
    return call.id
  }
  const listen = (id: string, person: Person, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/api/v1/calls/${id}/recording`, {
      headers: { authorization: `Bearer ${person.token}`, ...headers },
    })
  const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code: string }).code

  it('is heard by the call’s seller and its buyer, and who it was is written down', async () => {
    const id = recorded('kept')
    for (const person of [seller, buyer]) {
      const answer = await listen(id, person)
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-length'), '10')
      assert.equal(await answer.text(), '0123456789')
    }
    assert.deepEqual(
      heard.map(({ callId, accountId, role }) => ({ callId, accountId, role })),
      [
        { callId: id, accountId: seller.account.id, role: 'seller' },
        { callId: id, accountId: buyer.account.id, role: 'buyer' },
      ],
    )
  })

  it('is nobody else’s', async () => {
    assert.equal((await listen(recorded('kept'), stranger)).status, 404)
    assert.deepEqual(heard, [])
  })

  it('is heard by nobody who could not be written down', async () => {
    opening = 'unwritten'
    assert.equal((await listen(recorded('kept'), buyer)).status, 500)
  })

  it('comes in parts', async () => {
    const answer = await listen(recorded('interrupted'), buyer, { range: 'bytes=2-4' })
    assert.deepEqual(
      [answer.status, answer.headers.get('content-range'), await answer.text()],
      [206, 'bytes 2-4/10', '234'],
    )
    const beyond = await listen(recorded('kept'), buyer, { range: 'bytes=10-' })
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */10'])
  })

  it('breaks off when a chunk has been changed: what was promised does not come', async () => {
    opening = 'breaks'
    const answer = await listen(recorded('kept'), buyer)
    await assert.rejects(answer.text())
  })

  for (const [state, how, status, code] of [
    ['recording', 'opens', 409, 'recording_under_way'],
    ['erased', 'opens', 410, 'recording_erased'],
    ['kept', 'gone', 404, 'no_recording'],
    ['kept', 'refused', 409, 'recording_unreadable'],
  ] as const)
    it(`says ${code} of one that is ${state}, and whose file ${how}`, async () => {
      opening = how
      const answer = await listen(recorded(state), buyer)
      assert.deepEqual([answer.status, await codeOf(answer)], [status, code])
      assert.deepEqual(heard, [])
    })

  it('says that a call has not been recorded', async () => {
    const id = recorded('kept')
    recordings.delete(id)
    const answer = await listen(id, buyer)
    assert.deepEqual([answer.status, await codeOf(answer)], [404, 'no_recording'])
  })

  it('is listed with its call, erased or not', async () => {
    const id = recorded('erased')
    const { body } = await api.request('GET', `calls/${id}`, { token: buyer.token })
    assert.deepEqual(body.recordings, [
      {
        name: id,
        started_at: '2026-11-21T12:00:00.000Z',
        duration_ms: 1000,
        bytes: 10,
        state: 'erased',
        reason: null,
        erased_at: '2027-02-19T12:00:00.000Z',
      },
    ])
    const list = await api.request('GET', 'calls', { token: buyer.token })
    assert.equal(list.body.data.find((call: { id: string }) => call.id === id).recordings.length, 1)
  })

  it('is not paused when nothing is recorded', async () => {
    const { status, body } = await api.request('POST', `calls/${recorded('kept')}/recording/pause`, {
      token: seller.token,
    })
    assert.deepEqual([status, body.code], [409, 'not_recording'])
  })
})
