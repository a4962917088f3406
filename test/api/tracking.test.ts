import assert from 'node:assert/strict'
import { StoreFull, StoreUnavailable } from '../../api/needs.ts'
import type { CallRecord } from '../../model/cdr.ts'
import { newId } from '../../model/ids.ts'
import type { TrackedEvent } from '../../model/tracking.ts'
import { refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

describe('reports of what became of calls', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  let seller: Person
  let call: CallRecord
  const added: { event: TrackedEvent; isChecked: boolean }[] = []
  let failure: Error | null = null
  let mayMiss = false
  let findParties: ApiHarness['stores']['calls']['parties']

  before(async () => {
    api = await startApi({
      tracking: {
        mayMissCalls: () => mayMiss,
        async add(event, isChecked) {
          if (failure) throw failure
          added.push({ event, isChecked })
        },
      },
    })
    admin = await api.person('operator')
    buyer = await api.person('buyer')
    seller = await api.person('seller')
    call = sampleCall(seller.account.id, { buyerId: buyer.account.id })
    api.stores.callRecords.set(call.id, call)
    findParties = api.stores.calls.parties.bind(api.stores.calls)
  })
  after(() => api.api.close())
  beforeEach(() => {
    added.length = 0
    failure = null
    mayMiss = false
    api.stores.calls.parties = findParties
  })

  const callsAreAway = (): void => {
    api.stores.calls.parties = () => Promise.reject(new StoreUnavailable('away'))
  }
  const post = (person: Person, type: string, json: unknown) =>
    api.request('POST', `track/${type}`, { token: person.token, json })

  it('are taken from the buyer, the seller and the operator, also without the prefix', async () => {
    for (const person of [buyer, seller, admin])
      assert.equal((await post(person, 'qualified', { call_id: call.id })).status, 200)
    const bare = await api.request('POST', '/track/sale', {
      token: buyer.token,
      json: { call_id: call.id, amount: '120.50', transaction_id: 'A-7', tags: { agent: 'Ann' } },
    })
    assert.deepEqual([bare.status, bare.body.type, bare.body.checked], [200, 'sale', true])
    assert.deepEqual(
      added.map(({ event }) => [event.role, event.type]),
      [
        ['buyer', 'qualified'],
        ['seller', 'qualified'],
        ['admin', 'qualified'],
        ['buyer', 'sale'],
      ],
    )
    const { event } = added[3]!
    assert.deepEqual([event.amountMicros, event.currency, event.tags], [120_500_000n, 'USD', { agent: 'Ann' }])
    assert.equal(event.id, bare.body.id)
  })

  it('have one id however often they come, by their own number or by call, type and transaction', async () => {
    const idOf = async (json: object, type = 'sale', person = buyer) =>
      (await post(person, type, { call_id: call.id, amount: 1, ...json })).body.id
    const ids = {
      numbered: await idOf({ event_id: 'e1' }),
      other: await idOf({ event_id: 'e2' }),
      plain: await idOf({}),
      transaction: await idOf({ transaction_id: 't1' }),
      refund: await idOf({ transaction_id: 't1' }, 'refund'),
      sellers: await idOf({ event_id: 'e1' }, 'sale', seller),
    }
    assert.equal(new Set(Object.values(ids)).size, 6)
    assert.equal(await idOf({ event_id: 'e1', transaction_id: 't9', amount: 2 }), ids.numbered)
    assert.equal(await idOf({ transaction_id: 't1', amount: 2 }), ids.transaction)
    assert.equal(await idOf({ occurred_at: '2026-01-31T12:00:00Z' }), ids.plain)
  })

  it('name the field that is wrong', async () => {
    const good = { call_id: call.id, amount: '1' }
    await refusesEach(api, buyer, 'track/sale', good, {
      call_id: ['x', null, 7, undefined],
      amount: [-1, 'much', '1.1234567', undefined],
      currency: ['money', 'EUR'],
      event_id: ['', 'x'.repeat(201), 7],
      transaction_id: ['', 'a\u0000b'],
      occurred_at: ['yesterday', '2100-01-01T00:00:00Z'],
      tags: [{ a: 1 }, 'x'],
      extra: [1],
    })
    await refusesEach(api, buyer, 'track/nonsense', { call_id: call.id }, { type: [undefined] })
    const aimless = await post(buyer, 'refund', { call_id: call.id, currency: 'USD' })
    assert.deepEqual([aimless.status, aimless.body.errors[0].pointer, added.length], [422, '/amount', 0])
  })

  it('are not taken for calls that are nobody’s or another’s: the same 404', async () => {
    const others = sampleCall(newId(), { buyerId: newId() })
    api.stores.callRecords.set(others.id, others)
    for (const id of [others.id, newId<string>()])
      assert.equal((await post(buyer, 'qualified', { call_id: id })).status, 404)
    assert.equal((await api.request('POST', 'track/qualified', { json: { call_id: call.id } })).status, 401)
  })

  it('are taken unchecked, with 202, while the call cannot be looked up', async () => {
    callsAreAway()
    const unknown = newId<string>()
    const reply = await post(buyer, 'qualified', { call_id: unknown })
    assert.deepEqual([reply.status, reply.body.checked, added[0]!.isChecked], [202, false, false])
    assert.equal((await post(buyer, 'sale', { call_id: unknown, amount: 1, currency: 'usd' })).status, 202)
    assert.equal((await post(buyer, 'sale', { call_id: unknown, amount: 1 })).status, 503)
  })

  it('are taken unchecked too while the call may be on its way to the database, and never of another’s', async () => {
    mayMiss = true
    const reply = await post(buyer, 'qualified', { call_id: newId<string>() })
    assert.deepEqual([reply.status, reply.body.checked, added[0]!.isChecked], [202, false, false])
    const others = sampleCall(newId(), { buyerId: newId() })
    api.stores.callRecords.set(others.id, others)
    assert.equal((await post(buyer, 'qualified', { call_id: others.id })).status, 404)
  })

  it('are checked against a call in progress, database or not', async () => {
    const live = sampleCall(seller.account.id, { buyerId: buyer.account.id, state: 'answered' })
    api.live.calls.push(live)
    callsAreAway()
    assert.equal((await post(buyer, 'sale', { call_id: live.id, amount: 1 })).status, 200)
  })

  it('hear 503 when no more can wait', async () => {
    failure = new StoreFull('10000 events wait for the disk')
    const reply = await post(buyer, 'qualified', { call_id: call.id })
    assert.deepEqual([reply.status, reply.body.code], [503, 'too_many_waiting'])
    assert.equal(reply.headers.get('retry-after'), '5')
  })

  it('come by link too: a picture, and the event of whoever the link was made for', async () => {
    const link = await api.request('GET', `calls/${call.id}/tracking-link`, { token: buyer.token })
    assert.equal(link.status, 200)
    const fetched = await fetch(`${api.url}/track/sale?key=${link.body.key}&amount=99.90&transaction_id=t5`)
    assert.deepEqual([fetched.status, fetched.headers.get('content-type')], [200, 'image/gif'])
    assert.equal((await fetched.arrayBuffer()).byteLength, 42)
    const { event } = added[0]!
    assert.deepEqual([event.accountId, event.role, event.callId], [buyer.account.id, 'buyer', call.id])
    const posted = await post(buyer, 'sale', { call_id: call.id, amount: '99.90', transaction_id: 't5' })
    assert.equal(posted.body.id, event.id)
  })

  it('do not come by a link that was changed, cut or made up', async () => {
    const { key } = (await api.request('GET', `calls/${call.id}/tracking-link`, { token: buyer.token })).body
    const bytes = Buffer.from(key, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      const reply = await api.request('GET', `/track/qualified?key=${changed.toString('base64url')}`)
      assert.equal(reply.status, 401, `byte ${at}`)
    }
    for (const made of ['', 'x', key.slice(0, -2), `${key}AA`])
      assert.equal((await api.request('GET', `/track/qualified?key=${made}`)).status, 401)
    assert.equal((await api.request('GET', '/track/qualified')).status, 422)
    assert.equal(
      (await api.request('GET', `calls/${newId<string>()}/tracking-link`, { token: buyer.token })).status,
      404,
    )
    assert.equal(added.length, 0)
  })

  it('are listed to whoever made them, with why one does not count', async () => {
    await post(buyer, 'qualified', { call_id: call.id })
    const { event } = added[0]!
    api.stores.trackedEvents.set('1', { ...event, refused: 'unknown_call' })
    const list = (person: Person) => api.request('GET', 'tracking-events?type=qualified', { token: person.token })
    const mine = (await list(buyer)).body.data
    assert.deepEqual([mine.length, mine[0].counts, mine[0].refused.code], [1, false, 'unknown_call'])
    assert.deepEqual((await list(seller)).body.data, [])
    assert.equal((await list(admin)).body.data.length, 1)
  })
})
