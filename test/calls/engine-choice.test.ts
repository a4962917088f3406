import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market, type MarketTerms } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
/** Nothing listens there: only what is said of the audio matters here. */
const CALLER_PORT = 40_000
const FIRST_PORT = 41_000
const SECOND_PORT = 42_000
/** Room for a few calls, and for no more than a dozen. */
const RTPENGINE_PORTS = [26_600, 26_623] as const
const MOST_CALLS = 13
const MAY_BE_DIRECT: MarketTerms = { trunk: { direct_media: true } }

/** A carrier, and buyers who answer as they are told. */
class Stage {
  readonly exchange: Exchange
  readonly market: Market
  readonly carrier: UserAgent
  readonly #phones: UserAgent[] = []
  readonly #told = Promise.withResolvers<void>()

  private constructor(exchange: Exchange, market: Market, carrier: UserAgent) {
    this.exchange = exchange
    this.market = market
    this.carrier = carrier
  }

  static async open(exchange: Exchange, terms: MarketTerms = {}): Promise<Stage> {
    const market = await Market.open(exchange, terms)
    return new Stage(exchange, market, await createUserAgent({ address: market.address }))
  }

  /** Its calls as they come in; each is handled by `take`. */
  async buyer(take: (call: IncomingCall) => void, terms: { amount?: string; isDirect?: boolean } = {}) {
    const phone = await createUserAgent()
    this.#phones.push(phone)
    const calls: IncomingCall[] = []
    phone.on('call', (call: IncomingCall) => {
      calls.push(call)
      take(call)
    })
    const { amount = '5.00', isDirect = false } = terms
    await this.market.standingBid(phone.local, { amount, target: { direct_media: isDirect } })
    return calls
  }

