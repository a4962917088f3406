import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { startApi, type ApiHarness } from '../support/api-harness.ts'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('logging in', () => {
  let api: ApiHarness
  const email = 'buyer1@example.com'
  const password = 'correct horse'

  before(async () => {
    api = await startApi()
    await api.person('buyer')
  })
  after(() => api.api.close())

  const login = (json: unknown) => api.request('POST', 'auth/login', { json })

  it('gives an access token and a refresh token', async () => {
    const { status, body } = await login({ email: ' BUYER1@Example.com ', password })
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body).toSorted(), ['access_token', 'expires_in', 'refresh_token', 'token_type'])
    assert.equal(body.token_type, 'Bearer')
    assert.equal(body.expires_in, 900)
    const header = JSON.parse(Buffer.from(body.access_token.split('.')[0], 'base64url').toString())
    assert.equal(header.alg, 'RS256')
  })

  it('says the same of a wrong password and of nobody', async () => {
    const wrong = await login({ email, password: 'wrong' })
    const nobody = await login({ email: 'nobody@example.com', password })
    assert.equal(wrong.status, 401)
    assert.match(wrong.headers.get('www-authenticate') ?? '', /^Bearer/)
    assert.deepEqual(wrong.body, nobody.body)
  })

  it('trades a refresh token once', async () => {
    const { body } = await login({ email, password })
    const first = await api.request('POST', 'auth/refresh', { json: { refresh_token: body.refresh_token } })
    assert.equal(first.status, 200)
    assert.notEqual(first.body.refresh_token, body.refresh_token)
    const again = await api.request('POST', 'auth/refresh', { json: { refresh_token: body.refresh_token } })
    assert.equal(again.status, 401)
    const next = await api.request('POST', 'auth/refresh', { json: { refresh_token: first.body.refresh_token } })
    assert.equal(next.status, 200)
  })

  it('ends refresh tokens with their time', async () => {
    const { body } = await login({ email, password })
    api.clock.advance(86_401_000)
    const late = await api.request('POST', 'auth/refresh', { json: { refresh_token: body.refresh_token } })
    assert.equal(late.status, 401)
  })

  it('ends access tokens with their time', async () => {
    const { body } = await login({ email, password })
    assert.equal((await api.request('GET', 'accounts', { token: body.access_token })).status, 200)
    api.clock.advance(901_000)
    assert.equal((await api.request('GET', 'accounts', { token: body.access_token })).status, 401)
  })

  it('logs out everywhere', async () => {
    const { body } = await login({ email, password })
    const other = await login({ email, password })
    const out = await api.request('POST', 'auth/logout', { token: body.access_token })
    assert.equal(out.status, 204)
    assert.equal((await api.request('GET', 'accounts', { token: body.access_token })).status, 401)
    for (const session of [body, other.body]) {
      const reply = await api.request('POST', 'auth/refresh', { json: { refresh_token: session.refresh_token } })
      assert.equal(reply.status, 401)
    }
  })

  it('believes no token but its own', async () => {
    const { body } = await login({ email, password })
    const [header, payload, signature] = body.access_token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const admin = encode({ ...claims, role: 'admin' })
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const foreign = sign('sha256', Buffer.from(`${header}.${admin}`), privateKey).toString('base64url')
    const forged = [
      `${encode({ alg: 'none' })}.${admin}.`,
      `${header}.${admin}.${signature}`,
      `${header}.${admin}.${foreign}`,
      `${header}.${payload}.`,
      'a.b.c',
      '...',
      'x'.repeat(5000),
      'dce_unknown',
    ]
    for (const token of forged) {
      const reply = await api.request('GET', 'accounts', { token })
      assert.equal(reply.status, 401, token.slice(0, 60))
      assert.equal(reply.headers.get('content-type'), 'application/problem+json')
      assert.equal(reply.body.code, 'unauthorized')
    }
    for (const authorization of ['Basic dTpw', 'Bearer', 'Bearer a b', 'nonsense']) {
      assert.equal((await api.request('GET', 'accounts', { headers: { authorization } })).status, 401, authorization)
    }
    assert.equal((await api.request('GET', 'accounts')).status, 401)
  })

  it('lets a suspended account read and not change, a closed one nothing', async () => {
    const admin = await api.person('operator')
    const { token, account } = await api.person('buyer', 'other')
    const set = (status: string) =>
      api.request('PATCH', `accounts/${account.id}`, { token: admin.token, json: { status } })
    const target = { name: 't', uri: 'sip:a@b.example' }
    await set('suspended')
    assert.equal((await api.request('GET', 'targets', { token })).status, 200)
    const write = await api.request('POST', 'targets', { token, json: target })
    assert.deepEqual([write.status, write.body.code], [403, 'account_suspended'])
    await set('closed')
    assert.equal((await api.request('GET', 'targets', { token })).status, 401)
    assert.equal((await login({ email: 'other3@example.com', password })).status, 401)
    await set('active')
    assert.equal((await api.request('POST', 'targets', { token, json: target })).status, 201)
  })

  it('checks the body', async () => {
    for (const json of [{}, { email }, { email, password: '' }, { email, password, remember: true }, [], 'x', null]) {
      assert.equal((await login(json)).status, 422, JSON.stringify(json))
    }
    assert.equal((await login({ email, password: 'x'.repeat(10_000) })).status, 422)
  })

  it('changes a password for its owner, and logs others out', async () => {
    const { token, account } = await api.person('seller', 'changer')
    const before = await login({ email: 'changer4@example.com', password })
    const reply = await api.request('PATCH', `accounts/${account.id}`, {
      token,
      json: { password: 'new battery staple' },
    })
    assert.equal(reply.status, 200)
    assert.equal((await login({ email: 'changer4@example.com', password })).status, 401)
    assert.equal((await login({ email: 'changer4@example.com', password: 'new battery staple' })).status, 200)
    const old = await api.request('POST', 'auth/refresh', { json: { refresh_token: before.body.refresh_token } })
    assert.equal(old.status, 401)
  })

  it('serves no demo session unless told to', async () => {
    assert.equal((await api.request('GET', '/demo/session')).status, 404)
  })
})

describe('the limit on logging in', () => {
  it('answers 429 with Retry-After beyond ten a minute, and forgets after it', async () => {
    const api = await startApi({ settings: { loginPerMinute: 10 } })
    try {
      const json = { email: 'a@example.com', password: 'wrong' }
      for (let i = 0; i < 10; i++) assert.equal((await api.request('POST', 'auth/login', { json })).status, 401)
      const over = await api.request('POST', 'auth/login', { json })
      assert.deepEqual([over.status, over.body.code], [429, 'too_many_requests'])
      const wait = Number(over.headers.get('retry-after'))
      assert.ok(wait >= 1 && wait <= 60, String(wait))
      api.clock.advance(wait * 1000)
      assert.equal((await api.request('POST', 'auth/login', { json })).status, 401)
    } finally {
      await api.api.close()
    }
  })
})
