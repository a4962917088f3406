import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { findFreePort } from '../../sipp/free-port.ts'
import { foreignSipServer } from '../../sipp/exchange-process.ts'
import { startScenario } from '../../sipp/run.ts'
import { Exchange, eventually, requireSipp } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { hireAgent, PASSWORD, Phone } from '../support/registered-phone.ts'

const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'

describe('a registered agent', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let dataDirectory: string
  let env: Record<string, string>
  const phones: Phone[] = []
  before(async function () {
    requireSipp(this)
    this.timeout(90_000)
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-registered-'))
    env = { DCE_TELEPHONY_SIP_PORT: String(await findFreePort('127.0.0.1')) }
    exchange = await Exchange.start({ dataDirectory, env })
  })
  afterEach(async () => {
    for (const phone of phones.splice(0)) await phone.close()
  })
  after(async () => {
    await exchange?.close()
    if (dataDirectory === undefined) return
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  async function open(username: string, transport: 'udp' | 'tcp' = 'udp'): Promise<Phone> {
    const phone = await Phone.open(exchange, username, transport)
    phones.push(phone)
    return phone
  }

  for (const transport of ['udp', 'tcp'] as const) {
    it(`is rung by a won call over ${transport.toUpperCase()}, and hung up on`, async () => {
      const market = await Market.open(exchange)
      const { username, user } = await hireAgent(market)
      const phone = await open(username, transport)
      const registered = await phone.register()
      assert.match(registered.get('contact') ?? '', /;expires=600$/)
      const { bindings } = await exchange.api.request<{ bindings: { transport: string; source: string }[] }>(
        'GET',
        `/api/v1/sip-users/${user.id}`,
      )
      assert.equal(bindings.length, 1)
      assert.equal(bindings[0]!.transport, transport)
      const caller = await market.startCall(CALLER)
      await phone.answer()
      await phone.hungUp()
      await market.went(caller)
      const [record] = await market.records(1)
      assert.equal(record!.outcome, 'answered')
      await market.close()
    })
  }

  it('may refer the caller to a colleague who is registered, too, and to nobody of another house', async () => {
    const market = await Market.open(exchange)
    const { username, buyer } = await hireAgent(market)
    const stranger = await hireAgent(market)
    const { api } = exchange
    const colleague = { account_id: buyer.id, username: `${username}-2`, password: PASSWORD }
    await api.create('sip-users', colleague)
    const [phone, desk, other] = [await open(username), await open(colleague.username), await open(stranger.username)]
    for (const one of [phone, desk]) await one.register()
    const carrier = await createUserAgent({ address: market.address })
    const caller = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
    const invite = await phone.answer()
    const refer = (to: string, cseq: number): void =>
      void phone.peer.requestAsCallee('REFER', invite, {
        cseq,
        headers: [`Refer-To: <sip:${to}@dce>`, 'Refer-Sub: false'],
      })
    await other.register()
    refer(stranger.username, 1)
    await phone.peer.receive(403)
    refer(colleague.username, 2)
    await phone.peer.receive(202)
    await desk.answer()
    await phone.hungUp()
    const hungUp = desk.hungUp()
    await caller.hangUp()
    await hungUp
    await carrier.close()
    const [record] = await market.records(1)
    assert.deepEqual(
      record!.legs.map((leg) => [leg['side'], leg['sip_status']]),
      [
        ['caller', 200],
        ['buyer', 200],
        ['buyer', 200],
      ],
    )
    assert.equal(other.peer.count('INVITE'), 0)
    await market.close()
  })

  it('is rung over the connection it came by, wherever its Contact says it is', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const phone = await open(username, 'tcp')
    const contact = `<sip:${username}@device.invalid;transport=tcp>`
    await phone.register({ contact })
    const caller = await market.startCall(CALLER)
    const invite = await phone.answer()
    assert.equal(invite.requestUri, `sip:${username}@device.invalid;transport=tcp`)
    await phone.hungUp()
    await market.went(caller)
    await market.close()
  })

  it('may answer with the GRUU it was given: the rest of the call goes where the INVITE went', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const phone = await open(username, 'tcp')
    const instance = '+sip.instance="<urn:uuid:0f2c>"'
    const registered = await phone.register({ contact: `${phone.contact};${instance}`, supported: 'gruu' })
    const gruu = /pub-gruu="([^"]+)"/.exec(registered.get('contact') ?? '')?.[1]
    assert.equal(gruu, `sip:${username}@dce;gr=urn:uuid:0f2c`)
    const caller = await market.startCall(CALLER)
    await phone.answer(`<${gruu}>`)
    await phone.hungUp()
    await market.went(caller)
    await market.close()
  })

  it('is rung through the proxies on its Path, which find themselves in Route', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const proxy = await open(username)
    const path = `<sip:token@127.0.0.1:${proxy.peer.port};lr>, <sip:second@127.0.0.1:1;lr>`
    await proxy.register({ contact: `<sip:${username}@10.255.255.1>`, path })
    const caller = await market.startCall(CALLER)
    const invite = await proxy.answer()
    assert.equal(invite.requestUri, `sip:${username}@10.255.255.1`)
    // drachtio-server lets no application write a Route: there they must know the way themselves.
    assert.deepEqual(invite.getAll('route'), foreignSipServer()['DCE_DRACHTIO_HOST'] ? [] : path.split(', '))
    await proxy.hungUp()
    await market.went(caller)
    await market.close()
  })

  it('who has left is no bidder, and the record says why', async () => {
    const market = await Market.open(exchange)
    const { username, buyer } = await hireAgent(market)
    const phone = await open(username)
    const stateOfTarget = async (): Promise<string> => {
      const [target] = await exchange.api.listAll<{ status: { state: string } }>(`targets?account_id=${buyer.id}`)
      return target!.status.state
    }
    await phone.register()
    assert.equal(await stateOfTarget(), 'up')
    await phone.register({ expires: 0 })
    assert.equal(await stateOfTarget(), 'down')
    await market.call('uac-no-sale-expect-480.xml')
    const [record] = await market.records(1)
    const auction = await exchange.api.request<{ non_bids: { code: string }[] }>(
      'GET',
      `/api/v1/calls/${record!.id}/auction`,
    )
    assert.equal(auction.non_bids[0]!.code, 'target_not_registered')
    await market.close()
  })

  it('has all its phones ring; the first to answer gets the call and the others stop', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const [desk, mobile] = [await open(username), await open(username, 'tcp')]
    await desk.register()
    await mobile.register()
    const caller = await market.startCall(CALLER)
    const ringing = await desk.peer.receive('INVITE')
    desk.peer.reply(ringing, 180, 'Ringing')
    await mobile.answer()
    desk.peer.reply(await desk.peer.receive('CANCEL'), 200, 'OK', { contact: null })
    desk.peer.reply(ringing, 487, 'Request Terminated', { contact: null })
    await mobile.hungUp()
    await market.went(caller)
    await market.close()
  })

  it('prefers the phone of the higher q, and is rung at the next when that is busy', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const [desk, mobile] = [await open(username), await open(username)]
    await mobile.register({ contact: `${mobile.contact};q=0.3` })
    await desk.register({ contact: `${desk.contact};q=0.9` })
    const caller = await market.startCall(CALLER)
    const invite = await desk.peer.receive('INVITE')
    assert.equal(mobile.peer.count('INVITE'), 0)
    desk.peer.reply(invite, 486, 'Busy Here', { contact: null })
    await mobile.answer()
    await mobile.hungUp()
    await market.went(caller)
    await market.close()
  })

  it('is still registered after a restart, and rung', async () => {
    const before = await Market.open(exchange)
    const { username, user } = await hireAgent(before)
    const phone = await open(username)
    await phone.register()
    await exchange.close()
    exchange = await Exchange.start({ dataDirectory, env })
    const read = () => exchange.api.request<{ bindings: { source: string }[] }>('GET', `/api/v1/sip-users/${user.id}`)
    const { bindings } = await read()
    assert.deepEqual(
      bindings.map(({ source }) => source),
      [`127.0.0.1:${phone.peer.port}`],
    )
    assert.ok((await exchange.metric('dce_sip_registrations')) >= 1)
    const caller = await startScenario(before.callOptions(CALLER, { remote: exchange.process.sip() }))
    await phone.answer()
    await phone.hungUp()
    assert.equal((await caller.finished).exitCode, 0)
    await before.close()
  })

  it('is offered both algorithms, and told what is too brief', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const phone = await open(username)
    const brief = await phone.register({ expires: 5, expect: 423 })
    assert.equal(brief.get('min-expires'), '60')
    const [challenge] = phone.peer.received.filter((message) => message.status === 401)
    assert.deepEqual(
      challenge!.getAll('www-authenticate').map((value) => /algorithm=([\w-]+)/.exec(value)?.[1]),
      ['SHA-256', 'MD5'],
    )
    await eventually(
      async () => ((await exchange.metric('dce_sip_registers_total')) > 0 ? true : undefined),
      () => 'no REGISTER was counted',
    )
    await market.close()
  })
})
