import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import type { UserAgent } from '../../sipp/agents/user-agent.ts'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { bridgedCall, refuseNext, type BridgedCall } from '../support/bridged-call.ts'
import { hireAgent, PASSWORD, Phone } from '../support/registered-phone.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

/** An answered call, and a colleague whom the buyer's agent may refer to. */
interface Scene extends BridgedCall {
  readonly colleague: UserAgent
  /** What the agent was told of its REFER: the body of each NOTIFY. */
  readonly told: string[]
}

const at = ({ address, port }: UserAgent): string => `<sip:desk@${address}:${port}>`

async function answered(exchange: Exchange): Promise<Scene> {
  const call = await bridgedCall(exchange)
  const told: string[] = []
  call.agent.on('request', (request: SipMessage) => {
    if (request.method === 'NOTIFY') told.push(request.body.trim())
  })
  return { ...call, colleague: await call.phone(), told }
}

/** The next call that rings here. */
function ringing(phone: UserAgent): Promise<IncomingCall> {
  return new Promise((resolve) => phone.once('call', resolve))
}

/** The next request of this method that a leg gets. */
function requested(leg: IncomingCall | OutgoingCall, method: string): Promise<SipMessage> {
  return new Promise((resolve) => leg.on('request', (request) => request.method === method && resolve(request)))
}

