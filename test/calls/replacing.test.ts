import assert from 'node:assert/strict'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { answerNextAfter, bridgedCall, refuseNext, type BridgedCall } from '../support/bridged-call.ts'
import { AGENT_HZ, CONSUMER_HZ, hearsOnly, replacesHeader, requested, SPECIALIST_HZ } from '../support/consultation.ts'
import { Market } from '../support/call-market.ts'
import { answerChallenge } from '../support/digest-client.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { PASSWORD } from '../support/registered-phone.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const ELSEWHERE = '127.0.0.9'

/** An answered call, with ears at both ends, and one for somebody else. */
interface Scene extends BridgedCall {
  readonly ears: { readonly caller: Headset; readonly agent: Headset; readonly newcomer: Headset }
}

async function answered(exchange: Exchange): Promise<Scene> {
  const ears = {
    caller: await Headset.open(CONSUMER_HZ),
    agent: await Headset.open(AGENT_HZ),
    newcomer: await Headset.open(SPECIALIST_HZ),
  }
  const call = await bridgedCall(exchange, { ears })
  await call.market.answered()
  const close = async (): Promise<void> => {
    await call.close()
    for (const ear of Object.values(ears)) await ear.close()
  }
  return { ...call, ears, close }
}

describe('an INVITE with Replaces (RFC 3891)', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let scene: Scene
  before(async function () {
    exchange = await startExchange(this)
  })
  beforeEach(async () => (scene = await answered(exchange)))
  afterEach(() => scene.close())
  after(() => exchange?.close())

  /** Somebody asks, from an address of its own, to take the place of a leg of ours. */
  async function replaces(
    value: string,
    address?: string,
    options: { sdp?: string; headers?: Record<string, string> } = {},
  ): Promise<OutgoingCall> {
    const phone = await scene.phone(address)
    const headers = { Replaces: value, Require: 'replaces', ...options.headers }
    const sdp = options.sdp ?? buildSdp(scene.ears.newcomer)
    return phone.call({ to: 'x', from: 'newcomer', target: exchange.process.sip(), sdp, headers })
  }

  /** The newcomer talks once it is answered. */
  async function talks(call: OutgoingCall): Promise<void> {
    const outcome = await call.outcome
    assert.ok(outcome.kind === 'answered', `the newcomer heard ${outcome.status}`)
    scene.ears.newcomer.speak(readAudioAddress(outcome.sdp)!)
  }

  const statusOf = async (call: OutgoingCall): Promise<number> => (await call.outcome).status

  /** The call is as it was. */
  async function goesOn(): Promise<void> {
    await Promise.all([hearsOnly(scene.ears.caller, AGENT_HZ), hearsOnly(scene.ears.agent, CONSUMER_HZ)])
    await scene.caller.hangUp()
    await scene.market.ended(CALLER_HUNG_UP)
    await exchange.neverSaid(/met a bug/)
  }

  it('from the buyer’s own address takes the agent’s place: the same sale', async () => {
    const { market, caller, agent, ears } = scene
    const call = await replaces(replacesHeader(agent))
    await talks(call)
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    await Promise.all([hearsOnly(ears.caller, SPECIALIST_HZ), hearsOnly(ears.newcomer, CONSUMER_HZ)])
    await caller.hangUp()
    assert.equal((await call.ended).cause, 'remote-hung-up')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.price, '1.00', 'sold once')
    assert.deepEqual(
      record.legs.map((leg) => [leg['side'], leg['sip_call_id'] === call.callId]),
      [
        ['caller', false],
        ['buyer', false],
        ['buyer', true],
      ],
    )
  })

  it('that leaves the offer to us is offered what the other side can, too', async () => {
    const { market, caller, agent, ears } = scene
    const phone = await scene.phone()
    const headers = { Replaces: replacesHeader(agent) }
    const call = phone.call({ to: 'x', from: 'newcomer', target: exchange.process.sip(), sdp: '', headers })
    call.answerSdp = buildSdp(ears.newcomer)
    await talks(call)
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    await Promise.all([hearsOnly(ears.caller, SPECIALIST_HZ), hearsOnly(ears.newcomer, CONSUMER_HZ)])
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('lets a buyer’s phone go on with its call from elsewhere', async () => {
    const market = await Market.open(exchange)
    const { run } = await market.buyer('uas-replaces-its-leg-expect-200.xml', { bid: { billable_after: 0 } })
    const carrier = await scene.phone(market.address)
    const call = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
    assert.equal(await statusOf(call), 200)
    await requested(call, 'INVITE')
    await eventually(
      async () => ((await market.answered()).legs.length === 3 ? true : undefined),
      () => 'the new leg is not there',
    )
    await call.hangUp()
    await market.went(run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.price, '1.00', 'sold once')
    await goesOn()
  })

  it('is refused as the dialog’s state has it (§3)', async () => {
    const { agent, caller, market } = scene
    const ours = replacesHeader(agent)
    assert.equal(await statusOf(await replaces(`${ours};early-only`)), 486, 'it is answered')
    assert.equal(
      await statusOf(await replaces(replacesHeader(caller), market.address)),
      603,
      'the caller’s side may not',
    )
    assert.equal(await statusOf(await replaces(ours.replace('to-tag=', 'to-tag=x'))), 403, 'nobody’s, from nobody')
    assert.equal(await statusOf(await replaces(ours, ELSEWHERE)), 481, 'not from there')
    assert.equal(await statusOf(await replaces(ours, undefined, { headers: { 'Session-Expires': '60' } })), 422)
    await goesOn()
    assert.equal(await statusOf(await replaces(ours)), 603, 'it is over')
  })

  it('that the other side will not have changes nothing', async () => {
    void refuseNext(scene.caller, 'INVITE', 488)
    assert.equal(await statusOf(await replaces(replacesHeader(scene.agent))), 488)
    // A 500 of the other side's is no bug of ours.
    void refuseNext(scene.caller, 'INVITE', 500)
    assert.equal(await statusOf(await replaces(replacesHeader(scene.agent))), 500)
    await goesOn()
  })

  it('without a codec of the other side’s changes nothing', async () => {
    const sdp = buildSdp(scene.ears.newcomer).replace(/RTP\/AVP [^\r]*/, 'RTP/AVP 18')
    assert.equal(await statusOf(await replaces(replacesHeader(scene.agent), undefined, { sdp })), 488)
    await goesOn()
  })

  it('that is cancelled changes nothing, and of two at once the second is refused', async () => {
    const { agent, caller } = scene
    let call: OutgoingCall | undefined
    let second: number | undefined
    void answerNextAfter(caller, 'INVITE', async () => {
      second = await statusOf(await replaces(replacesHeader(agent)))
      call?.cancel()
      await call?.outcome
    })
    call = await replaces(replacesHeader(agent))
    assert.equal(await statusOf(call), 487)
    assert.equal(second, 491)
    await goesOn()
  })

  it('outlives the agent, who hangs up meanwhile', async () => {
    const { market, caller, agent, ears } = scene
    void answerNextAfter(caller, 'INVITE', () => agent.hangUp())
    await talks(await replaces(replacesHeader(agent)))
    await Promise.all([hearsOnly(ears.caller, SPECIALIST_HZ), hearsOnly(ears.newcomer, CONSUMER_HZ)])
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('is given up when the caller hangs up meanwhile', async () => {
    const { market, caller, agent } = scene
    void answerNextAfter(caller, 'INVITE', () => caller.hangUp())
    assert.equal(await statusOf(await replaces(replacesHeader(agent))), 481)
    await market.ended(CALLER_HUNG_UP)
    await exchange.neverSaid(/met a bug/)
  })

  it('from elsewhere needs a password of the same account', async () => {
    const { market, caller, agent, ears } = scene
    const { buyer_id } = await market.answered()
    const stranger = await exchange.api.create('accounts', { type: 'buyer', name: 'Somebody else' })
    const [own, foreign] = [`own-${market.vertical}`, `foreign-${market.vertical}`]
    await exchange.api.create('sip-users', { account_id: buyer_id, username: own, password: PASSWORD })
    await exchange.api.create('sip-users', { account_id: stranger.id, username: foreign, password: PASSWORD })
    const as = async (username: string, password: string): Promise<OutgoingCall> => {
      const { outcome } = await replaces(replacesHeader(agent), ELSEWHERE)
      const asked = await outcome
      assert.ok(asked.kind === 'rejected' && asked.response?.status === 401)
      const challenge = asked.response.getAll('www-authenticate')[0]!
      const Authorization = answerChallenge(challenge, { username, password, method: 'INVITE', uri: 'sip:x@dce' })
      return replaces(replacesHeader(agent), ELSEWHERE, { headers: { Authorization } })
    }
    assert.equal(await statusOf(await as(foreign, PASSWORD)), 481, 'another account')
    assert.equal(await statusOf(await as(own, 'wrong')), 401)
    await talks(await as(own, PASSWORD))
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    await Promise.all([hearsOnly(ears.caller, SPECIALIST_HZ), hearsOnly(ears.newcomer, CONSUMER_HZ)])
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })
})

describe('an INVITE with Replaces, where the caller’s side may change hands, too', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_TRANSFERS: 'both' } })
  })
  after(() => exchange?.close())

  it('from the carrier’s own address takes the caller’s place', async () => {
    const { market, caller, agent, phone, close } = await bridgedCall(exchange)
    try {
      await market.answered()
      const next = await phone(market.address)
      const headers = { Replaces: replacesHeader(caller) }
      const call = next.call({ to: market.number, from: 'next', target: exchange.process.sip(), headers })
      assert.equal((await call.outcome).status, 200)
      assert.equal((await caller.ended).cause, 'remote-hung-up')
      await call.hangUp()
      assert.equal((await agent.ended).cause, 'remote-hung-up')
      const record = await market.ended(CALLER_HUNG_UP)
      assert.deepEqual(
        record.legs.map((leg) => leg['side']),
        ['caller', 'buyer', 'caller'],
      )
    } finally {
      await close()
    }
  })
})
