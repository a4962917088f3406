import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { AccountId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

/** What a publisher sends, the ping it is read as, what is decided, and what the publisher hears: a file each. */
interface Golden {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers?: Record<string, string>
    readonly body?: unknown
  }
  /** Null: it is not asked. */
  readonly ping: Omit<Ping, 'sellerId'> | null
  readonly decided: (Record<string, unknown> & { readonly token?: string }) | null
  readonly response: { readonly status: number; readonly body: unknown }
}

const FOLDER = new URL('dialects/', import.meta.url)
const NUMBER = '+18005550100' as PhoneNumber

function decided(golden: Golden): PingAnswer | null {
  if (golden.decided?.['kind'] !== 'accepted') return golden.decided as PingAnswer | null
  const { payoutMicros, expiresAt } = golden.decided as { payoutMicros: string; expiresAt: string }
  return { ...golden.decided, payoutMicros: BigInt(payoutMicros), expiresAt: new Date(expiresAt) } as PingAnswer
}

describe('pings in other markets’ words', () => {
  let api: ApiHarness
  let seller: Person
  let key: string
  let asked: Ping[] = []
  let golden: Golden

  before(async () => {
    api = await startApi({
      pings: {
        ownerOf: (number) => (number === NUMBER ? seller.account.id : ('other' as AccountId)),
        onlyNumberOf: (id) => (id === seller.account.id ? NUMBER : null),
        ask(ping) {
          asked.push(ping)
          return decided(golden)!
        },
        quoted: (token, id) => (id === seller.account.id && token === golden.decided?.token ? decided(golden) : null),
        decision: () => null,
      },
    })
    seller = await api.person('seller')
    key = await keyOf(seller, 'ping')
  })
  after(() => api.api.close())
  beforeEach(() => (asked = []))

  async function keyOf({ account, token }: Person, scope: string): Promise<string> {
    const { status, body } = await api.request('POST', `accounts/${account.id}/api-keys`, {
      token,
      json: { name: 'k', scope },
    })
    assert.equal(status, 201, JSON.stringify(body))
    return body.secret as string
  }

  for (const market of ['ringba', 'retreaver', 'trackdrive']) {
    for (const file of readdirSync(new URL(market, FOLDER)).toSorted())
      it(`${market}: ${file.replace('.json', '').replaceAll('-', ' ')}`, async () => {
        golden = JSON.parse(readFileSync(new URL(`${market}/${file}`, FOLDER), 'utf8')) as Golden
        const { method, path, headers = {}, body } = golden.request
        const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
        const reply = await api.request(method, path.replace('KEY', key), {
          headers,
          ...(text !== undefined && { body: text.replace('KEY', key) }),
        })
        const pings = golden.ping === null ? [] : [{ sellerId: seller.account.id, ...golden.ping }]
        assert.deepEqual(asked, pings)
        assert.deepEqual({ status: reply.status, body: reply.body }, golden.response)
        assert.equal(reply.headers.get('retry-after'), golden.response.status === 429 ? '1' : null)
      })
  }

  it('take no key that could do more than ping, none of a suspended seller, and say nothing of the key', async () => {
    const ask = (secret: string) => api.request('GET', `/v1/production/${secret}.json?CID=12125550123`)
    const full = await keyOf(seller, 'all')
    assert.equal((await ask(full)).status, 401)
    const other = await api.person('seller', 'suspended')
    const theirs = await keyOf(other, 'ping')
    await api.stores.accounts.update(other.account.id, { status: 'suspended' }, null)
    api.clock.advance(6000) // Written past the API, it is noticed after five seconds.
    assert.equal((await ask(theirs)).status, 401)
    assert.deepEqual(asked, [])
    assert.ok(!JSON.stringify((await ask(full)).body).includes(full))
  })

  it('need the number where the seller has several', async () => {
    const other = await api.person('seller', 'many')
    const theirs = await keyOf(other, 'ping')
    const { status, body } = await api.request('POST', `/rtbs.json?key=${theirs}&caller_number=12125550123`)
    assert.deepEqual([status, body.error], [422, 'number: the seller has none, or several: say which'])
  })

  it('refuse bodies that are no parameters, by name', async () => {
    const post = (body: string, type = 'application/json') =>
      api.request('POST', `/v1/production/${key}.json`, { headers: { 'content-type': type }, body })
    assert.equal((await post('{"CID":')).status, 400)
    assert.equal((await post('[]')).status, 422)
    assert.equal((await post('<bid_request/>', 'application/xml')).status, 415)
    assert.equal((await post('{"CID":{"a":1}}')).body.errors[0].pointer, '/CID')
    assert.equal((await post(JSON.stringify({ CID: '1'.repeat(300) }))).body.errors[0].pointer, '/CID')
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`t${i}`, '']))
    assert.equal((await post(JSON.stringify(many))).status, 422)
    assert.match((await post('{"CID":"12125550123","a b":"x"}')).body.detail as string, /^a b: /)
  })
})

describe('an API key for pings', () => {
  let api: ApiHarness
  let seller: Person
  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  it('pings, and does nothing else', async () => {
    const path = `accounts/${seller.account.id}/api-keys`
    const { body } = await api.request('POST', path, { token: seller.token, json: { name: 'p', scope: 'ping' } })
    assert.equal(body.scope, 'ping')
    const token = body.secret as string
    for (const [method, where] of [
      ['GET', 'numbers'],
      ['GET', 'calls'],
      ['POST', path],
      ['DELETE', `${path}/${body.id}`],
    ] as const)
      assert.equal((await api.request(method, where, { token, ...(method === 'POST' && { json: {} }) })).status, 403)
    assert.equal((await api.request('POST', 'bid-request', { token, json: {} })).status, 422)
  })

  it('is for sellers', async () => {
    const buyer = await api.person('buyer')
    const path = `accounts/${buyer.account.id}/api-keys`
    const { status, body } = await api.request('POST', path, { token: buyer.token, json: { name: 'p', scope: 'ping' } })
    assert.deepEqual([status, body.errors[0].pointer], [422, '/scope'])
  })
})
