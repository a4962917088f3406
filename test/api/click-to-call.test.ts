import assert from 'node:assert/strict'
import type { ClickTerms } from '../../model/click-token.ts'
import { assertFault } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('click-to-call tokens', () => {
  let api: ApiHarness
  let seller: Person
  let trunkId: string
  const issued: ClickTerms[] = []
  let isFull = false

  before(async () => {
    const harness: ApiHarness = await startApi({
      clickTokens: {
        ownerOf: (number) => harness.stores.numbers.all().find((each) => each.number === number)?.accountId ?? null,
        issue: (terms) => (isFull ? null : (issued.push(terms), { username: 'click-1', password: 'secret' })),
      },
      settings: {
        webrtc: {
          sipUrl: null,
          wsPort: null,
          wssPort: 7443,
          stun: ['stun:stun.example.com'],
          turnUrls: ['turn:turn.example.com'],
          turnSecret: 'shared',
          turnTtlMs: 3_600_000,
          tokensPerMinute: 20,
        },
      },
    })
    api = harness
    seller = await api.person('seller')
    trunkId = await trunkOf(seller, 'one')
    await api.request('POST', 'numbers', {
      token: seller.token,
      json: { number: '+18005550100', vertical: 'roofing', reserve_price: '1.00' },
    })
  })
  after(() => api.api.close())

  async function trunkOf(person: Person, name: string): Promise<string> {
    const json = { name, direction: 'inbound', username: name, password: 'long enough' }
    const made = await api.request('POST', 'trunks', { token: person.token, json })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    return made.body.id
  }
  const ASK = { number: '(800) 555-0100', origin: 'https://shop.example' }
  const ask = (json: Json, who: Person = seller, headers: Record<string, string> = {}) =>
    api.request('POST', 'click-to-call/tokens', { token: who.token, json, headers })

  it('bind a visitor to one number and one origin, for minutes', async () => {
    const before = api.clock.now()
    const made = await ask({ ...ASK, from: '+12125550123', zip: '75001', ttl: 60 })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { token, number, origin, uses, expires_at, sip, ice_servers } = made.body
    assert.deepEqual([token, number, origin, uses], ['click-1.secret', '+18005550100', 'https://shop.example', 1])
    assert.ok(Math.abs(Date.parse(expires_at) - before - 60_000) < 5_000)
    assert.deepEqual(sip, { urls: ['wss://127.0.0.1:7443'], realm: 'dce' })
    assert.match(ice_servers[1].username, /^\d+:click-1$/)
    assert.deepEqual(issued.at(-1), {
      trunkId,
      number: '+18005550100',
      from: '+12125550123',
      zip: '75001',
      origin: 'https://shop.example',
      uses: 1,
      ttlMs: 60_000,
    })
  })

  it('are shown once', async () => {
    const headers = { 'idempotency-key': 'a-click' }
    assert.equal((await ask(ASK, seller, headers)).body.token, 'click-1.secret')
    const repeat = await ask(ASK, seller, headers)
    assert.deepEqual([repeat.status, repeat.body.token, repeat.body.ice_servers], [201, null, []])
  })

  it('are made for one’s own numbers, origins that are some, and five minutes at most', async () => {
    for (const [pointer, json] of [
      ['/number', { ...ASK, number: '+18005550199' }],
      ['/number', { ...ASK, number: 'front desk' }],
      ['/from', { ...ASK, from: '911' }],
      ['/origin', { ...ASK, origin: 'https://shop.example/page' }],
      ['/origin', { ...ASK, origin: '*' }],
      ['/origin', { ...ASK, origin: 'null' }],
      ['/ttl', { ...ASK, ttl: 301 }],
      ['/uses', { ...ASK, uses: 11 }],
      ['/zip', { ...ASK, zip: '7500' }],
      ['/trunk_id', { ...ASK, trunk_id: seller.account.id }],
    ] as const)
      assertFault(await ask(json), pointer)
    const other = await api.person('seller')
    assertFault(await ask(ASK, other), '/number')
    assert.equal((await ask(ASK, await api.person('buyer'))).status, 403)
  })

  it('count as calls of the trunk that is named, where there are several', async () => {
    const second = await trunkOf(seller, 'two')
    assertFault(await ask(ASK), '/trunk_id')
    assert.equal((await ask({ ...ASK, trunk_id: second })).status, 201)
    assert.equal(issued.at(-1)?.trunkId, second)
  })

  it('are so many and no more, for each account and in all', async () => {
    const json = { ...ASK, trunk_id: trunkId }
    api.clock.advance(61_000)
    isFull = true
    const full = await ask(json)
    assert.deepEqual([full.status, full.body.code], [503, 'too_many_tokens'])
    isFull = false
    for (let i = 0; i < 19; i++) assert.equal((await ask(json)).status, 201)
    const refused = await ask(json)
    assert.deepEqual([refused.status, refused.body.code], [429, 'too_many_requests'])
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    api.clock.advance(61_000)
    assert.equal((await ask(json)).status, 201)
  })
})
