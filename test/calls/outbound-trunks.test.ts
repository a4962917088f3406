import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { type Exchange, eventually, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { SDP, SipPeer } from '../support/sip-peer.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const NUMBER = { target: { uri: '+12125550199' } }
const CHALLENGE = 'Digest realm="carrier", nonce="n1", algorithm=SHA-256, qop="auth"'
const ACCOUNT = { username: 'dce', password: 'secret' }

describe('a number that is reached through outbound trunks', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let operator: string
  let first: SipPeer
  let second: SipPeer
  const trunks: string[] = []
  const counted = { refuses: '', takes: '', caller: '' }

  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_TRUNK_SILENCE: '1s' } })
    const accounts = await exchange.api.listAll<{ id: string; type: string }>('accounts')
    operator = accounts.find(({ type }) => type === 'operator')!.id
  })
  after(() => exchange?.close())

  beforeEach(async () => {
    first = await SipPeer.open('udp', exchange.process.sip())
    second = await SipPeer.open('udp', exchange.process.sip())
  })
  afterEach(async () => {
    for (const id of trunks.splice(0)) await exchange.api.request('DELETE', `/api/v1/trunks/${id}`)
    await Promise.all([first.close(), second.close()])
  })

  async function trunkTo(carrier: SipPeer, more: Record<string, unknown>): Promise<string> {
    const host = `127.0.0.1:${carrier.port}`
    const named = { account_id: operator, name: `to ${carrier.port}`, direction: 'outbound', host }
    const { id } = await exchange.api.create('trunks', { ...named, ...more })
    trunks.push(id)
    return id
  }

  /** What the metrics say of a trunk's requests, those of probes apart. */
  async function requestsOf(trunk: string): Promise<string[]> {
    const page = await exchange.api.metrics()
    const lines = page.matchAll(
      new RegExp(
        `^dce_trunk_requests_total\\{trunk="${trunk}",direction="(\\w+)",method="(\\w+)",transport="(\\w+)",status="(\\w+)"\\} (\\d+)$`,
        'gm',
      ),
    )
    return [...lines]
      .filter(([, , method]) => method !== 'OPTIONS')
      .map(
        ([, direction, method, transport, status, count]) => `${direction} ${method} ${transport} ${status}: ${count}`,
      )
      .toSorted()
  }

  /** Answers a call and takes its BYE, as a carrier that asks for a password each time. */
  async function takeCall(carrier: SipPeer): Promise<void> {
    const challenged = await carrier.receive('INVITE')
    carrier.reply(challenged, 407, 'Proxy Authentication Required', { headers: [`Proxy-Authenticate: ${CHALLENGE}`] })
    const invite = await carrier.receive('INVITE')
    assert.equal(invite.requestUri, `sip:+12125550199@127.0.0.1:${carrier.port};user=phone`)
    assertSameCall(invite, challenged)
    const authorization = invite.get('proxy-authorization')!
    assert.match(authorization, /^Digest username="dce", realm="carrier", nonce="n1".*algorithm=SHA-256, qop=auth/)
    assert.ok(authorization.includes(`uri="${invite.requestUri}"`))
    carrier.reply(invite, 180, 'Ringing')
    carrier.reply(invite, 200, 'OK', { body: SDP })
    await carrier.receive('ACK')
    const bye = await carrier.receive('BYE')
    carrier.reply(bye, 401, 'Unauthorized', { headers: [`WWW-Authenticate: ${CHALLENGE}`], contact: null })
    const again = await carrier.receive('BYE')
    assert.ok(again.get('authorization')!.includes(`uri="${again.requestUri}"`))
    carrier.reply(again, 200, 'OK', { contact: null })
  }

  function assertSameCall(now: SipMessage, before: SipMessage): void {
    assert.deepEqual([now.callId, now.fromTag, now.cseq], [before.callId, before.fromTag, before.cseq + 1])
  }

  it('goes through the next trunk when the first says 503, and answers its challenges', async () => {
    const takes = await trunkTo(second, { ...ACCOUNT, priority: 2 })
    const refuses = await trunkTo(first, { priority: 1 })
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, NUMBER)
    const calling = market.call(CALLER)
    first.reply(await first.receive('INVITE'), 503, 'Service Unavailable')
    await takeCall(second)
    await calling
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.legs.length, 3, 'the caller and two tries of one award')
    Object.assign(counted, { refuses, takes, caller: record.trunk_id })
    await market.close()
  })

  it('has its requests counted, challenged ones and its caller’s trunk’s too', async function () {
    requireEmbeddedSip(this, 'its counts')
    const { refuses, takes, caller } = counted
    assert.deepEqual(await requestsOf(refuses), ['out INVITE udp 503: 1'])
    assert.deepEqual(await requestsOf(takes), [
      'out BYE udp 200: 1',
      'out BYE udp 401: 1',
      'out INVITE udp 200: 1',
      'out INVITE udp 407: 1',
    ])
    assert.deepEqual(await requestsOf(caller), ['in BYE udp 200: 1', 'in INVITE udp 200: 1'])
  })

  it('goes through the next trunk when the first says nothing at all, and that one is cancelled', async () => {
    await trunkTo(first, { priority: 1 })
    await trunkTo(second, { ...ACCOUNT, priority: 2 })
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, NUMBER)
    const calling = market.call(CALLER)
    first.reply(await first.receive('INVITE'), 100, 'Trying')
    await takeCall(second)
    await first.receive('CANCEL')
    await calling
    await market.ended(CALLER_HUNG_UP)
    await market.close()
  })

  it('hears the refusal of a trunk that has one, and tries no other', async () => {
    await trunkTo(first, { priority: 1 })
    await trunkTo(second, { priority: 2 })
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, NUMBER)
    const calling = market.call('uac-busy-expect-486.xml')
    first.reply(await first.receive('INVITE'), 486, 'Busy Here')
    await calling
    assert.equal(second.count('INVITE'), 0)
    await market.close()
  })

  it('is tried through five trunks and no more', async () => {
    for (let priority = 1; priority <= 6; priority++) await trunkTo(first, { name: `trunk ${priority}`, priority })
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, NUMBER)
    const calling = market.call('uac-no-sale-expect-480.xml')
    for (let i = 0; i < 5; i++) first.reply(await first.receive('INVITE'), 503, 'Service Unavailable')
    await calling
    const record = await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
    assert.equal(record.legs.length, 6)
    assert.equal(first.count('INVITE'), 5)
    await market.close()
  })

  it('is registered at where the carrier wants that, says so, and prefers what is registered', async () => {
    const id = await trunkTo(first, { ...ACCOUNT, register: true, expires: 600, priority: 1 })
    await trunkTo(second, { ...ACCOUNT, priority: 2 })
    const challenged = await first.receive('REGISTER')
    first.reply(challenged, 401, 'Unauthorized', { headers: [`WWW-Authenticate: ${CHALLENGE}`], contact: null })
    const register = await first.receive('REGISTER')
    assertSameCall(register, challenged)
    first.reply(register, 200, 'OK', { contact: `${register.get('contact')}` })
    const registration = async (): Promise<Record<string, unknown>> =>
      (await exchange.api.request('GET', `/api/v1/trunks/${id}`))['registration'] as Record<string, unknown>
    await eventually(
      async () => ((await registration())['state'] === 'registered' ? true : undefined),
      () => 'the trunk is registered',
    )
    assert.match(await exchange.api.metrics(), /dce_trunk_registrations\{state="registered"\} 1/)

    // Another password is another registration: the carrier does not know it.
    await exchange.api.request('PATCH', `/api/v1/trunks/${id}`, { username: 'dce', password: 'wrong' })
    first.reply(await first.receive('REGISTER'), 200, 'OK')
    const others = [await first.receive('REGISTER')]
    first.reply(others[0]!, 403, 'Forbidden', { contact: null })
    await eventually(
      async () => ((await registration())['state'] === 'failed' ? true : undefined),
      () => 'the registration has failed',
    )
    assert.equal((await registration())['status'], 403)
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, NUMBER)
    const calling = market.call(CALLER)
    await takeCall(second)
    await calling
    assert.equal(first.count('INVITE'), 0)
    await market.close()
  })

  it('is not called there by a target of its own making, older than the trunk or not', async () => {
    const market = await Market.open(exchange)
    const uri = `sip:+19005550100@127.0.0.1:${first.port}`
    const { account } = await market.standingBid({ host: '127.0.0.1', port: 9 }, { target: { uri } })
    await trunkTo(first, {})
    await market.call('uac-no-sale-expect-480.xml')
    await market.ended({ outcome: 'no_sale', sip_status: 480, end_reason: 'no_sale' })
    assert.equal(first.count('INVITE'), 0)
    const refused = exchange.api.create('targets', { account_id: account.id, name: 'x', uri, ring_timeout: 10 })
    await assert.rejects(refused, /carrier of an outbound trunk/)
  })
})
