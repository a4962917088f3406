import assert from 'node:assert/strict'
import {
  BadSupervisor,
  MonitorRefused,
  type CallMonitor,
  type MonitorAsker,
  type MonitorRefusal,
} from '../../model/call-monitor.ts'
import { newId, type CallId, type MonitorId } from '../../model/ids.ts'
import type { Monitoring } from '../../api/needs.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

describe('/calls/{id}/monitor', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let buyer: Person
  let stranger: Person
  const monitors = new Map<CallId, CallMonitor[]>()
  const asked: MonitorAsker[] = []
  let refusal: Error | null

  const monitoring: Monitoring = {
    of: (callId) => monitors.get(callId) ?? [],
    async start(callId, to, mode, by) {
      if (refusal) throw refusal
      asked.push(by)
      const monitor = {
        id: newId<MonitorId>(),
        callId,
        accountId: by.accountId,
        to,
        mode,
        state: 'ringing' as const,
        startedAt: new Date('2026-11-22T12:00:00Z'),
        joinedAt: null,
        endedAt: null,
        reason: null,
      }
      monitors.set(callId, [...(monitors.get(callId) ?? []), monitor])
      return monitor
    },
    async change(callId, id, mode) {
      if (refusal) throw refusal
      const changed = monitors.get(callId)!.map((each) => (each.id === id ? { ...each, mode } : each))
      monitors.set(callId, changed)
      return changed.find((each) => each.id === id)!
    },
    async end(callId, id) {
      monitors.set(
        callId,
        monitors.get(callId)!.filter((each) => each.id !== id),
      )
      return true
    },
  }

  before(async () => {
    api = await startApi({ monitoring })
    admin = await api.person('operator')
    seller = await api.person('seller')
    buyer = await api.person('buyer')
    stranger = await api.person('buyer', 'stranger')
  })
  after(() => api.api.close())
  beforeEach(() => {
    refusal = null
    asked.length = 0
  })

  function up(state: 'ringing' | 'answered' | 'ended' = 'answered'): CallId {
    const call = sampleCall(seller.account.id, { state, buyerId: buyer.account.id })
    api.live.calls.push(call)
    return call.id
  }
  const start = (id: string, { token }: Person, json: unknown = { to: 'sip:anna@dce', mode: 'listen' }) =>
    api.request('POST', `calls/${id}/monitor`, { token, json })

  it('has a supervisor called, for whoever asked, and lists them with the call while it is up', async () => {
    const id = up()
    const { status, body } = await start(id, buyer)
    assert.equal(status, 201)
    const said = {
      id: body.id,
      to: 'sip:anna@dce',
      mode: 'listen',
      state: 'ringing',
      started_at: '2026-11-22T12:00:00.000Z',
      joined_at: null,
      ended_at: null,
      reason: null,
    }
    assert.deepEqual(body, said)
    const [{ accountId, role, userId }] = asked as [MonitorAsker]
    assert.deepEqual([accountId, role, userId !== null], [buyer.account.id, 'buyer', true])
    const read = async ({ token }: Person) => (await api.request('GET', `calls/${id}`, { token })).body.monitors
    assert.deepEqual(await read(buyer), [said])
    assert.deepEqual(await read(admin), [said])
    assert.deepEqual(await read(seller), [])
    const list = await api.request('GET', 'calls', { token: buyer.token })
    assert.deepEqual(list.body.data.find((call: { id: string }) => call.id === id).monitors, [said])
  })

  it('changes what they do, and hangs up on them', async () => {
    const id = up()
    const path = `calls/${id}/monitor/${(await start(id, buyer)).body.id}`
    const changed = await api.request('PATCH', path, { token: admin.token, json: { mode: 'barge' } })
    assert.deepEqual([changed.status, changed.body.mode], [200, 'barge'])
    assert.equal((await api.request('DELETE', path, { token: buyer.token })).status, 204)
    assert.equal((await api.request('DELETE', path, { token: buyer.token })).status, 404)
  })

  it('is for administrators, and for the buyer of the call', async () => {
    const id = up()
    assert.equal((await start(id, seller)).status, 403)
    assert.equal((await start(id, stranger)).status, 404)
    const theirs = `calls/${id}/monitor/${(await start(id, admin)).body.id}`
    const patch = (person: Person) => api.request('PATCH', theirs, { token: person.token, json: { mode: 'whisper' } })
    assert.equal((await patch(seller)).status, 403)
    assert.equal((await patch(buyer)).status, 404, 'an administrator’s supervisor is nobody else’s to know of')
    assert.equal((await api.request('DELETE', theirs, { token: buyer.token })).status, 404)
    assert.deepEqual((await api.request('GET', `calls/${id}`, { token: buyer.token })).body.monitors, [])
    assert.equal((await patch(admin)).status, 200)
  })

  it('needs a call that is up and answered', async () => {
    for (const state of ['ringing', 'ended'] as const) {
      const { status, body } = await start(up(state), admin)
      assert.deepEqual([status, body.code], [409, 'call_not_up'])
    }
    assert.equal((await start(newId(), admin)).status, 404)
  })

  for (const [json, pointer] of [
    [{ mode: 'listen' }, '/to'],
    [{ to: '+12125550123', mode: 'listen' }, '/to'],
    [{ to: 'sip:anna@dce>\r\nX: y', mode: 'listen' }, '/to'],
    [{ to: '"a" <sip:anna@dce>', mode: 'listen' }, '/to'],
    [{ to: 'sip:anna@dce', mode: 'shout' }, '/mode'],
  ] as const)
    it(`names ${pointer} of ${JSON.stringify(json)}`, async () => {
      const { status, body } = await start(up(), admin, json)
      assert.deepEqual([status, body.errors[0].pointer], [422, pointer])
    })

  it('says who cannot be called', async () => {
    refusal = new BadSupervisor('not_registered', 'anna is not registered now')
    const { status, body } = await start(up(), buyer)
    assert.equal(status, 422)
    assert.deepEqual(body.errors, [{ pointer: '/to', detail: 'anna is not registered now', code: 'not_registered' }])
  })

  for (const [code, expected] of [
    ['call_not_up', 409],
    ['cannot_monitor', 409],
    ['too_many_monitors', 409],
    ['media_unavailable', 503],
  ] as const satisfies readonly [MonitorRefusal, number][])
    it(`answers ${expected} when it is refused as ${code}`, async () => {
      refusal = new MonitorRefused(code, 'so it is')
      const { status, body } = await start(up(), buyer)
      assert.deepEqual([status, body.code, body.detail], [expected, code, 'so it is.'])
    })

  it('says that a monitoring is over', async () => {
    const id = up()
    const path = `calls/${id}/monitor/${(await start(id, buyer)).body.id}`
    refusal = new MonitorRefused('monitor_over', 'the monitoring is over: busy')
    const { status, body } = await api.request('PATCH', path, { token: buyer.token, json: { mode: 'barge' } })
    assert.deepEqual([status, body.code], [409, 'monitor_over'])
  })
})
