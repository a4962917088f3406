import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('API keys', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  it('are shown once, work as a bearer, and stop when withdrawn', async () => {
    const path = `accounts/${buyer.account.id}/api-keys`
    const made = await api.request('POST', path, { token: buyer.token, json: { name: 'dialer' } })
    assert.equal(made.status, 201)
    const { id, secret } = made.body as { id: string; secret: string }
    const listed = await api.request('GET', path, { token: buyer.token })
    assert.deepEqual(
      listed.body.data.map((key: { id: string }) => key.id),
      [id],
    )
    assert.ok(!JSON.stringify(listed.body).includes(secret))
    assert.equal((await api.request('GET', 'bids', { token: secret })).status, 200)
    assert.equal((await api.request('GET', 'trunks', { token: secret })).status, 403)
    assert.equal((await api.request('DELETE', `${path}/${id}`, { token: secret })).status, 204)
    assert.equal((await api.request('GET', 'bids', { token: secret })).status, 401)
    assert.equal((await api.request('DELETE', `${path}/${id}`, { token: buyer.token })).status, 404)
  })

  it('of an operator are an administrator’s', async () => {
    const path = `accounts/${admin.account.id}/api-keys`
    const { body } = await api.request('POST', path, { token: admin.token, json: { name: 'ops' } })
    assert.equal((await api.request('GET', 'dnc', { token: body.secret })).status, 200)
  })

  it('are nobody else’s business', async () => {
    const other = await api.person('buyer', 'other')
    const path = `accounts/${buyer.account.id}/api-keys`
    assert.equal((await api.request('GET', path, { token: other.token })).status, 404)
    assert.equal((await api.request('POST', path, { token: other.token, json: { name: 'x' } })).status, 404)
  })

  it('never keep their secret for a repeat of the request', async () => {
    const path = `accounts/${buyer.account.id}/api-keys`
    const send = () =>
      api.request('POST', path, { token: buyer.token, json: { name: 'k' }, headers: { 'idempotency-key': 'key-1' } })
    const first = await send()
    const again = await send()
    assert.equal(again.body.id, first.body.id)
    assert.equal(again.body.secret, null)
  })

  it('are at most a hundred an account', async () => {
    const { account, token } = await api.person('buyer', 'hoarder')
    const path = `accounts/${account.id}/api-keys`
    for (let i = 0; i < 100; i++) await api.request('POST', path, { token, json: { name: `k${i}` } })
    assert.equal((await api.request('POST', path, { token, json: { name: 'one more' } })).status, 409)
  })
})