  call(sdp = buildSdp({ host: this.carrier.address, port: CALLER_PORT })): OutgoingCall {
    const target = this.exchange.process.sip()
    const call = this.carrier.call({ from: '+12125550142', to: this.market.number, target, sdp })
    call.on('progress', (progress) => progress.sdp !== '' && this.#told.resolve())
    return call
  }

  /** A caller has heard early media. */
  get told(): Promise<void> {
    return this.#told.promise
  }

  async answered(sdp?: string): Promise<{ call: OutgoingCall; sdp: string }> {
    const call = this.call(sdp)
    const outcome = await call.outcome
    assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
    return { call, sdp: outcome.sdp }
  }

  async close(): Promise<void> {
    await Promise.all([this.carrier, ...this.#phones].map((phone) => phone.close()))
  }
}

const accepts =
  (port: number) =>
  (call: IncomingCall): void =>
    call.accept(buildSdp({ host: call.localAddress, port }))

/** The value of a metric with exactly these labels, in their order. */
async function counted(exchange: Exchange, metric: string): Promise<number> {
  const line = (await exchange.api.metrics()).split('\n').find((each) => each.startsWith(`${metric} `))
  return line === undefined ? 0 : Number(line.split(' ')[1])
}

/** Where each engine's calls are now. */
async function sessions(exchange: Exchange): Promise<string> {
  const names = ['direct', 'rtpengine', 'relay']
  const counts = await Promise.all(names.map((name) => counted(exchange, `dce_media_sessions{engine="${name}"}`)))
  return names.map((name, i) => `${name} ${counts[i]}`).join(', ')
}

/** A call that is over is cleared away a moment after its record is there. */
async function untilSessions(exchange: Exchange, expected: string): Promise<void> {
  let seen = ''
  await eventually(
    async () => (seen = await sessions(exchange)) === expected || undefined,
    () => `${seen}, and not ${expected}`,
  )
}

const health = async (exchange: Exchange): Promise<string> => (await exchange.api.raw('GET', '/health')).text()

describe('calls on DCE_MEDIA_ENGINE=direct,rtpengine,relay', function () {
  this.timeout(120_000)
  let engine: RtpengineProcess
  let exchange: Exchange
  let stage: Stage

  /** The engine, on the port it had, and seen by the exchange. */
  async function startAgain(): Promise<void> {
    engine = await RtpengineProcess.start({ port: engine.port, rtpPorts: RTPENGINE_PORTS })
    await eventually(
      async () => ((await counted(exchange, 'dce_media_engine_up{engine="rtpengine"}')) === 1 ? true : undefined),
      () => health(exchange),
    )
  }

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    engine = await RtpengineProcess.start({ rtpPorts: RTPENGINE_PORTS })
    exchange = await startExchange(this, {
      env: {
        DCE_MEDIA_ENGINE: 'direct,rtpengine,relay',
        DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${engine.port}`,
        DCE_MEDIA_RTPENGINE_PING_INTERVAL: '200ms',
      },
    })
  })
  // What one test left of it is no matter of the next.
  beforeEach(() => (engine.hasEnded ? startAgain() : undefined))
  afterEach(() => stage?.close())
  after(async () => {
    await exchange?.close()
    await engine?.close()
  })

  it('go to the cheapest that nobody’s consent is needed for', async () => {
    stage = await Stage.open(exchange)
    const rung = await stage.buyer(accepts(FIRST_PORT), { isDirect: true })
    const { call, sdp } = await stage.answered()
    await untilSessions(exchange, 'direct 0, rtpengine 1, relay 0')
    assert.notEqual(readAudioAddress(rung[0]!.invite.body)!.port, CALLER_PORT)
    assert.notEqual(readAudioAddress(sdp)!.port, FIRST_PORT)
    await exchange.untilHealth(/"media".*direct up, 0 sessions.*rtpengine up, 1 sessions.*relay up, 0 sessions/)
    await call.hangUp()
    await stage.market.ended(CALLER_HUNG_UP)
  })

  it('go past us where trunk and target both allow it, with nothing counted', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    const rung = await stage.buyer(accepts(FIRST_PORT), { isDirect: true })
    const { call, sdp } = await stage.answered()
    await untilSessions(exchange, 'direct 1, rtpengine 0, relay 0')
    assert.deepEqual(readAudioAddress(rung[0]!.invite.body), { host: stage.carrier.address, port: CALLER_PORT })
    assert.deepEqual(readAudioAddress(sdp), { host: rung[0]!.localAddress, port: FIRST_PORT })
    // A re-INVITE goes through as well.
    const moved = buildSdp({ host: stage.carrier.address, port: CALLER_PORT + 2 })
    assert.equal((await call.request('INVITE', { body: moved }))!.status, 200)
    assert.equal(readAudioAddress(rung[0]!.remoteSdp)!.port, CALLER_PORT + 2)
    await call.hangUp()
    const record = await stage.market.ended(CALLER_HUNG_UP)
    assert.deepEqual(
      record.legs.map((leg) => leg['media']),
      [null, null],
    )
  })

  it('go through us when one of the awards does not allow it', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    const rung = await stage.buyer(accepts(FIRST_PORT), { isDirect: true, amount: '9.00' })
    await stage.buyer(accepts(SECOND_PORT), { amount: '4.00' })
    const { call } = await stage.answered()
    await untilSessions(exchange, 'direct 0, rtpengine 1, relay 0')
    assert.notEqual(readAudioAddress(rung[0]!.invite.body)!.port, CALLER_PORT)
    await call.hangUp()
    await stage.market.ended(CALLER_HUNG_UP)
  })

  it('tell a direct caller of the second buyer after the first one’s early media', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    await stage.buyer(
      (call) => {
        call.earlyMedia(buildSdp({ host: call.localAddress, port: FIRST_PORT }))
        void stage.told.then(() => call.reject(486))
      },
      { isDirect: true, amount: '9.00' },
    )
    const second = await stage.buyer(accepts(SECOND_PORT), { isDirect: true, amount: '4.00' })
    const { call, sdp } = await stage.answered()
    assert.equal(readAudioAddress(sdp)!.port, FIRST_PORT, 'the first answer that a caller gets is the one it keeps')
    await eventually(
      () => Promise.resolve(readAudioAddress(call.remoteSdp)?.port === SECOND_PORT || undefined),
      () => call.remoteSdp,
    )
    const [before, now] = [sdp, call.remoteSdp].map((each) => /^o=- (\d+) (\d+) (.*)$/m.exec(each)!)
    assert.equal(now![1], before![1])
    assert.equal(Number(now![2]), Number(before![2]) + 1)
    assert.equal(now![3], before![3])
    assert.equal(readAudioAddress(second[0]!.invite.body)!.port, CALLER_PORT)
    await call.hangUp()
    await stage.market.ended(CALLER_HUNG_UP)
  })

  it('end with a cause when their engine is killed, be they answered or ringing; the next go to another, until it is back', async () => {
    stage = await Stage.open(exchange)
    const answers = [accepts(FIRST_PORT), (call: IncomingCall): void => call.ring(), accepts(FIRST_PORT)]
    let count = 0
    const rung = await stage.buyer((call) => answers[Math.min(count++, 2)]!(call))
    const talking = await stage.answered()
    const ringing = stage.call()
    await eventually(
      () => Promise.resolve(ringing.progress.length > 0 || undefined),
      () => 'it does not ring',
    )
    await untilSessions(exchange, 'direct 0, rtpengine 2, relay 0')
    await engine.kill()

    assert.match((await talking.call.ended).reason ?? '', /SIP;cause=503;text="media failed"/)
    const outcome = await ringing.outcome
    assert.ok(outcome.kind === 'rejected', JSON.stringify(outcome))
    assert.equal(outcome.status, 503)
    await Promise.all(rung.map((call) => call.ended))
    const records = await stage.market.records(2)
    assert.deepEqual(
      records.map(({ outcome: how, end_reason: why, hung_up_by: by }) => `${how} ${why} ${by}`).toSorted(),
      ['answered media_failed exchange', 'failed media_failed exchange'],
    )
    await exchange.untilHealth(/"degraded".*rtpengine down/)
    assert.equal(await counted(exchange, 'dce_media_engine_up{engine="rtpengine"}'), 0)

    const next = await stage.answered()
    await untilSessions(exchange, 'direct 0, rtpengine 0, relay 1')
    await startAgain()
    const later = await stage.answered()
    await untilSessions(exchange, 'direct 0, rtpengine 1, relay 1')
    await next.call.hangUp()
    await later.call.hangUp()
    await stage.market.records(4)
    await exchange.assertMoneyBalances()
  })

  it('go to the next when one is full, which is counted', async () => {
    stage = await Stage.open(exchange)
    await stage.buyer(accepts(FIRST_PORT))
    const full = 'dce_media_sessions_refused_total{engine="rtpengine",reason="full"}'
    const calls: OutgoingCall[] = []
    while (calls.length < MOST_CALLS && (await counted(exchange, full)) === 0) calls.push((await stage.answered()).call)
    assert.equal(await counted(exchange, full), 1)
    assert.equal(await sessions(exchange), `direct 0, rtpengine ${calls.length - 1}, relay 1`)
    for (const call of calls) await call.hangUp()
    const records = await stage.market.records(calls.length)
    assert.equal(records.filter(({ trace }) => trace.some(({ step }) => step === 'media moved')).length, 1)
  })
})

describe('calls on DCE_MEDIA_ENGINE=direct', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let stage: Stage
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_MEDIA_ENGINE: 'direct' } })
  })
  afterEach(() => stage?.close())
  after(() => exchange?.close())

  /** Refused before anybody rings. */
  async function refused(sdp?: string): Promise<string> {
    const rung = await stage.buyer(accepts(FIRST_PORT), { isDirect: true })
    const outcome = await stage.call(sdp).outcome
    assert.ok(outcome.kind === 'rejected', JSON.stringify(outcome))
    assert.equal(outcome.status, 488)
    await stage.market.ended({ outcome: 'refused', sip_status: 488, end_reason: 'unacceptable_media' })
    assert.equal(rung.length, 0)
    return outcome.response?.get('warning') ?? ''
  }

  it('are refused with 488 and Warning when their trunk does not allow it, and no buyer rings', async () => {
    stage = await Stage.open(exchange)
    assert.match(await refused(), /399 .*no media engine here/)
    const metric = 'dce_media_sessions_refused_total{engine="any",reason="incapable"}'
    assert.ok((await counted(exchange, metric)) >= 1)
  })

  it('are refused with 488 and Warning when a browser makes them, and no buyer rings', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    const offer = buildSdp({ host: stage.carrier.address, port: CALLER_PORT })
      .replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF')
      .replace(
        'a=sendrecv',
        `a=sendrecv\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=rtcp-mux\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
      )
    assert.match(await refused(offer), /399 .*no media engine here.*webrtc/)
  })

  it('are refused with 488 and Warning when their description cannot be handed on, and no buyer rings', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    const offer = buildSdp({ host: stage.carrier.address, port: CALLER_PORT })
    assert.match(await refused(offer.replace(/^o=.*\r\n/m, '')), /399 .*has no o= line/)
  })

  it('pass over a target that does not allow it, and say why', async () => {
    stage = await Stage.open(exchange, MAY_BE_DIRECT)
    const first = await stage.buyer(accepts(FIRST_PORT), { amount: '9.00' })
    const second = await stage.buyer(accepts(SECOND_PORT), { isDirect: true, amount: '4.00' })
    const { call, sdp } = await stage.answered()
    assert.equal(readAudioAddress(sdp)!.port, SECOND_PORT)
    assert.deepEqual([first.length, second.length], [0, 1])
    await call.hangUp()
    const { id } = await stage.market.ended(CALLER_HUNG_UP)
    const auction = await exchange.api.request<{ non_bids: { code: string }[] }>('GET', `/api/v1/calls/${id}/auction`)
    assert.equal(auction.non_bids.filter(({ code }) => code === 'media_unavailable').length, 1)
  })
})
