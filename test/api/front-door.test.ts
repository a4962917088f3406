import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person, type Reply } from '../support/api-harness.ts'

interface Answered {
  readonly method: string
  readonly route: string
  readonly status: number
}

// An address with a slash too many is Express's, which knows the same endpoints.
describe('the door ahead of Express', () => {
  let api: ApiHarness
  let seller: Person
  let buyer: Person
  let answered: Answered[] = []

  before(async () => {
    api = await startApi({
      onRequest: ({ method, route, status }) => answered.push({ method, route, status }),
      settings: { bodyLimitBytes: 2_000 },
    })
    seller = await api.person('seller')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())
  beforeEach(() => (answered = []))

  const json = { 'content-type': 'application/json' }
  const PING = JSON.stringify({ caller: '+12125550123', number: '+18005550100' })
  const PATHS = ['/bid-request', '/api/v1/bid-request', '/track/sale', '/api/v1/track/sale', '/track/nothing']

  const told = ({ status, headers, body }: Reply): object => {
    const named = [...headers].filter(([name]) => name !== 'date' && name !== 'keep-alive')
    return { status, body, headers: Object.fromEntries(named) }
  }

  it('answers what Express would, to the letter, whatever is asked', async () => {
    for (const path of PATHS)
      for (const method of ['POST', 'GET', 'HEAD', 'PUT', 'OPTIONS'])
        for (const token of [undefined, 'nobody', seller.token, buyer.token])
          for (const [body, headers] of [
            [undefined, {}],
            [PING, json],
            ['{', json],
            ['{"x":1}', json],
            [PING, { 'content-type': 'text/plain' }],
            [PING, { ...json, 'content-encoding': 'gzip' }],
            [`{"x":"${'x'.repeat(3_000)}"}`, json],
          ] as const) {
            if (body !== undefined && method !== 'POST') continue
            const asked = { headers, ...(token && { token }), ...(body !== undefined && { body }) }
            const ahead = await api.request(method, path, asked)
            const express = await api.request(method, `${path}/`, asked)
            assert.deepEqual(told(ahead), told(express), `${method} ${path} ${token} ${body}`)
          }
    const pairs = answered.filter((_, i) => i % 2 === 0).map((one, i) => [one, answered[2 * i + 1]])
    assert.ok(pairs.length > 100)
    for (const [ahead, express] of pairs) assert.deepEqual(ahead, express)
  })

  it('leaves queries, capitals and escapes to Express, and what nothing is declared for', async () => {
    const ask = async (path: string) => {
      const { status, body } = await api.request('POST', path, { token: seller.token, body: PING, headers: json })
      return [status, body.errors?.[0]?.pointer ?? body.code]
    }
    assert.deepEqual(await ask('/bid-request'), [422, '/number'])
    assert.deepEqual(await ask('/Bid-Request'), [422, '/number'])
    assert.deepEqual(await ask('/bid%2Drequest'), [404, 'unknown_route'])
    assert.deepEqual(await ask('/bid-request?x=1'), [422, '/query/x'])
    assert.deepEqual(await ask('/track/s%61le'), [422, '/call_id'])
    assert.deepEqual(await ask('/track/%zz'), [400, 'bad_request'])
    assert.deepEqual(await ask('/track/'), [404, 'unknown_route'])
    assert.deepEqual(await ask('/bid-request/x'), [404, 'unknown_route'])
  })
})
