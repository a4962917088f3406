import assert from 'node:assert/strict'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('targets', () => {
  let api: ApiHarness
  let seller: Person
  let buyer: Person

  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })

  it('ring a SIP URI or a number', async () => {
    for (const [uri, kept] of [
      ['sip:sales@buyer.example', 'sip:sales@buyer.example'],
      ['sips:10.0.0.1:5061;transport=tls', 'sips:10.0.0.1:5061;transport=tls'],
      ['sip:+12125550123@[2001:db8::1]:5080;user=phone;lr', 'sip:+12125550123@[2001:db8::1]:5080;user=phone;lr'],
      ['212-555-0123', '+12125550123'],
    ]) {
      const made = await post(buyer, 'targets', { name: 't', uri })
      assert.deepEqual([made.status, made.body.uri], [201, kept], uri)
    }
  })

  it('have caps by period, and change one at a time', async () => {
    const made = await post(buyer, 'targets', { name: 't', uri: 'sip:a@b.example', caps: { hourly: 2, daily: 5 } })
    assert.deepEqual(made.body.caps, { hourly: 2, daily: 5, monthly: null, total: null })
    const change = (caps: unknown) =>
      api.request('PATCH', `targets/${made.body.id}`, { token: buyer.token, json: { caps } })
    assert.deepEqual((await change({ daily: 9 })).body.caps, { hourly: 2, daily: 9, monthly: null, total: null })
    assertFault(await change({ daily: 1 }), '/caps/hourly', 'overlapping_caps')
    assert.equal((await change({ concurrent: 1 })).status, 422) // That is max_concurrent_calls.
    assert.equal((await change(null)).body.caps, null)
  })

  it('refuse what is wrong', () =>
    refusesEach(
      api,
      buyer,
      'targets',
      { name: 't', uri: 'sip:a@b.example' },
      {
        uri: [
          '',
          'x',
          'http://x',
          'sip:',
          'sip:@b',
          'sip:a@',
          'sip:a b@c',
          'sip:a@b\r\nX: y',
          'sip:a@b:0',
          'sip:a@b:99999',
          'sip:a:pw@b',
          'sip:a@b?subject=x',
          '<sip:a@b>',
          'sip:a@b_c',
          'sip:a@[2001:db8:::1]',
          'sip:a@999.0.0.1',
          'sip:a@10.0.0',
          'sip:+19005550100@carrier.example',
          '+1',
          `sip:${'a'.repeat(300)}@b`,
          null,
          5,
        ],
        ring_timeout: [0, 181, 1.5, '30', null],
        max_concurrent_calls: [0, -1, 'many'],
        direct_media: ['yes', 1, null],
        verstat: ['on', true],
        account_id: [seller.account.id],
      },
    ))

  it('stay while bids need them', async () => {
    const owner = await api.person('buyer', 'keeper')
    const target = await post(owner, 'targets', { name: 't', uri: 'sip:a@b.example' })
    const bid = await post(owner, 'bids', { amount: '1' })
    const path = `targets/${target.body.id}`
    assert.equal((await api.request('DELETE', path, { token: owner.token })).status, 409)
    assert.equal((await api.request('DELETE', `bids/${bid.body.id}`, { token: owner.token })).status, 204)
    assert.equal((await api.request('DELETE', path, { token: owner.token })).status, 204)
    assert.equal((await api.request('GET', path, { token: owner.token })).status, 404)
  })
})
