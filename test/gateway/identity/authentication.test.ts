import assert from 'node:assert/strict'
import { digestSecret } from '../../../accounts/credentials.ts'
import { createTelemetry, type Telemetry } from '../../../config/telemetry.ts'
import {
  Authentication,
  type AuthenticationOptions,
  type Identification,
} from '../../../gateway/identity/authentication.ts'
import { MAX_SAME_USERNAME, SipCredentials } from '../../../gateway/identity/sip-credentials.ts'
import { OldClients } from '../../../gateway/identity/old-clients.ts'
import { answerChallenge, type DigestClientOptions } from '../../support/digest-client.ts'
import { aSipUser, aTrunk } from '../../support/market.ts'

const GOOD = { username: 'carrier', password: 'Circle of Life', method: 'INVITE', uri: 'sip:+18005550100@192.0.2.1' }

describe('authentication', () => {
  let telemetry: Telemetry
  let credentials: SipCredentials
  let nowMs: number
  before(() => (telemetry = createTelemetry()))
  after(() => telemetry.close())
  beforeEach(() => {
    nowMs = 1_800_000_000_000
    credentials = new SipCredentials('dce')
    const digest = digestSecret('carrier', 'dce', GOOD.password)
    const trunk = aTrunk('trunk', 'seller', { addresses: [], username: 'carrier', digest })
    credentials.apply({ kind: 'trunk', id: trunk.id, value: trunk })
  })

  const create = (changes: Partial<AuthenticationOptions> = {}): Authentication =>
    new Authentication({
      realm: 'dce',
      algorithms: ['SHA-256', 'MD5'],
      nonceLifetimeMs: 60_000,
      credentials,
      now: () => nowMs,
      telemetry,
      ...changes,
    })
  const request = (authorization?: string, from = 'sip:a@192.0.2.1', userAgent?: string) => ({
    method: 'INVITE',
    source_address: '192.0.2.1',
    get: (name: string) => ({ From: `<${from}>;tag=x`, Authorization: authorization, 'User-Agent': userAgent })[name],
  })
  const identify = (authentication: Authentication, authorization: string | undefined): Identification =>
    authentication.identify(request(authorization))
  const challengeOf = (said: Identification): string => {
    assert.ok(said.kind === 'challenge')
    return said.headers['WWW-Authenticate']!
  }
  const answer = (authentication: Authentication, changes: Partial<DigestClientOptions> = {}): Identification =>
    identify(authentication, answerChallenge(challengeOf(authentication.challenge(request())), { ...GOOD, ...changes }))

  it('offers the stronger algorithm first, each in a header of its own', () => {
    const lines = challengeOf(create().challenge(request())).split('\r\n')
    assert.equal(lines.length, 2)
    assert.match(lines[0]!, /^Digest realm="dce", .*algorithm=SHA-256/)
    assert.match(lines[1]!, /^WWW-Authenticate: Digest realm="dce", .*algorithm=MD5/)
    assert.match(challengeOf(create({ algorithms: ['MD5'] }).challenge(request())), /^[^\r]*algorithm=MD5[^\r]*$/)
  })

  for (const algorithm of ['SHA-256', 'MD5'] as const) {
    it(`knows who answers with ${algorithm}`, () => {
      const said = answer(create(), { algorithm })
      assert.ok(said.kind === 'known')
      assert.deepEqual(
        said.credentials.map(({ id }) => id),
        ['trunk'],
      )
    })
  }

  it('says the same to a wrong password and to a username nobody has, and nothing of stale', () => {
    const authentication = create()
    const wrong = challengeOf(answer(authentication, { password: 'guess' }))
    const unknown = challengeOf(answer(authentication, { username: 'nobody' }))
    const blank = (text: string): string => text.replaceAll(/nonce="[^"]*"/g, '')
    assert.equal(blank(wrong), blank(unknown))
    assert.ok(!wrong.includes('stale'))
  })

  it('works as hard for a username nobody has as for a wrong password', () => {
    const authentication = create()
    const spent = (username: string): number => {
      const header = answerChallenge(challengeOf(authentication.challenge(request())), {
        ...GOOD,
        username,
        password: 'guess',
      })
      const start = performance.now()
      for (let i = 0; i < 1000; i++) identify(authentication, header)
      return performance.now() - start
    }
    spent('nobody') // Warm.
    // The machine may be busy: each at its best.
    const best = (username: string): number => Math.min(...Array.from({ length: 5 }, () => spent(username)))
    const [one, other] = [best('carrier'), best('nobody')]
    assert.ok(Math.max(one, other) / Math.min(one, other) < 5, `${one} ms and ${other} ms`)
  })

  it('refuses a replay with a fresh challenge that says stale', () => {
    const authentication = create()
    const challenge = challengeOf(authentication.challenge(request()))
    const first = answerChallenge(challenge, GOOD)
    assert.equal(identify(authentication, first).kind, 'known')
    const again = challengeOf(identify(authentication, first))
    assert.match(again, /stale=true/)
    assert.notEqual(/nonce="([^"]*)"/.exec(again)![1], /nonce="([^"]*)"/.exec(challenge)![1])
    assert.equal(identify(authentication, answerChallenge(challenge, { ...GOOD, count: 2 })).kind, 'known')
  })

  it('says stale to an old nonce and to one of an earlier process, if the password is right', () => {
    const authentication = create()
    const challenge = challengeOf(authentication.challenge(request()))
    nowMs += 60_001
    assert.match(challengeOf(identify(authentication, answerChallenge(challenge, GOOD))), /stale=true/)
    assert.match(challengeOf(identify(create(), answerChallenge(challenge, GOOD))), /stale=true/)
    const wrong = answerChallenge(challenge, { ...GOOD, password: 'guess' })
    assert.ok(!challengeOf(identify(authentication, wrong)).includes('stale'))
  })

  it('does not let a wrong answer use up a nonce', () => {
    const authentication = create()
    const challenge = challengeOf(authentication.challenge(request()))
    identify(authentication, answerChallenge(challenge, { ...GOOD, password: 'guess', count: 9 }))
    assert.equal(identify(authentication, answerChallenge(challenge, GOOD)).kind, 'known')
  })

  it('does not take an algorithm it did not offer', () => {
    assert.equal(answer(create({ algorithms: ['SHA-256'] }), { algorithm: 'MD5' }).kind, 'challenge')
  })

  it('offers MD5 alone to a client that did not answer when it was offered more, until it answers better', () => {
    const authentication = create()
    const offered = (from?: string): number =>
      challengeOf(authentication.challenge(request(undefined, from))).split('\r\n').length
    assert.deepEqual([offered(), offered(), offered('sip:b@192.0.2.1')], [2, 1, 2])
    nowMs += 600_001
    assert.deepEqual([offered(), offered()], [2, 1], 'an old failure is forgotten')
    assert.equal(answer(authentication, { algorithm: 'SHA-256' }).kind, 'known')
    assert.equal(offered(), 2)
  })

  it('offers MD5 alone to clients known to break off, and to one that has answered with it', () => {
    const authentication = create()
    const offered = (userAgent: string): number =>
      challengeOf(authentication.challenge(request(undefined, `sip:${userAgent.length}@a`, userAgent))).split('\r\n')
        .length
    const old = ['JsSIP 3.10.1', 'SIP.js/0.21', 'sipsak 0.9.8.1', 'baresip v1.0.0 (x86_64/linux)']
    assert.deepEqual([...old, 'baresip v3.1.0', 'Phone JsSIP'].map(offered), [1, 1, 1, 1, 2, 2])
    const sipp = request(undefined, 'sip:sipp@192.0.2.1>;tag=4711SIPpTag001;x=<')
    assert.doesNotMatch(challengeOf(authentication.challenge(sipp)), /SHA-256/)
    const wrong = challengeOf(answer(authentication, { algorithm: 'MD5', password: 'guess' }))
    assert.match(wrong, /^[^\r]*algorithm=MD5[^\r]*$/)
    assert.match(challengeOf(answer(authentication, { password: 'guess' })), /SHA-256/)
  })

  it('leaves other realms’ answers alone, and says what is wrong with a malformed one of ours', () => {
    const authentication = create()
    assert.equal(answer(authentication, { realm: 'elsewhere' }).kind, 'anonymous')
    assert.equal(identify(authentication, undefined).kind, 'anonymous')
    const said = identify(authentication, 'Digest realm="dce", username="carrier"')
    assert.deepEqual(said, { kind: 'malformed', detail: 'Authorization cannot be read: qop is missing' })
  })

  it('remembers nonces up to its limit, and goes on', () => {
    const authentication = create({ maxNonces: 2 })
    const answers = Array.from({ length: 4 }, () => {
      nowMs++
      return answerChallenge(challengeOf(authentication.challenge(request())), GOOD)
    })
    for (const each of answers) assert.equal(identify(authentication, each).kind, 'known')
    for (const each of answers) assert.equal(identify(authentication, each).kind, 'challenge', 'never twice')
  })

  it('counts what it says', async () => {
    const page = await telemetry.render()
    for (const result of ['challenged', 'accepted', 'stale', 'refused', 'malformed'])
      assert.match(page, new RegExp(`dce_sip_authentications_total\\{result="${result}"\\} [1-9]`))
  })
})

