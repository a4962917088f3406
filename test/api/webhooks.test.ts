import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('webhooks, managed', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  let seller: Person
  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  const GOOD = { url: 'https://crm.example/hook?of=dce#part', event_types: ['call.ended', 'call.ended'] }
  const call = (method: string, person: Person, path: string, json?: unknown) =>
    api.request(method, path, { token: person.token, ...(json === undefined ? {} : { json }) })

  it('show their secret once, and never again', async () => {
    const headers = { 'idempotency-key': newId<string>() }
    const made = await api.request('POST', 'webhooks', { token: buyer.token, json: GOOD, headers })
    assert.equal(made.status, 201)
    const { id, secret, url, event_types: types, status, account_id: owner } = made.body
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.deepEqual(
      [url, types, status, owner],
      ['https://crm.example/hook?of=dce', ['call.ended'], 'active', buyer.account.id],
    )
    assert.equal(made.headers.get('location'), `/api/v1/webhooks/${id}`)
    const repeated = await api.request('POST', 'webhooks', { token: buyer.token, json: GOOD, headers })
    assert.deepEqual([repeated.status, repeated.body.secret, repeated.body.id], [201, null, id])
    const read = await call('GET', buyer, `webhooks/${id}`)
    const listed = await call('GET', buyer, 'webhooks')
    const changed = await call('PATCH', buyer, `webhooks/${id}`, { status: 'paused', event_types: ['bid.won'] })
    for (const reply of [read, listed, changed]) assert.ok(!JSON.stringify(reply.body).includes(secret.slice(6)))
    assert.deepEqual([changed.body.status, changed.body.event_types], ['paused', ['bid.won']])
    const rotated = await call('POST', buyer, `webhooks/${id}/secret`)
    assert.equal(rotated.status, 200)
    assert.notEqual(rotated.body.secret, secret)
    assert.equal((await call('DELETE', buyer, `webhooks/${id}`)).status, 204)
    assert.equal((await call('GET', buyer, `webhooks/${id}`)).status, 404)
  })

  it('refuse what is wrong, and URLs that lead into the house', async () => {
    await refusesEach(api, buyer, 'webhooks', GOOD, {
      url: [
        'nowhere',
        'ftp://crm.example/',
        'https://me:secret@crm.example/',
        'http://127.0.0.1:5432/',
        'http://localhost/',
        'http://0x7f.1/', // 127.0.0.1, as the URL standard reads it.
        7,
        undefined,
      ],
      event_types: [[], ['call.lost'], 'call.ended', undefined],
      description: ['', 'x'.repeat(201)],
      status: ['disabled', 'on'],
      secret: ['mine'],
    })
    const { id } = (await call('POST', buyer, 'webhooks', GOOD)).body
    assertFault(await call('PATCH', buyer, `webhooks/${id}`, { url: 'http://10.0.0.1/' }), '/url', 'private_address')
  })

  it('are each account’s own', async () => {
    const { id } = (await call('POST', buyer, 'webhooks', GOOD)).body
    for (const [method, path] of [
      ['GET', `webhooks/${id}`],
      ['PATCH', `webhooks/${id}`],
      ['DELETE', `webhooks/${id}`],
      ['POST', `webhooks/${id}/secret`],
      ['GET', `webhooks/${id}/deliveries`],
      ['POST', `webhooks/${id}/replay`],
      ['POST', `webhooks/${id}/deliveries/${newId<string>()}/replay`],
    ] as const)
      assert.equal((await call(method, seller, path, method === 'PATCH' ? {} : undefined)).status, 404, path)
    assert.deepEqual((await call('GET', seller, 'webhooks')).body.data, [])
    assert.equal((await call('GET', admin, `webhooks/${id}`)).status, 200)
    const own = await call('POST', admin, 'webhooks', { ...GOOD, account_id: admin.account.id })
    assert.equal(own.status, 201)
  })

  it('have their deliveries listed and sent again', async () => {
    const { id } = (await call('POST', buyer, 'webhooks', GOOD)).body
    const at = new Date('2026-11-22T06:00:00Z')
    const asked: object[] = []
    const eventId = newId<string>()
    api.stores.deliveries.list = async (webhookId) => ({
      data: [
        {
          webhookId,
          eventId,
          type: 'call.ended',
          state: 'dead',
          createdAt: at,
          dueAt: at,
          attempts: 9,
          endedAt: at,
          status: 503,
          error: 'not a status of success',
        },
      ],
      nextCursor: null,
    })
    api.stores.deliveries.replay = async (_id, filter) => asked.push(filter)
    const listed = await call('GET', buyer, `webhooks/${id}/deliveries?state=dead`)
    assert.deepEqual(listed.body.data, [
      {
        event_id: eventId,
        type: 'call.ended',
        state: 'dead',
        created_at: '2026-11-22T06:00:00.000Z',
        attempts: 9,
        next_attempt_at: null,
        ended_at: '2026-11-22T06:00:00.000Z',
        status: 503,
        error: 'not a status of success',
      },
    ])
    assert.equal((await call('GET', buyer, `webhooks/${id}/deliveries?state=lost`)).status, 422)
    assert.equal((await call('POST', buyer, `webhooks/${id}/deliveries/${eventId}/replay`)).status, 202)
    const all = await call('POST', buyer, `webhooks/${id}/replay`, { since: '2026-11-22T05:00:00Z' })
    assert.deepEqual([all.status, all.body.replayed], [202, 2])
    assert.deepEqual(asked, [{ eventId }, { state: 'dead', since: new Date('2026-11-22T05:00:00Z') }])
    api.stores.deliveries.replay = async () => 0
    assert.equal((await call('POST', buyer, `webhooks/${id}/deliveries/${eventId}/replay`)).status, 404)
  })

  it('are at most twenty of an account', async () => {
    const many = await api.person('buyer')
    const statuses: number[] = []
    for (let i = 0; i < 21; i++) statuses.push((await call('POST', many, 'webhooks', GOOD)).status)
    assert.deepEqual([new Set(statuses.slice(0, 20)), statuses[20]], [new Set([201]), 409])
  })
})
