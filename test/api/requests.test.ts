import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { StoreConflict, StoreUnavailable } from '../../api/needs.ts'
import type { PROBLEMS } from '../../api/problems.ts'
import { startApi, type ApiHarness, type Person, type Reply } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

function assertProblem(reply: Reply, status: number, code: keyof typeof PROBLEMS): void {
  assert.deepEqual([reply.status, reply.body.code], [status, code], JSON.stringify(reply.body))
  assert.equal(reply.headers.get('content-type'), 'application/problem+json')
  assert.deepEqual(Object.keys(reply.body).toSorted(), ['code', 'detail', 'errors', 'status', 'title', 'type'])
  assert.equal(reply.body.status, status)
}

describe('a request', () => {
  let api: ApiHarness
  let buyer: Person
  let admin: Person
  const json = { 'content-type': 'application/json' }

  before(async () => {
    api = await startApi()
    buyer = await api.person('buyer')
    admin = await api.person('operator')
    await api.request('POST', 'targets', { token: buyer.token, json: { name: 't', uri: 'sip:a@b.example' } })
  })
  after(() => api.api.close())

  const post = (body: string | Uint8Array, headers: Record<string, string> = json) =>
    api.request('POST', 'bids', { token: buyer.token, body, headers })

  it('with malformed JSON is 400', async () => {
    for (const body of ['{', '{"amount":NaN}', '{"amount":1,}', "{'amount':1}", '', 'null x', '{"amount":01}']) {
      assertProblem(await post(body), 400, 'malformed_json')
    }
  })

  it('that is not UTF-8 is 400', async () => {
    assertProblem(await post(Uint8Array.of(0x22, 0xff, 0xfe, 0x22)), 400, 'bad_request')
  })

  it('with a body that is no object is 422', async () => {
    for (const body of ['null', '[]', '"x"', '1', 'true']) assertProblem(await post(body), 422, 'invalid')
  })

  it('with a body beyond the limit is 413, announced or not', async () => {
    const big = `{"amount":"1","x":"${'x'.repeat(10_000_000)}"}`
    assertProblem(await post(big), 413, 'body_too_large')
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(100_000).fill(0x20))
        controller.close()
      },
    })
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: { ...json, authorization: `Bearer ${buyer.token}` },
      body: stream,
      duplex: 'half',
    }
    const reply = await fetch(`${api.url}/api/v1/bids`, init)
    assert.equal(reply.status, 413)
    await reply.body?.cancel()
  })

  it('with another content type is 415', async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data', 'application/json; charset=latin1']) {
      assertProblem(await post('{"amount":"1"}', { 'content-type': type }), 415, 'unsupported_media_type')
    }
    assertProblem(await post('{}', { ...json, 'content-encoding': 'gzip' }), 415, 'unsupported_media_type')
  })

  it('to no address is 404, by another method 405 with Allow, of an undecodable address 400', async () => {
    assertProblem(await api.request('GET', '/api/v1/nothing'), 404, 'unknown_route')
    assertProblem(await api.request('GET', '/api/v2/bids'), 404, 'unknown_route')
    const put = await api.request('PUT', 'bids', { token: buyer.token, json: {} })
    assertProblem(put, 405, 'method_not_allowed')
    assert.equal(put.headers.get('allow'), 'POST, GET')
    assertProblem(await api.request('DELETE', '/health'), 405, 'method_not_allowed')
    assertProblem(await api.request('GET', '/api/v1/bids/%zz'), 400, 'bad_request')
  })

  it('for an id that is none, or of nothing, is 404', async () => {
    for (const id of ['1', 'x'.repeat(300), '01a1fe9f-ad64-7000-bcab-102fe7030138', "'; drop table bids"]) {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const more = method === 'PATCH' ? { json: {} } : {}
        const reply = await api.request(method, `bids/${encodeURIComponent(id)}`, { token: buyer.token, ...more })
        assertProblem(reply, 404, 'not_found')
      }
    }
  })

  it('with unknown or repeated query parameters is 422', async () => {
    for (const query of [
      'limt=5',
      'limit=5&limit=6',
      'limit=0',
      'limit=1001',
      'limit=-1',
      'limit=1e2',
      'limit=',
      'cursor=x',
      'status=gone',
    ]) {
      assertProblem(await api.request('GET', `bids?${query}`, { token: buyer.token }), 422, 'invalid')
    }
  })

  it('that comes while the database is away is 503 with Retry-After', async () => {
    api.stores.failure = new StoreUnavailable('gone')
    const reply = await post('{"amount":"1"}')
    api.stores.failure = null
    assertProblem(reply, 503, 'store_unavailable')
    assert.equal(reply.headers.get('retry-after'), '5')
  })

  it('for a call in progress is answered while the database is away', async () => {
    const live = sampleCall(admin.account.id, { state: 'answered', outcome: null })
    api.live.calls = [live]
    api.clock.advance(6_000) // What is remembered of the account is old by now.
    api.stores.failure = new StoreUnavailable('gone')
    const read = await api.request('GET', `calls/${live.id}`, { token: admin.token })
    const hangUp = await api.request('POST', `calls/${live.id}/hangup`, { token: admin.token })
    api.stores.failure = null
    api.live.calls = []
    assert.deepEqual([read.status, hangUp.status], [200, 202])
  })

  it('that collides names the field', async () => {
    api.stores.failure = new StoreConflict('reservePriceMicros', 'no')
    const reply = await post('{"amount":"1"}')
    api.stores.failure = null
    assertProblem(reply, 409, 'conflict')
    assert.deepEqual(reply.body.errors, [{ pointer: '/reserve_price', detail: 'no', code: 'conflict' }])
  })

  it('that meets a bug is 500, logged, and tells nothing of the inside', async () => {
    api.stores.failure = new Error('secret detail')
    const reply = await post('{"amount":"1"}')
    api.stores.failure = null
    assertProblem(reply, 500, 'internal_error')
    assert.ok(!JSON.stringify(reply.body).includes('secret'))
    assert.equal(api.errors.length, 1)
  })

  it('lists at most fifty faults', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, 1]))
    const reply = await post(JSON.stringify(many))
    assertProblem(reply, 422, 'invalid')
    assert.equal(reply.body.errors.length, 50)
  })

  it('points at each fault, in RFC 6901’s spelling', async () => {
    const reply = await post('{"amount":"x","criteria":{"verticals":["ok","<not ok>"]},"a/b~c":1,"__proto__":{"x":1}}')
    assert.deepEqual(
      reply.body.errors.map((fault: { pointer: string; code: string }) => [fault.pointer, fault.code]),
      [
        ['/amount', 'invalid_money'],
        ['/criteria/verticals/1', 'invalid_format'],
        ['/a~1b~0c', 'unknown_property'],
        ['/__proto__', 'unknown_property'],
      ],
    )
  })

  it('with an Idempotency-Key runs once, and its repeat hears the first answer', async () => {
    const headers = { ...json, 'idempotency-key': 'bid-1' }
    const first = await post('{"amount":"1.50"}', headers)
    const again = await post('{"amount":"1.50"}', headers)
    assert.equal(first.status, 201)
    assert.equal(again.status, 201)
    assert.deepEqual(again.body, first.body)
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    assert.equal(again.headers.get('etag'), first.headers.get('etag'))
    assertProblem(await post('{"amount":"1.60"}', headers), 422, 'idempotency_key_reused')
  })

  it('that failed may be tried again under its key', async () => {
    const headers = { ...json, 'idempotency-key': 'bid-2' }
    assert.equal((await post('{"amount":"-1"}', headers)).status, 422)
    api.stores.failure = new StoreUnavailable('gone')
    assert.equal((await post('{"amount":"1"}', headers)).status, 503)
    api.stores.failure = null
    assert.equal((await post('{"amount":"1"}', headers)).status, 201)
  })

  it('with the key of one under way is 409', async () => {
    const scope = `${buyer.account.id} POST /api/v1/bids`
    await api.stores.idempotency.begin(scope, 'bid-3', 'x')
    const reply = await post('{"amount":"1"}', { ...json, 'idempotency-key': 'bid-3' })
    assertProblem(reply, 409, 'request_in_progress')
    assert.equal(reply.headers.get('retry-after'), '1')
  })

  it('sent many times at once under one key makes one thing', async () => {
    const headers = { ...json, 'idempotency-key': 'bid-4' }
    const replies = await Promise.all(Array.from({ length: 20 }, () => post('{"amount":"7.77"}', headers)))
    const ids = new Set(replies.filter(({ status }) => status === 201).map(({ body }) => body.id))
    assert.equal(ids.size, 1)
    assert.ok(replies.every(({ status }) => status === 201 || status === 409))
    const { body } = await api.request('GET', 'bids?limit=1000', { token: buyer.token })
    assert.equal(body.data.filter((bid: { amount: string }) => bid.amount === '7.77').length, 1)
  })

  it('that deletes may be repeated under its key', async () => {
    const { body } = await post('{"amount":"1"}')
    const headers = { 'idempotency-key': 'gone-1' }
    const remove = () => api.request('DELETE', `bids/${body.id}`, { token: buyer.token, headers })
    assert.deepEqual([(await remove()).status, (await remove()).status], [204, 204])
  })

  it('with a bad key is 422', async () => {
    assertProblem(await post('{"amount":"1"}', { ...json, 'idempotency-key': 'x'.repeat(256) }), 422, 'invalid')
  })

  it('keeps the keys of two accounts apart', async () => {
    const other = await api.person('buyer', 'other')
    await api.request('POST', 'targets', { token: other.token, json: { name: 't', uri: 'sip:a@b.example' } })
    const headers = { ...json, 'idempotency-key': 'bid-1' }
    const reply = await api.request('POST', 'bids', { token: other.token, body: '{"amount":"1.50"}', headers })
    assert.equal(reply.status, 201)
    assert.equal(reply.body.account_id, other.account.id)
  })

  it('with If-Match changes only what it has read', async () => {
    const { body, headers } = await post('{"amount":"1"}')
    assert.equal(headers.get('etag'), '"1"')
    const patch = (ifMatch: string) =>
      api.request('PATCH', `bids/${body.id}`, {
        token: buyer.token,
        json: { amount: '2' },
        headers: { 'if-match': ifMatch },
      })
    for (const wrong of ['"2"', 'W/"1"', '1', '']) assertProblem(await patch(wrong), 412, 'version_mismatch')
    const changed = await patch('"7", "1"')
    assert.deepEqual([changed.status, changed.headers.get('etag'), changed.body.amount], [200, '"2"', '2.00'])
    assert.equal((await patch('*')).status, 200)
    const gone = { 'if-match': '"1"' }
    assertProblem(
      await api.request('DELETE', `bids/${body.id}`, { token: buyer.token, headers: gone }),
      412,
      'version_mismatch',
    )
  })

  it('with If-None-Match of what it has is 304', async () => {
    const { body } = await post('{"amount":"1"}')
    const headers = { 'if-none-match': '"1"' }
    const reply = await api.request('GET', `bids/${body.id}`, { token: buyer.token, headers })
    assert.equal(reply.status, 304)
  })

  it('walks a list page by page, each thing once', async () => {
    const { account, token } = await api.person('buyer', 'lister')
    const made: string[] = []
    for (let i = 0; i < 7; i++) {
      const { body } = await api.request('POST', 'targets', { token, json: { name: `t${i}`, uri: 'sip:a@b.example' } })
      made.unshift(body.id)
    }
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more: string = cursor ? `&cursor=${cursor}` : ''
      const { body }: Reply = await api.request('GET', `targets?limit=3&account_id=${account.id}${more}`, { token })
      assert.ok(body.data.length <= 3)
      seen.push(...body.data.map((target: { id: string }) => target.id))
      cursor = body.next_cursor
    }
    assert.deepEqual(seen, made)
  })

  it('takes only cursors it gave out, and for their own list', async () => {
    const { body } = await api.request('GET', 'targets?limit=3', { token: admin.token })
    const cursor = body.next_cursor as string
    assert.equal((await api.request('GET', `targets?cursor=${cursor}`, { token: admin.token })).status, 200)
    for (const bad of [`${cursor.slice(0, -2)}AA`, 'AAAA', cursor.slice(3)]) {
      assertProblem(await api.request('GET', `targets?cursor=${bad}`, { token: admin.token }), 422, 'invalid')
    }
    assertProblem(await api.request('GET', `bids?cursor=${cursor}`, { token: admin.token }), 422, 'invalid')
  })

  it('of HEAD has headers and no body, of OPTIONS the methods', async () => {
    const head = await api.request('HEAD', 'bids', { token: buyer.token })
    assert.deepEqual([head.status, head.body], [200, ''])
    const options = await api.request('OPTIONS', 'bids')
    assert.deepEqual([options.status, options.headers.get('allow')], [204, 'POST, GET'])
  })

  it('is answered with headers that keep browsers careful', async () => {
    const { headers } = await api.request('GET', 'bids', { token: buyer.token })
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(headers.get('x-powered-by'), null)
  })

  it('for what is not built yet is 501', async () => {
    const seller = await api.person('seller')
    assertProblem(await api.request('POST', 'calls', { token: seller.token, json: {} }), 501, 'not_available')
    assert.equal((await api.request('POST', 'calls', { json: {} })).status, 401)
  })

  it('that is not HTTP is answered and the server carries on', async () => {
    const send = (bytes: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(api.port, '127.0.0.1', () => socket.write(bytes))
        let answer = ''
        socket.on('data', (chunk) => (answer += chunk.toString()))
        socket.on('close', () => resolve(answer))
        socket.on('error', reject)
      })
    assert.match(await send('INVITE sip:a@b SIP/2.0\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"bad_request"/s)
    assert.match(await send(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
    assert.equal((await api.request('GET', '/health/live')).status, 200)
  })
})
