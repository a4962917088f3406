import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { BrowserStage } from '../support/browser-stage.ts'
import { Market } from '../support/call-market.ts'
import { eventually } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { hireAgent } from '../support/registered-phone.ts'
import { SIPJS } from '../support/sipjs-page.ts'
import { untilHeard } from '../support/talks.ts'

const OPEN = { outcome: 'answered', sip_status: 200 }

describe('SIP.js in Chromium', function () {
  this.timeout(120_000)
  let stage: BrowserStage
  before(async function () {
    stage = await BrowserStage.open(this, SIPJS)
  })
  afterEach(() => stage?.closePhones())
  after(() => stage?.close())

  it('registers by digest, with the right password only, and unregisters', async () => {
    const market = await Market.open(stage.exchange)
    const { username, user } = await hireAgent(market)
    const stranger = await stage.phone(username, { password: 'wrong' })
    assert.equal((await stranger.event('registration failed')).detail, '401')
    const phone = await stage.phone(username)
    await phone.event('registered')
    const [binding, ...others] = await stage.bindingsOf(user.id)
    assert.deepEqual(others, [])
    assert.equal(binding!.transport, 'wss')
    assert.match(binding!.user_agent, /^SIP\.js/)
    await phone.leave()
    await eventually(
      async () => ((await stage.bindingsOf(user.id)).length === 0 ? true : undefined),
      () => 'it is still registered',
    )
    await market.close()
  })

  it('calls from a page, is answered in another, and hangs up', async () => {
    const market = await Market.open(stage.exchange)
    const agent = await stage.agentIn(market)
    const caller = await stage.callerIn(market)
    await caller.call(market.number)
    await agent.phone.answer()
    await caller.event('confirmed')
    await agent.phone.event('confirmed')
    assert.ok((await caller.events()).some(({ name, detail }) => name === 'progress' && detail === '180'))
    await caller.hangUp()
    assert.equal((await agent.phone.event('ended')).detail, 'remote')
    await market.ended({ ...OPEN, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  })

  it('gives up in a page while it rings in another', async () => {
    const market = await Market.open(stage.exchange)
    const agent = await stage.agentIn(market)
    const caller = await stage.callerIn(market)
    await caller.call(market.number)
    await agent.phone.event('ringing here')
    await caller.event('progress')
    await caller.hangUp()
    assert.equal((await agent.phone.event('failed')).detail, 'remote')
    assert.equal((await caller.event('failed')).detail, '487')
    await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled' })
  })

  it('hears and is heard by a plain SIP phone that takes its call', async () => {
    const market = await Market.open(stage.exchange)
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
      await market.ended({ ...OPEN, end_reason: 'caller_hung_up' })
    } finally {
      await desk.close()
      await headset.close()
    }
  })

  it('takes a won call of a carrier’s plain phone as a buyer’s agent, hears and is heard, and hangs up', async () => {
    const market = await Market.open(stage.exchange)
    const { phone: agent } = await stage.agentIn(market, { toneHz: 600 })
    const headset = await Headset.open(450)
    const carrier = await createUserAgent({ address: market.address })
    try {
      const target = stage.exchange.process.sip()
      const call = carrier.call({ to: market.number, from: '+12125550142', target, sdp: buildSdp(headset) })
      await agent.answer()
      assert.equal((await agent.event('ringing here')).detail, '+12125550142')
      const outcome = await call.outcome
      assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
      headset.speak(readAudioAddress(outcome.sdp)!)
      await Promise.all([untilHeard(agent, 450), untilHeard(headset, 600)])
      await agent.hangUp()
      await market.ended({ ...OPEN, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
    } finally {
      await carrier.close()
      await headset.close()
    }
  })
})