describe('a transfer', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let scene: Scene
  before(async function () {
    exchange = await startExchange(this)
  })
  beforeEach(async () => (scene = await answered(exchange)))
  afterEach(() => scene.close())
  after(() => exchange?.close())

  function refer(referTo: string, headers: Record<string, string> = {}) {
    return scene.agent.request('REFER', { headers: { 'Refer-To': referTo, ...headers } })
  }

  it('puts the colleague in the agent’s place: the same sale, until the caller hangs up', async () => {
    const { market, caller, agent, colleague, told } = scene
    const renewed = requested(caller, 'INVITE')
    const rung = ringing(colleague)
    const accepted = await refer(at(colleague), { 'Referred-By': '<sip:agent@example.com>' })
    assert.equal(accepted?.status, 202)
    const next = await rung
    assert.equal(next.from, '+12125550142', 'the colleague sees who is calling')
    assert.equal(next.invite.get('referred-by'), '<sip:agent@example.com>')
    next.ring()
    next.accept()
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    assert.deepEqual(told, ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK'])
    assert.match((await renewed).body, /m=audio/)
    assert.equal(caller.isEnded, false)

    // What the caller now asks for goes to the colleague.
    const digits = requested(next, 'INFO')
    // The hook's flash: a key would be pressed in the audio.
    const info = { contentType: 'application/dtmf-relay', body: 'Signal=16\r\nDuration=160\r\n' }
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

  it('says BYE to an agent who answers no NOTIFY when the call is over, and does not wait for him', async () => {
    const { market, caller, agent, colleague } = scene
    const renewed = requested(caller, 'INVITE')
    const answer = agent.handleRequest.bind(agent)
    agent.handleRequest = (transaction) => (transaction.request.method === 'NOTIFY' ? undefined : answer(transaction))
    const rung = ringing(colleague)
    await refer(at(colleague))
    const next = await rung
    next.accept()
    await next.acked
    await renewed // From here on the colleague is in the agent’s place.
    await caller.hangUp()
    assert.equal((await next.ended).cause, 'remote-hung-up')
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    await market.ended(CALLER_HUNG_UP)
  })

  it('outlives the agent, who need not wait for its end', async () => {
    const { market, caller, agent, colleague } = scene
    const rung = ringing(colleague)
    await refer(at(colleague))
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
    const { market, caller, agent, colleague } = scene
    const rung = ringing(colleague)
    await refer(at(colleague))
    const next = await rung
    await agent.hangUp()
    next.reject(486)
    assert.equal((await caller.ended).cause, 'remote-hung-up')
    await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
  })

  it('that still rings when the caller hangs up is cancelled, and its leg has an end, too', async () => {
    const { market, caller, colleague } = scene
    const rung = ringing(colleague)
    await refer(at(colleague))
    const next = await rung
    next.ring()
    await caller.hangUp()
    await next.ended
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.legs.length, 3)
    for (const leg of record.legs) assert.ok(leg['ended_at'], JSON.stringify(leg))
    await exchange.neverSaid(/met a bug/)
  })

  it('that fails leaves the call as it was, and the agent hears why', async () => {
    const { market, caller, agent, colleague, told } = scene
    colleague.on('call', (call) => call.reject(486))
    assert.equal((await refer(at(colleague)))?.status, 202)
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
    const { market, caller, colleague } = scene
    const rung = ringing(colleague)
    await refer(at(colleague))
    const next = await rung
    next.ring()
    await caller.hangUp()
    assert.equal((await next.ended).cause, 'cancelled')
    await market.ended(CALLER_HUNG_UP)
  })

  it('to a call the agent has there asks the other end to join it (RFC 3891)', async () => {
    const { market, caller, colleague } = scene
    const rung = ringing(colleague)
    const uri = at(colleague).slice(1, -1)
    await refer(`<${uri}?Replaces=consult%40pbx%3Bto-tag%3D7%3Bfrom-tag%3D8>`)
    const next = await rung
    assert.equal(next.invite.get('replaces'), 'consult@pbx;to-tag=7;from-tag=8')
    assert.equal(next.invite.get('require'), 'replaces')
    next.accept()
    await next.acked
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('offers the caller again what meets an offer of its own: later (RFC 3261 §14.1)', async () => {
    const { market, caller, colleague } = scene
    const met = refuseNext(caller, 'INVITE', 491)
    colleague.on('call', (call) => call.accept())
    await refer(at(colleague))
    await met
    assert.match((await requested(caller, 'INVITE')).body, /m=audio/)
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('says nothing to whoever does not want to hear (RFC 4488)', async () => {
    const { market, caller, agent, colleague, told } = scene
    colleague.on('call', (call) => call.accept())
    const accepted = await refer(at(colleague), { 'Refer-Sub': 'false', Supported: 'norefersub' })
    assert.equal(accepted?.get('refer-sub'), 'false')
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    assert.deepEqual(told, [])
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  for (const [name, host] of [
    ['our realm', 'dce'],
    ['our address', '127.0.0.1'],
  ] as const) {
    it(`rings a colleague of the same buyer wherever registered, named at ${name}`, async () => {
      const { market, caller, agent } = scene
      const username = `colleague-${host.length}`
      const { buyer_id } = await market.answered()
      await exchange.api.create('sip-users', { account_id: buyer_id, username, password: PASSWORD })
      assert.equal((await refer(`<sip:${username}@${host}>`))?.status, 480, 'not registered yet')
      const desk = await Phone.open(exchange, username, 'tcp')
      try {
        await desk.register()
        assert.equal((await refer(`<sip:${username}@${host}>`))?.status, 202)
        await desk.answer()
        assert.equal((await agent.ended).cause, 'remote-hung-up')
        await Promise.all([caller.hangUp(), desk.hungUp()])
        await market.ended(CALLER_HUNG_UP)
      } finally {
        await desk.close()
      }
    })
  }

  it('does not ring the agents of another buyer', async () => {
    const { market, caller } = scene
    const { username } = await hireAgent(market)
    const stranger = await Phone.open(exchange, username)
    try {
      await stranger.register()
      assert.equal((await refer(`<sip:${username}@dce>`))?.status, 403)
      assert.equal(stranger.peer.count('INVITE'), 0)
    } finally {
      await stranger.close()
    }
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })

  it('leads nowhere but to the buyer’s own host, and is nobody else’s to ask for', async () => {
    const { market, caller } = scene
    const elsewhere = await scene.phone('127.0.0.9')
    let rung = 0
    elsewhere.on('call', () => rung++)
    assert.equal((await refer(at(elsewhere)))?.status, 403)
    assert.equal((await refer('<tel:+4930123456>'))?.status, 403, 'not how numbers begin here')
    assert.equal((await refer('<tel:+12125550100>'))?.status, 403, 'no outbound trunk')
    assert.equal((await refer('sip:;;'))?.status, 400)
    const asked = await caller.request('REFER', { headers: { 'Refer-To': at(elsewhere) } })
    assert.equal(asked?.status, 603, 'the caller’s side may not')
    assert.equal(rung, 0)
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })
})

describe('a transfer, where the caller’s side may ask for one, too', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let scene: Scene
  before(async function () {
    const env = { DCE_TELEPHONY_TRANSFERS: 'both', DCE_TELEPHONY_TRANSFER_HOSTS: '127.0.0.9' }
    exchange = await startExchange(this, { env })
  })
  beforeEach(async () => (scene = await answered(exchange)))
  afterEach(() => scene.close())
  after(() => exchange?.close())

  it('puts somebody else in the caller’s place: the record ends with that one', async () => {
    const { market, caller, agent } = scene
    const elsewhere = await scene.phone('127.0.0.9')
    const rung = ringing(elsewhere)
    const accepted = await caller.request('REFER', { headers: { 'Refer-To': at(elsewhere) } })
    assert.equal(accepted?.status, 202)
    const renewed = requested(agent, 'INVITE')
    const next = await rung
    next.accept()
    await next.acked
    assert.match((await renewed).body, /m=audio/)
    assert.equal((await caller.ended).cause, 'remote-hung-up')
    assert.equal((await agent.request('INFO', { contentType: 'application/dtmf', body: '1' }))?.status, 200)
    await next.hangUp()
    assert.equal((await agent.ended).cause, 'remote-hung-up')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.deepEqual(
      record.legs.map((leg) => leg['side']),
      ['caller', 'buyer', 'caller'],
    )
    assert.equal(record.price, '1.00')
  })

  it('to a number goes out by the house’s trunk', async () => {
    const { market, caller, agent } = scene
    const carrier = await scene.phone()
    const house = (await exchange.api.listAll('accounts')).find(({ type }) => type === 'operator')!
    await exchange.api.create('trunks', {
      account_id: house.id,
      name: 'Way out',
      direction: 'outbound',
      host: `${carrier.address}:${carrier.port}`,
    })
    const rung = ringing(carrier)
    assert.equal((await agent.request('REFER', { headers: { 'Refer-To': '<tel:+1-212-555-0177>' } }))?.status, 202)
    const next = await rung
    assert.equal(next.to, '+12125550177')
    next.accept()
    await next.acked
    await caller.hangUp()
    await market.ended(CALLER_HUNG_UP)
  })
})