describe('old clients', () => {
  it('are remembered up to a limit', () => {
    const clients = new OldClients(() => 0)
    for (let i = 0; i < 10_001; i++) assert.equal(clients.challenged(`client ${i}`), false)
    assert.equal(clients.remembered, 10_000)
    assert.equal(clients.challenged('client 1'), true)
    assert.equal(clients.challenged('client 0'), false)
  })
})

describe('the credentials', () => {
  const secret = (username: string, realm = 'dce') => digestSecret(username, realm, 'pw')
  const put = (credentials: SipCredentials, id: string, changes: Parameters<typeof aTrunk>[2]): void => {
    const trunk = aTrunk(id, 'seller', changes)
    credentials.apply({ kind: 'trunk', id: trunk.id, value: trunk })
  }

  it('are those of inbound trunks and of active users, of this realm', () => {
    const credentials = new SipCredentials('dce')
    put(credentials, 'in', { username: 'a', digest: secret('a') })
    put(credentials, 'plain', { username: 'b', password: 'pw' })
    put(credentials, 'out', { direction: 'outbound', host: 'x', username: 'c', password: 'pw' })
    put(credentials, 'moved', { username: 'd', digest: secret('d', 'elsewhere') })
    const user = aSipUser('agent', 'buyer')
    credentials.apply({ kind: 'sip-user', id: user.id, value: user })
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'agent'].map((name) => credentials.ofUsername(name).map(({ id }) => id)),
      [['in'], ['plain'], [], [], ['agent']],
    )
    assert.deepEqual(credentials.ofUsername('b')[0]!.secret, secret('b'), 'hashed from what older rows hold')
    credentials.apply({ kind: 'sip-user', id: user.id, value: { ...user, status: 'suspended' } })
    assert.deepEqual(credentials.ofUsername('agent'), [])
  })

  it('ask unknown callers for a password only while somebody may call by one', () => {
    const credentials = new SipCredentials('dce')
    const agent = aSipUser('agent', 'buyer')
    credentials.apply({ kind: 'sip-user', id: agent.id, value: agent })
    assert.equal(credentials.mayCall, false)
    const caller = aSipUser('caller', 'seller', { trunkId: 'in' as never })
    credentials.apply({ kind: 'sip-user', id: caller.id, value: caller })
    assert.equal(credentials.mayCall, true)
    credentials.apply({ kind: 'sip-user', id: caller.id, value: null })
    assert.equal(credentials.mayCall, false)
    put(credentials, 'in', { username: 'a', digest: secret('a') })
    put(credentials, 'in', { username: 'b', digest: secret('b') })
    assert.equal(credentials.mayCall, true)
    put(credentials, 'in', {})
    assert.equal(credentials.mayCall, false)
  })

  it('try only so many of one username, the oldest first', () => {
    const credentials = new SipCredentials('dce')
    for (let i = 30; i > 0; i--) put(credentials, `t${100 + i}`, { username: 'same', digest: secret('same') })
    const tried = credentials.ofUsername('same')
    assert.equal(tried.length, MAX_SAME_USERNAME)
    assert.equal(tried[0]!.id, 't101')
  })
})
