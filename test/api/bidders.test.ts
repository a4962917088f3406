import assert from 'node:assert/strict'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

const PING = { url: 'https://rtb.buyer.example/bid', body: '{"id": "{{ping_id}}", "zip": {{zip}}}' }
const GOOD = { name: 'b', max_bid: '20.00', ping: PING, answer: { bid: { json: 'bid' } } }

describe('bidders', () => {
  let api: ApiHarness
  let seller: Person
  let buyer: Person
  let targetId: string

  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
    buyer = await api.person('buyer')
    targetId = (await post(buyer, 'targets', { name: 't', uri: 'sip:a@b.example' })).body.id
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (id: string, json: Json) => api.request('PATCH', `bidders/${id}`, { token: buyer.token, json })

  it('are a buyer’s programs, told whole with what is left open filled in', async () => {
    const made = await post(buyer, 'bidders', { ...GOOD, criteria: { verticals: ['solar'] } })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { id, version, created_at, updated_at, campaign_id, ...rest } = made.body
    assert.ok(id && version === 1 && created_at && updated_at && campaign_id)
    assert.deepEqual(rest, {
      account_id: buyer.account.id,
      target_id: targetId,
      name: 'b',
      status: 'active',
      dialect: 'template',
      criteria: rest.criteria,
      max_bid: '20.00',
      currency: 'USD',
      billable_after: 0,
      max_concurrent_calls: null,
      timeout_ms: 1000,
      ping: { method: 'POST', ...PING, headers: {}, body_type: 'json' },
      answer: { accept: null, bid: { json: 'bid' }, destination: null, billable_after: null },
      post: null,
      win_url: null,
      loss_url: null,
      secrets: [],
      state: { circuit: 'closed', waits_ms: 1000, p95_ms: null, asked: 0, bids: 0, outcomes: {} },
    })
    assert.deepEqual(rest.criteria.verticals, ['solar'])
    const whole = {
      post: { ...PING, accept: { json: 'ok', equals: ['yes'] }, destination: { after: 'to=', before: ';' } },
      win_url: 'https://rtb.buyer.example/won/{{ping_id}}',
      answer: { accept: { after: '<ok>', before: '<' }, bid: { after: '<bid>', before: '' } },
    }
    const changed = await patch(id, { ...whole, status: 'paused' })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    assert.deepEqual(changed.body.post, {
      ...whole.post,
      method: 'POST',
      headers: {},
      body_type: 'json',
      timeout_ms: 1000,
    })
    assert.deepEqual(changed.body.answer, { ...whole.answer, destination: null, billable_after: null })
    assert.equal((await api.request('DELETE', `bidders/${id}`, { token: buyer.token })).status, 204)
  })

  it('keep their secrets to themselves, and only those that are there can be asked for', async () => {
    const secretive = { ...PING, headers: { Authorization: 'Bearer {{secret:key}}' } }
    assertFault(await post(buyer, 'bidders', { ...GOOD, ping: secretive }), '/ping/headers/Authorization', 'not_found')
    const made = await post(buyer, 'bidders', { ...GOOD, ping: secretive, secrets: { key: 'hunter2', more: 'x' } })
    assert.deepEqual(made.body.secrets, ['key', 'more'])
    assert.ok(!JSON.stringify(made.body).includes('hunter2'))
    const stored = await api.stores.bidders.find(made.body.id)
    assert.deepEqual(stored!.secrets, { key: 'sealed:7', more: 'sealed:1' })
    assertFault(await patch(made.body.id, { secrets: { key: null } }), '/ping/headers/Authorization', 'not_found')
    const changed = await patch(made.body.id, { secrets: { more: null, key: 'longer secret' } })
    assert.deepEqual(changed.body.secrets, ['key'])
    assert.deepEqual((await api.stores.bidders.find(made.body.id))!.secrets, { key: 'sealed:13' })
  })

  it('refuse what is wrong, by its name', async () => {
    await refusesEach(api, buyer, 'bidders', GOOD, {
      name: ['', 'x'.repeat(201)],
      max_bid: ['0', '-1', 'much', '0.001'],
      billable_after: [-1, 3601],
      timeout_ms: [0, 9, 2001, '100'],
      dialect: ['xml'],
      target_id: ['x', '019ed6c2-0000-7000-8000-000000000001'],
      campaign_id: ['019ed6c2-0000-7000-8000-000000000001'],
      answer: [null, {}, { bid: {} }, { bid: { json: 'a b' } }, { bid: { json: 'a', after: 'b', before: '' } }],
      secrets: [{ 'a b': 'x' }, { a: '' }, Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, 'x']))],
      win_url: ['', 'ftp://x', 'https://10.0.0.1/', 'https://x/{{zipp}}', 'https://x/{{call_id}}'],
      ping: [
        {},
        ...[
          '',
          'x',
          'ftp://x/',
          'https://',
          'https://{{tag:host}}/',
          'https://{{zip}}.example/',
          'https://user:pass@x.example/',
          'https://x.example/#a',
          'https://x.example\\@10.0.0.1/',
          'https://10.1.2.3/',
          'https://x.example/{{nothing}}',
          'https://x.example/{{',
          `https://x.example/${'a'.repeat(2048)}`,
        ].map((url) => ({ ...PING, url })),
        { ...PING, method: 'DELETE' },
        { ...PING, method: 'GET' },
        { ...PING, body: '{"a": ' },
        { ...PING, body: '{"a": {{nothing}}}' },
        { ...PING, headers: { Host: 'x' } },
        ...['Content-Length', 'x-dce-ping', 'X-DCE-Other', 'Idempotency-Key', 'accept-encoding'].map((name) => ({
          ...PING,
          headers: { [name]: '1' },
        })),
        { ...PING, headers: { 'a b': 'x' } },
        { ...PING, headers: { a: 'x\r\ny: z' } },
        { ...PING, more: 1 },
        { ...PING, body: '{"price": "{{price}}"}' },
        { ...PING, url: `${PING.url}?call={{call_id}}` },
      ],
      post: [
        { ...PING, method: 'GET', body: null },
        { ...PING, timeout_ms: 2001 },
        { ...PING, destination: { json: '' } },
      ],
    })
    const openrtb = { ...GOOD, dialect: 'openrtb', answer: null, ping: { url: PING.url } }
    assert.equal((await post(buyer, 'bidders', openrtb)).status, 201)
    assertFault(await post(buyer, 'bidders', { ...openrtb, answer: GOOD.answer }), '/answer', 'not_allowed')
    assertFault(await post(buyer, 'bidders', { ...openrtb, ping: PING }), '/ping/body', 'not_allowed')
    assertFault(
      await post(buyer, 'bidders', { ...openrtb, ping: { ...PING, body: null, method: 'GET' } }),
      '/ping/method',
    )
    assert.equal((await post(seller, 'bidders', GOOD)).status, 403)
  })

  it('are twenty of an account at most', async () => {
    const other = await api.person('buyer')
    await post(other, 'targets', { name: 't', uri: 'sip:a@b.example' })
    for (let i = 0; i < 20; i++) assert.equal((await post(other, 'bidders', GOOD)).status, 201)
    const { status, body } = await post(other, 'bidders', GOOD)
    assert.equal(status, 409)
    assert.match(body.detail, /at most 20 bidders/)
  })

  it('are asked by numbers for as long as these say, and told who calls where their campaign says so', async () => {
    const number = { number: '+12025550175', vertical: 'solar' }
    const made = await post(seller, 'numbers', number)
    assert.equal(made.body.bidder_deadline_ms, null)
    const change = (json: Json) => api.request('PATCH', `numbers/${made.body.id}`, { token: seller.token, json })
    assert.equal((await change({ bidder_deadline_ms: 2000 })).body.bidder_deadline_ms, 2000)
    assert.equal((await change({ bidder_deadline_ms: 0 })).body.bidder_deadline_ms, 0)
    for (const wrong of [-1, 2001, 'long'])
      assertFault(await change({ bidder_deadline_ms: wrong }), '/bidder_deadline_ms')
    const campaign = await post(buyer, 'campaigns', { name: 'c' })
    assert.equal(campaign.body.expose_caller, false)
    const exposed = await post(buyer, 'campaigns', { name: 'd', expose_caller: true })
    assert.equal(exposed.body.expose_caller, true)
  })
})
