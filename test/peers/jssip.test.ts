import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { BrowserPhone, startChromium } from '../support/browser-phone.ts'
import { BrowserStage } from '../support/browser-stage.ts'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { Headset } from '../support/headset.ts'
import { eventually, requireEmbeddedSip, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'
import { untilHeard } from '../support/talks.ts'
import { TcpRelay } from '../support/tcp-relay.ts'

const OPEN = { outcome: 'answered', sip_status: 200 }

describe('JsSIP in Chromium', function () {
  this.timeout(120_000)
  let stage: BrowserStage
  let exchange: Exchange
  before(async function () {
    stage = await BrowserStage.open(this)
    exchange = stage.exchange
  })
  afterEach(() => stage?.closePhones())
  after(() => stage?.close())

  it('is not connected when nobody vouches for our certificate', async () => {
    const wary = await startChromium(createHash('sha256').update('another key').digest('base64'))
    try {
      const phone = await BrowserPhone.open(wary, stage.site.origin, {
        url: stage.url,
        username: 'nobody',
        password: PASSWORD,
      })
      await phone.event('disconnected')
      assert.ok(!(await phone.events()).some(({ name }) => name === 'connected'))
      assert.match(phone.complaints.join(), /ERR_CERT_AUTHORITY_INVALID/)
    } finally {
      await wary.close()
    }
  })

  it('registers by digest, with the right password only, and unregisters', async () => {
    const market = await Market.open(exchange)
    const { username, user } = await hireAgent(market)
    const stranger = await stage.phone(username, { password: 'wrong' })
    assert.equal((await stranger.event('registration failed')).detail, '401')
    const phone = await stage.phone(username)
    await phone.event('registered')
    assert.deepEqual(
      (await stage.bindingsOf(user.id)).map(({ transport }) => transport),
      ['wss'],
    )
    await phone.leave()
    await eventually(
      async () => ((await stage.bindingsOf(user.id)).length === 0 ? true : undefined),
      () => 'it is still registered',
    )
    await market.close()
  })

  it('calls from a page, is answered in another, and hangs up', async () => {
    const market = await Market.open(exchange)
    const agent = await stage.agentIn(market)
    const caller = await stage.callerIn(market)
    await caller.call(market.number)
    await agent.phone.answer()
    assert.deepEqual(await caller.event('accepted'), { name: 'accepted', detail: 'remote' })
    await caller.event('confirmed')
    await agent.phone.event('confirmed')
    assert.ok((await caller.events()).some(({ name, detail }) => name === 'progress' && detail === '180'))
    await caller.hangUp()
    assert.equal((await agent.phone.event('ended')).detail, 'remote Terminated')
    await market.ended({ ...OPEN, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  })

  it('takes a won call of a carrier in a page, and hangs up there', async () => {
    const market = await Market.open(exchange)
    const agent = await stage.agentIn(market)
    const caller = await market.startCall('uac-answered-other-side-hangs-up-expect-200.xml')
    await agent.phone.answer()
    await agent.phone.event('confirmed')
    assert.equal((await agent.phone.event('ringing here')).detail, '+12125550142')
    await market.answered() // It has its ACK before the caller has the answer.
    await agent.phone.hangUp()
    await market.went(caller)
    await market.ended({ ...OPEN, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
  })

  it('declines in a page, and the caller hears it there', async () => {
    const market = await Market.open(exchange)
    const agent = await stage.agentIn(market)
    const caller = await stage.callerIn(market)
    await caller.call(market.number)
    await agent.phone.event('ringing here')
    await agent.phone.hangUp() // JsSIP: 480 to an INVITE that rings.
    assert.equal((await caller.event('failed')).detail, '480')
    const [record] = await market.records(1)
    assert.notEqual(record!.outcome, 'answered')
    await market.settled()
  })

  it('gives up in a page while it rings in another', async () => {
    const market = await Market.open(exchange)
    const agent = await stage.agentIn(market)
    const caller = await stage.callerIn(market)
    await caller.call(market.number)
    await agent.phone.event('ringing here')
    await caller.event('progress')
    await caller.hangUp()
    assert.equal((await agent.phone.event('failed')).detail, 'remote Canceled')
    await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled' })
  })

  it('hears and is heard by a plain SIP phone that takes its call', async () => {
    const market = await Market.open(exchange)
    const caller = await stage.callerIn(market, { toneHz: 600 })
    const headset = await Headset.open(450)
    const desk = await createUserAgent()
    try {
      await market.standingBid(desk.local)
      const rung = new Promise<IncomingCall>((resolve) => desk.once('call', resolve))
      await caller.call(market.number)
      const agent = await rung
      agent.accept(buildSdp(headset))
      await caller.event('confirmed')
      await agent.acked
      headset.speak(readAudioAddress(agent.remoteSdp)!)
      await Promise.all([untilHeard(caller, 450), untilHeard(headset, 600)])
      await caller.hangUp()
      const record = await market.ended({ ...OPEN, end_reason: 'caller_hung_up' })
      assert.ok(record.legs.length > 0)
    } finally {
      await desk.close()
      await headset.close()
    }
  })

  it('hears and is heard by a carrier’s plain phone as a buyer’s agent', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const agent = await stage.phone(username, { toneHz: 600 })
    await agent.event('registered')
    const headset = await Headset.open(450)
    const carrier = await createUserAgent({ address: market.address })
    try {
      const target = exchange.process.sip()
      const call = carrier.call({ to: market.number, from: '+12125550142', target, sdp: buildSdp(headset) })
      await agent.answer()
      const outcome = await call.outcome
      assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
      headset.speak(readAudioAddress(outcome.sdp)!)
      await Promise.all([untilHeard(agent, 450), untilHeard(headset, 600)])
      await agent.hangUp()
      await market.ended({ ...OPEN, end_reason: 'buyer_hung_up' })
    } finally {
      await carrier.close()
      await headset.close()
    }
  })

  it('registers again when its connection is lost, in place of what it was, and is rung there', async function () {
    requireEmbeddedSip(this, 'the first call to a connection that replaced a lost one')
    const relay = await TcpRelay.open(exchange.process.sip('wss'))
    try {
      const market = await Market.open(exchange)
      const agent = await stage.agentIn(market, { url: `wss://127.0.0.1:${relay.port}` })
      const [before] = await stage.bindingsOf(agent.user.id)
      relay.cut()
      await agent.phone.event('disconnected')
      await agent.phone.event('registered', 2)
      const after = await stage.bindingsOf(agent.user.id)
      assert.equal(after.length, 1, 'its instance is known')
      assert.notEqual(after[0]!.source, before!.source)
      const caller = await market.startCall('uac-answered-caller-hangs-up-expect-200.xml')
      await agent.phone.answer()
      assert.equal((await agent.phone.event('ended')).detail, 'remote Terminated')
      await market.went(caller)
      await market.ended({ ...OPEN, end_reason: 'caller_hung_up' })
    } finally {
      await relay.close()
    }
  })
})
