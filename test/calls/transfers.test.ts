import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

/** An answered call between a carrier and a buyer's agent, and a colleague whom the agent may refer to. */
interface Scene {
  readonly market: Market
  readonly carrier: UserAgent
  readonly caller: OutgoingCall
  readonly agent: IncomingCall
  readonly colleague: UserAgent
  /** What the agent was told of its REFER: the body of each NOTIFY. */
  readonly told: string[]
}

describe('a transfer', function () {
  this.timeout(40_000)
  let exchange: Exchange
  let phones: UserAgent[] = []
  before(async function () {
    exchange = await startExchange(this)
  })
  afterEach(async () => {
    for (const one of phones) await one.close()
    phones = []
  })
  after(() => exchange?.close())

  async function phone(address?: string): Promise<UserAgent> {
    const made = await createUserAgent(address === undefined ? {} : { address })
    phones.push(made)
    return made
  }

  async function answered(): Promise<Scene> {
    const market = await Market.open(exchange)
    const [carrier, desk, colleague] = [await phone(market.address), await phone(), await phone()]
    const rung = new Promise<IncomingCall>((resolve) => desk.on('call', resolve))
    await market.standingBid({ host: desk.address, port: desk.port }, { bid: { billable_after: 0 } })
    const caller = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
    const agent = await rung
    agent.accept()
    assert.equal((await caller.outcome).status, 200)
    await agent.acked
    const told: string[] = []
    agent.on('request', (request: SipMessage) => {
      if (request.method === 'NOTIFY') told.push(request.body.trim())
    })
    return { market, carrier, caller, agent, colleague, told }
  }

  const at = ({ address, port }: UserAgent): string => `<sip:desk@${address}:${port}>`

  function refer({ agent }: Scene, referTo: string, headers: Record<string, string> = {}) {
    return agent.request('REFER', { headers: { 'Refer-To': referTo, ...headers } })
  }

  it('puts the colleague in the agent’s place: the same sale, until the caller hangs up', async () => {
    const scene = await answered()
    const { market, caller, agent, colleague, told } = scene
    const heldAtCaller = new Promise<SipMessage>((resolve) =>
      caller.on('request', (request) => request.method === 'INVITE' && resolve(request)),
    )
    const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
    const accepted = await refer(scene, at(colleague), { 'Referred-By': '<sip:agent@example.com>' })
    assert.equal(accepted?.status, 202)
    const next = await rung
    assert.equal(next.from, '+12125550142', 'the colleague sees who is calling')
    assert.equal(next.invite.get('referred-by'), '<sip:agent@example.com>')
    next.ring()
    next.accept()
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    assert.deepEqual(told, ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK'])
    assert.match((await heldAtCaller).body, /m=audio/)
    assert.equal(caller.isEnded, false)

    // What the caller now asks for goes to the colleague.
    const digits = new Promise<SipMessage>((resolve) =>
      next.on('request', (request) => request.method === 'INFO' && resolve(request)),
    )
    const info = { contentType: 'application/dtmf-relay', body: 'Signal=5\r\nDuration=160\r\n' }
    assert.equal((await caller.request('INFO', info))?.status, 200)
    assert.equal((await digits).body, info.body)

    await caller.hangUp()
    assert.equal((await next.ended).cause, 'remote-hung-up')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.price, '1.00', 'sold once')
    assert.deepEqual(
      record.legs.map((leg) => [leg['side'], leg['sip_status']]),
      [
        ['caller', 200],
        ['buyer', 200],
        ['buyer', 200],
      ],
    )
  })

  it('outlives the agent, who need not wait for its end', async () => {
    const scene = await answered()
    const { market, caller, agent, colleague } = scene
    const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
    await refer(scene, at(colleague))
    const next = await rung
    await agent.hangUp()
    assert.equal(caller.isEnded, false)
    next.accept()
    await next.acked
    await next.hangUp()
    assert.equal((await caller.ended).cause, 'remote-hung-up')
    await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
  })

  it('ends the call when the agent has left and the colleague does not answer', async () => {
    const scene = await answered()
    const { market, caller, agent, colleague } = scene
    const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
    await refer(scene, at(colleague))
    const next = await rung
    await agent.hangUp()
    next.reject(486)
    assert.equal((await caller.ended).cause, 'remote-hung-up')
    await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
  })

  it('that fails leaves the call as it was, and the agent hears why', async () => {
    const scene = await answered()
    const { market, caller, agent, colleague, told } = scene
    colleague.on('call', (call) => call.reject(486))
    assert.equal((await refer(scene, at(colleague)))?.status, 202)
    await eventually(
      async () => (told.length === 2 ? true : undefined),
      () => `told ${JSON.stringify(told)}`,
    )
    assert.match(told[1]!, /^SIP\/2.0 486 /)
    assert.equal((await caller.request('INFO', { contentType: 'application/dtmf', body: '1' }))?.status, 200)
    await agent.hangUp()
    const record = await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
    assert.equal(record.legs.at(-1)?.['sip_status'], 486)
  })

  it('is given up when the caller hangs up meanwhile', async () => {
    const scene = await answered()
    const { market, caller, colleague } = scene
    const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
    await refer(scene, at(colleague))
    const next = await rung
    next.ring()
    await caller.hangUp()
    assert.equal((await next.ended).cause, 'cancelled')
    await market.ended(CALLER_HUNG_UP)
  })

  it('to a call the agent has there asks the other end to join it (RFC 3891)', async () => {
    const scene = await answered()
    const { market, caller, colleague } = scene
    const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
    const uri = at(colleague).slice(1, -1)
    await refer(scene, `<${uri}?Replaces=consult%40pbx%3Bto-tag%3D7%3Bfrom-tag%3D8>`)
    const next = await rung
    assert.equal(next.invite.get('replaces'), 'consult@pbx;to-tag=7;from-tag=8')
    assert.equal(next.invite.get('require'), 'replaces')
    next.accept()
    await next.acked
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('says nothing to whoever does not want to hear (RFC 4488)', async () => {
    const scene = await answered()
    const { market, caller, agent, colleague, told } = scene
    colleague.on('call', (call) => call.accept())
    const accepted = await refer(scene, at(colleague), { 'Refer-Sub': 'false', Supported: 'norefersub' })
    assert.equal(accepted?.get('refer-sub'), 'false')
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    assert.deepEqual(told, [])
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('leads nowhere but to the buyer’s own host, and is nobody else’s to ask for', async () => {
    const scene = await answered()
    const { market, caller } = scene
    const elsewhere = await phone('127.0.0.9')
    let rung = 0
    elsewhere.on('call', () => rung++)
    assert.equal((await refer(scene, at(elsewhere)))?.status, 403)
    assert.equal((await refer(scene, '<tel:+4930123456>'))?.status, 403, 'not how numbers begin here')
    assert.equal((await refer(scene, '<tel:+12125550100>'))?.status, 403, 'no outbound trunk')
    assert.equal((await refer(scene, 'sip:;;'))?.status, 400)
    const asked = await caller.request('REFER', { headers: { 'Refer-To': at(elsewhere) } })
    assert.equal(asked?.status, 603, 'the caller’s side may not')
    assert.equal(rung, 0)
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })
})
