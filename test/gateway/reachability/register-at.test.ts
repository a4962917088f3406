import assert from 'node:assert/strict'
import { answerChallenge } from '../../../gateway/srf/digest-client.ts'
import { registerAt } from '../../../gateway/reachability/register-at.ts'
import { Signaling } from '../../../gateway/srf.ts'
import { aTrunk } from '../../support/market.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { TestServer } from '../../support/sip-server.ts'

const REALM = 'carrier.example'
const user = { username: 'dce', password: 'pass:word' }

describe('a carrier that challenges', () => {
  let server: TestServer
  let signaling: Signaling
  let carrier: SipPeer

  before(async () => {
    server = await TestServer.start()
    carrier = await server.peer()
    signaling = new Signaling({
      host: '127.0.0.1',
      port: server.handle.controlPort,
      secret: 'cymru',
      connectTimeoutMs: 5_000,
      log: { info: () => {}, warn: () => {} },
    })
    await signaling.connect()
  })
  after(async () => {
    signaling.close()
    await server.close()
  })

  const challenges = (nonce: string): string[] => [
    `WWW-Authenticate: Digest realm="${REALM}", nonce="md5-${nonce}", algorithm=MD5, qop="auth"`,
    `WWW-Authenticate: Digest realm="${REALM}", nonce="sha-${nonce}", algorithm=SHA-256, qop="auth,auth-int", opaque="o"`,
  ]

  /** Whether an Authorization is what the password makes of the challenge with SHA-256. */
  function assertAnswered(authorization: string | undefined, nonce: string, method: string, uri: string): void {
    const cnonce = /cnonce="([^"]+)"/.exec(authorization ?? '')?.[1]
    const challenge = challenges(nonce)[1]!.slice('WWW-Authenticate: '.length)
    assert.equal(authorization, answerChallenge(challenge, { method, uri, body: '' }, user, cnonce))
  }

  const trunk = () =>
    aTrunk('out', 'house', { direction: 'outbound', host: `127.0.0.1:${carrier.port}`, register: true, ...user })

  it('is registered at, with SHA-256 where it offers that', async () => {
    const answer = registerAt(signaling, { trunk: trunk(), expires: 600, callId: 'reg-1', cseq: 7 })
    const first = await carrier.receive('REGISTER')
    const uri = `sip:127.0.0.1:${carrier.port}`
    assert.deepEqual([first.requestUri, first.callId, first.cseq], [uri, 'reg-1', 7])
    assert.match(first.get('to')!, new RegExp(`^<sip:dce@127.0.0.1:${carrier.port}>`))
    assert.match(first.get('contact')!, new RegExp(`^<sip:dce@127.0.0.1:${server.port('udp')}.*>;expires=600$`))
    carrier.reply(first, 401, 'Unauthorized', { headers: challenges('1'), contact: null })
    const second = await carrier.receive('REGISTER')
    assert.deepEqual([second.callId, second.cseq, second.get('from')], ['reg-1', 8, first.get('from')])
    assertAnswered(second.get('authorization'), '1', 'REGISTER', uri)
    const others = `<sip:other@192.0.2.1>;expires=3000, <sip:dce@127.0.0.1:${server.port('udp')}>;expires=300`
    carrier.reply(second, 200, 'OK', { contact: others })
    assert.deepEqual(await answer, { status: 200, expires: 300, minExpires: null, retryAfter: null, cseq: 8 })
  })

  it('is given up on when it challenges again: the password is wrong', async () => {
    const answer = registerAt(signaling, { trunk: trunk(), expires: 600, callId: 'reg-2', cseq: 1 })
    carrier.reply(await carrier.receive('REGISTER'), 401, 'Unauthorized', { headers: challenges('1'), contact: null })
    carrier.reply(await carrier.receive('REGISTER'), 401, 'Unauthorized', { headers: challenges('2'), contact: null })
    assert.equal((await answer).status, 401)
    assert.equal(carrier.count('REGISTER'), 4)
  })

  it('may be one that speaks TCP', async () => {
    const overTcp = await server.peer('tcp')
    const host = `127.0.0.1:${overTcp.port};transport=tcp`
    const answer = registerAt(signaling, { trunk: { ...trunk(), host }, expires: 60, callId: 'reg-5', cseq: 1 })
    const register = await overTcp.receive('REGISTER')
    assert.match(register.get('to')!, new RegExp(`^<sip:dce@127.0.0.1:${overTcp.port}>`))
    assert.match(register.get('contact')!, /;transport=tcp/)
    overTcp.reply(register, 200, 'OK', { contact: register.get('contact')! })
    assert.deepEqual(await answer, { status: 200, expires: 60, minExpires: null, retryAfter: null, cseq: 1 })
  })

  it('says what it wants of an interval too brief, and how long it is away', async () => {
    const brief = registerAt(signaling, { trunk: trunk(), expires: 60, callId: 'reg-3', cseq: 1 })
    carrier.reply(await carrier.receive('REGISTER'), 423, 'Interval Too Brief', { headers: ['Min-Expires: 900'] })
    assert.deepEqual([(await brief).status, (await brief).minExpires], [423, 900])
    const away = registerAt(signaling, { trunk: trunk(), expires: 60, callId: 'reg-4', cseq: 1 })
    const headers = ['Retry-After: 120 (maintenance)']
    carrier.reply(await carrier.receive('REGISTER'), 503, 'Service Unavailable', { headers })
    assert.deepEqual([(await away).status, (await away).retryAfter], [503, 120])
  })
})
