import assert from 'node:assert/strict'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('accounts', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  it('open with defaults, and a user who can log in with the right role', async () => {
    for (const [type, path] of [
      ['buyer', 'bids'],
      ['seller', 'trunks'],
      ['operator', 'dnc'],
    ] as const) {
      const email = `${type}-new@example.com`
      const made = await post(admin, 'accounts', { type, name: ' New ', email, password: 'correct horse' })
      assert.equal(made.status, 201)
      assert.equal(made.headers.get('location'), `/api/v1/accounts/${made.body.id}`)
      const { name, status, currency, timezone, credit_limit, balance, available } = made.body
      assert.deepEqual(
        { name, status, currency, timezone, credit_limit, balance, available },
        {
          name: 'New',
          status: 'active',
          currency: 'USD',
          timezone: 'America/New_York',
          credit_limit: '0.00',
          balance: '0.00',
          available: '0.00',
        },
      )
      assert.ok(!JSON.stringify(made.body).includes('password'))
      const login = await api.request('POST', 'auth/login', { json: { email, password: 'correct horse' } })
      assert.equal((await api.request('GET', path, { token: login.body.access_token })).status, 200)
    }
  })

  it('refuse what is wrong', () =>
    refusesEach(
      api,
      admin,
      'accounts',
      { type: 'buyer', name: 'x' },
      {
        type: ['external', 'admin', null],
        name: ['', ' ', 'x'.repeat(201), 'a\u0000b', 'a\nb', 1, '\ud800'],
        email: ['x', 'a@b', 1],
        currency: ['XXXX', 'usdollar', '', 840],
        timezone: ['Mars/Olympus', '+05:00', 'EST5EDT; drop', '', 5],
        credit_limit: ['-1', '1.1234567', 'NaN', '10000000000000', {}, true],
        status: ['gone'],
        balance: ['1.00'],
      },
    ))

  it('need an email for a password, and a password of eight characters', async () => {
    assertFault(await post(admin, 'accounts', { type: 'buyer', name: 'x', password: 'correct horse' }), '/email')
    const short = { type: 'buyer', name: 'x', email: 'short@example.com', password: '1234567' }
    assertFault(await post(admin, 'accounts', short), '/password')
  })

  it('never share a login, and leave nothing half-made', async () => {
    const before = (await api.request('GET', 'accounts?limit=1000', { token: admin.token })).body.data.length
    const reply = await post(admin, 'accounts', {
      type: 'buyer',
      name: 'x',
      email: 'Buyer-New@example.com',
      password: 'correct horse',
    })
    assert.deepEqual([reply.status, reply.body.errors[0].pointer], [409, '/email'])
    const after = (await api.request('GET', 'accounts?limit=1000', { token: admin.token })).body.data.length
    assert.equal(after, before)
  })

  it('keep their type, their currency and their login', async () => {
    assertFault(
      await patch(admin, `accounts/${buyer.account.id}`, { currency: 'EUR' }),
      '/currency',
      'unknown_property',
    )
    assertFault(await patch(admin, `accounts/${buyer.account.id}`, { type: 'seller' }), '/type', 'unknown_property')
    const house = await patch(admin, `accounts/${api.house.operatorId}`, { status: 'closed' })
    assert.equal(house.status, 409)
  })

  it('have caps, a seller also a reserve, where the type has a use for them', async () => {
    const seller = await post(admin, 'accounts', { type: 'seller', name: 's', caps: { daily: 5 }, reserve_price: '2' })
    const caps = { hourly: null, daily: 5, monthly: null, total: null, concurrent: null }
    assert.deepEqual([seller.body.caps, seller.body.reserve_price], [caps, '2.00'])
    const changed = await patch(admin, `accounts/${seller.body.id}`, { caps: { hourly: 5 }, reserve_price: null })
    assert.deepEqual([changed.body.caps, changed.body.reserve_price], [{ ...caps, hourly: 5 }, null])
    assertFault(
      await patch(admin, `accounts/${seller.body.id}`, { caps: { daily: 4 } }),
      '/caps/hourly',
      'overlapping_caps',
    )
    assertFault(await patch(admin, `accounts/${buyer.account.id}`, { reserve_price: '1' }), '/reserve_price')
    assertFault(await patch(admin, `accounts/${api.house.operatorId}`, { caps: { daily: 1 } }), '/caps')
  })

  it('of buyers say how their funds stand, and when they are to be told', async () => {
    const deposit = (amount: string) =>
      post(admin, `accounts/${buyer.account.id}/deposits`, { amount, reference: `to have ${amount}` })
    const funds = async (): Promise<unknown[]> => {
      const { body } = await api.request('GET', `accounts/${buyer.account.id}`, { token: buyer.token })
      return [body.low_balance, body.funds]
    }
    assert.deepEqual(await funds(), [null, 'paused'])
    await deposit('30.00')
    assert.deepEqual(await funds(), [null, 'ok'])
    const named = await patch(buyer, `accounts/${buyer.account.id}`, { low_balance: '50.00' })
    assert.deepEqual([named.status, ...(await funds())], [200, '50.00', 'low'])
    await deposit('20.00')
    assert.deepEqual(await funds(), ['50.00', 'ok'])
    await patch(buyer, `accounts/${buyer.account.id}`, { low_balance: null })
    assert.deepEqual(await funds(), [null, 'ok'])
    const seller = await api.person('seller')
    const wrong = await patch(seller, `accounts/${seller.account.id}`, { low_balance: '5.00' })
    assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, '/low_balance'])
    const none = await patch(buyer, `accounts/${buyer.account.id}`, { low_balance: '0' })
    assert.deepEqual([none.status, none.body.errors[0].pointer], [422, '/low_balance'])
  })

  it('change what is given and nothing else', async () => {
    const reply = await patch(admin, `accounts/${buyer.account.id}`, { credit_limit: 250, timezone: 'US/Eastern' })
    assert.deepEqual([reply.body.credit_limit, reply.body.timezone, reply.body.name], ['250.00', 'US/Eastern', 'buyer'])
    assert.equal(reply.headers.get('etag'), `"${reply.body.version}"`)
  })
})
