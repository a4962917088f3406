import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { answerNextAfter, bridgedCall, refuseNext } from '../support/bridged-call.ts'
import {
  AGENT_HZ,
  CONSUMER_HZ,
  consultation,
  hearsOnly,
  replacesOf,
  requested,
  SPECIALIST_HZ,
  type Consultation,
} from '../support/consultation.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const COLLEAGUE_HZ = 1800
const BUYER_HUNG_UP = { ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' }

describe('an attended transfer between two calls of ours', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let scene: Consultation
  before(async function () {
    exchange = await startExchange(this)
  })
  beforeEach(async () => (scene = await consultation(exchange)))
  afterEach(() => scene.close())
  after(() => exchange?.close())

  /** The agent asks in its first call for the second. */
  function refer(replaces = replacesOf(scene.second.caller)) {
    const { host, port } = exchange.process.sip()
    return scene.first.agent.request('REFER', {
      headers: { 'Refer-To': `<sip:x@${host}:${port}?Replaces=${replaces}>` },
    })
  }

  it('leaves the other two talking: both sales go on until one of them hangs up', async () => {
    const { first, second, ears, told } = scene
    await hearsOnly(ears.specialist, 1000)
    assert.equal((await refer())?.status, 202)
    assert.equal((await first.agent.ended).cause, 'remote-hung-up')
    assert.equal((await second.caller.ended).cause, 'remote-hung-up')
    assert.deepEqual(told, ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
    await Promise.all([hearsOnly(ears.consumer, SPECIALIST_HZ), hearsOnly(ears.specialist, CONSUMER_HZ)])
    await first.caller.hangUp()
    assert.equal((await second.agent.ended).cause, 'remote-hung-up')
    const records = [await first.market.ended(CALLER_HUNG_UP), await second.market.ended(CALLER_HUNG_UP)]
    assert.deepEqual(
      records.map(({ price, legs }) => [price, legs.map((leg) => leg['side'])]),
      [
        ['1.00', ['caller', 'buyer', 'buyer']],
        ['1.00', ['caller', 'buyer', 'caller']],
      ],
    )
    await exchange.neverSaid(/met a bug/)
  })

  /** Waits until the agent has been told how it came out. */
  async function toldLast(): Promise<string> {
    return eventually(
      async () => scene.told.find((line) => !line.startsWith('SIP/2.0 1')),
      () => `told ${JSON.stringify(scene.told)}`,
      20_000,
    )
  }

  /** Both calls are as they were. */
  async function bothGoOn(): Promise<void> {
    const { first, second, ears } = scene
    await Promise.all([hearsOnly(ears.consumer, AGENT_HZ), hearsOnly(ears.specialist, AGENT_HZ)])
    await Promise.all([first.caller.hangUp(), second.agent.hangUp()])
    await first.market.ended(CALLER_HUNG_UP)
    await second.market.ended(BUYER_HUNG_UP)
    await exchange.neverSaid(/met a bug/)
  }

  it('takes both from hold, and what one says of its media the other hears afterwards', async () => {
    const { first, second, ears } = scene
    for (const leg of [first.agent, second.caller]) {
      const body = leg.localSdp.replace(/a=sendrecv\r\n|$/, 'a=sendonly\r\n')
      assert.match((await leg.request('INVITE', { body }))?.body ?? '', /a=recvonly/)
    }
    const offers = [requested(first.caller, 'INVITE'), requested(second.agent, 'INVITE')]
    await refer()
    for (const { body } of await Promise.all(offers)) assert.match(body, /a=sendrecv/)
    assert.equal(await toldLast(), 'SIP/2.0 200 OK')
    await Promise.all([hearsOnly(ears.consumer, SPECIALIST_HZ), hearsOnly(ears.specialist, CONSUMER_HZ)])

    const held = requested(first.caller, 'INVITE')
    const body = second.agent.localSdp.replace(/a=sendrecv\r\n|$/, 'a=sendonly\r\n')
    assert.equal((await second.agent.request('INVITE', { body }))?.status, 200)
    assert.match((await held).body, /a=sendonly/)
    const digits = requested(second.agent, 'INFO')
    const info = { contentType: 'application/dtmf-relay', body: 'Signal=5\r\nDuration=160\r\n' }
    assert.equal((await first.caller.request('INFO', info))?.status, 200)
    assert.equal((await digits).body, info.body)
    await second.agent.hangUp()
    assert.equal((await first.caller.ended).cause, 'remote-hung-up')
    await first.market.ended(BUYER_HUNG_UP)
    await second.market.ended(BUYER_HUNG_UP)
  })

  for (const [who, party] of [
    ['the consumer', () => scene.first.caller],
    ['the other end', () => scene.second.agent],
  ] as const) {
    it(`that ${who} will not have leaves both calls as they were, and the agent hears why`, async () => {
      void refuseNext(party(), 'INVITE', 488)
      assert.equal((await refer())?.status, 202)
      assert.match(await toldLast(), /^SIP\/2.0 488 /)
      await bothGoOn()
    })

    it(`that meets an offer of ${who} tries again later (RFC 3261 §14.1)`, async () => {
      const { first, second, ears } = scene
      const met = refuseNext(party(), 'INVITE', 491)
      await refer()
      await met
      assert.equal(await toldLast(), 'SIP/2.0 200 OK')
      await Promise.all([hearsOnly(ears.consumer, SPECIALIST_HZ), hearsOnly(ears.specialist, CONSUMER_HZ)])
      await Promise.all([first.caller.hangUp(), second.agent.hangUp()])
      for (const { market } of [first, second]) assert.equal((await market.records(1)).length, 1)
      await Promise.all([first.market.settled(), second.market.settled()])
    })
  }

  it('tells of a consultation that ends before it is joined', async () => {
    const { first, second, ears } = scene
    void answerNextAfter(first.caller, 'INVITE', () => second.agent.hangUp())
    await refer()
    assert.match(await toldLast(), /^SIP\/2.0 481 /)
    await second.market.ended(BUYER_HUNG_UP)
    await hearsOnly(ears.consumer, AGENT_HZ)
    await first.agent.hangUp()
    await first.market.ended(BUYER_HUNG_UP)
  })

  it('tells of a consultation that has ended already', async () => {
    const { first, second } = scene
    const replaces = replacesOf(second.caller)
    await second.agent.hangUp()
    await second.market.ended(BUYER_HUNG_UP)
    assert.equal((await refer(replaces))?.status, 202)
    assert.match(await toldLast(), /^SIP\/2.0 603 /)
    await first.caller.hangUp()
    await first.market.ended(CALLER_HUNG_UP)
  })

  it('goes on without the agent, who hangs up on both at once', async () => {
    const { first, second, ears } = scene
    const leave = (): Promise<unknown> => Promise.all([first.agent.hangUp(), second.caller.hangUp()])
    void answerNextAfter(first.caller, 'INVITE', leave)
    await refer()
    await Promise.all([hearsOnly(ears.consumer, SPECIALIST_HZ), hearsOnly(ears.specialist, CONSUMER_HZ)])
    await first.caller.hangUp()
    await first.market.ended(CALLER_HUNG_UP)
    await second.market.ended(CALLER_HUNG_UP)
  })

  it('ends both calls when the agent has left and it fails', async () => {
    const { first, second } = scene
    const leave = (): Promise<unknown> => Promise.all([first.agent.hangUp(), second.caller.hangUp()])
    void answerNextAfter(first.caller, 'INVITE', leave)
    void refuseNext(second.agent, 'INVITE', 488)
    await refer()
    assert.equal((await first.caller.ended).cause, 'remote-hung-up')
    assert.equal((await second.agent.ended).cause, 'remote-hung-up')
    await first.market.ended(BUYER_HUNG_UP)
    await second.market.ended(CALLER_HUNG_UP)
  })

  it('is given up when the consumer hangs up meanwhile: the consultation goes on', async () => {
    const { first, second, ears } = scene
    void answerNextAfter(second.agent, 'INVITE', () => first.caller.hangUp())
    await refer()
    await first.market.ended(CALLER_HUNG_UP)
    await hearsOnly(ears.specialist, AGENT_HZ)
    await second.caller.hangUp()
    await second.market.ended(CALLER_HUNG_UP)
    await exchange.neverSaid(/met a bug/)
  })

  it('is not begun twice', async () => {
    const { first, second } = scene
    let again: number | undefined
    void answerNextAfter(first.caller, 'INVITE', async () => (again = (await refer())?.status))
    await refer()
    assert.equal(await toldLast(), 'SIP/2.0 200 OK')
    assert.equal(again, 491)
    await second.agent.hangUp()
    await first.market.ended(BUYER_HUNG_UP)
    await second.market.ended(BUYER_HUNG_UP)
  })

  it('is not for calls of others, nor for a call with itself, nor for one that should not have been answered yet', async () => {
    const { first, second } = scene
    const strangers = await bridgedCall(exchange)
    try {
      assert.equal((await refer(replacesOf(strangers.caller)))?.status, 403)
      assert.equal((await refer(replacesOf(first.agent)))?.status, 603)
      assert.equal((await refer(replacesOf(second.caller, ';early-only')))?.status, 202)
      assert.match(await toldLast(), /^SIP\/2.0 486 /)
      await strangers.caller.hangUp()
      await strangers.market.ended(CALLER_HUNG_UP)
    } finally {
      await strangers.close()
    }
    await bothGoOn()
  })

  it('leaves the session timers of each leg between it and us (RFC 4028)', async () => {
    const { first, second } = scene
    await refer()
    assert.equal(await toldLast(), 'SIP/2.0 200 OK')
    const asked: string[] = []
    for (const leg of [first.caller, second.agent]) leg.on('request', ({ method }) => void asked.push(method))
    for (const leg of [first.caller, second.agent]) {
      const headers = { Supported: 'timer', 'Session-Expires': '120;refresher=uac' }
      for (const [method, body] of [
        ['INVITE', leg.localSdp],
        ['UPDATE', ''],
      ] as const) {
        const answer = await leg.request(method, { headers, ...(body && { body }) })
        assert.deepEqual([answer?.status, answer?.get('session-expires')], [200, '120;refresher=uac'])
      }
    }
    assert.deepEqual(asked, [], 'a refresh is nobody else’s business')
    await first.caller.hangUp()
    await first.market.ended(CALLER_HUNG_UP)
    await second.market.ended(CALLER_HUNG_UP)
    assert.equal(await exchange.metric('dce_rtp_sessions'), 0)
  })

  it('leaves each of the two able to pass its part of the call on', async () => {
    const { first, second, ears } = scene
    await refer()
    await toldLast()
    const colleague = await second.phone()
    const rung = new Promise<IncomingCall>((resolve) => colleague.once('call', resolve))
    const headers = { 'Refer-To': `<sip:desk@${colleague.address}:${colleague.port}>` }
    assert.equal((await second.agent.request('REFER', { headers }))?.status, 202)
    const next = await rung
    const ear = await scene.headset(COLLEAGUE_HZ)
    next.accept(buildSdp(ear))
    assert.equal((await second.agent.ended).cause, 'remote-hung-up')
    ear.speak(readAudioAddress(next.remoteSdp)!)
    await Promise.all([hearsOnly(ears.consumer, COLLEAGUE_HZ), hearsOnly(ear, CONSUMER_HZ)])
    await first.caller.hangUp()
    assert.equal((await next.ended).cause, 'remote-hung-up')
    await first.market.ended(CALLER_HUNG_UP)
    const record = await second.market.ended(CALLER_HUNG_UP)
    assert.equal(record.legs.length, 4)
  })

  it('joins two callers of one agent, too', async () => {
    const { first, ears, desk, headset } = scene
    const other = { caller: await headset(SPECIALIST_HZ), agent: await headset(AGENT_HZ) }
    const second = await bridgedCall(exchange, { desk, ears: other })
    await refer(replacesOf(second.agent))
    assert.equal(await toldLast(), 'SIP/2.0 200 OK')
    await Promise.all([hearsOnly(ears.consumer, SPECIALIST_HZ), hearsOnly(other.caller, CONSUMER_HZ)])
    await second.caller.hangUp()
    assert.equal((await first.caller.ended).cause, 'remote-hung-up')
    await first.market.ended(BUYER_HUNG_UP)
    await second.market.ended(CALLER_HUNG_UP)
    await second.close()
  })
})
