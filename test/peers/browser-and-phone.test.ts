import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { BrowserPhone, chromiumIsInstalled, keyOf, PhonePage, startChromium } from '../support/browser-phone.ts'
import { Baresip } from '../support/baresip.ts'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { isInstalled } from '../support/peer-process.ts'
import { hireAgent, PASSWORD, Phone } from '../support/registered-phone.ts'
import { mediaOf, untilHeard } from '../support/talks.ts'

describe('a browser and a phone that is none', function () {
  this.timeout(60_000)
  let exchange: Exchange
  let site: PhonePage
  let browser: Browser
  const open: { close(): Promise<unknown> }[] = []
  before(async function () {
    if (!chromiumIsInstalled() || !isInstalled('baresip')) this.skip()
    requireEmbeddedSip(this, 'secure WebSocket')
    site = await PhonePage.serve()
    const env = { DCE_TELEPHONY_WSS_PORT: '0', DCE_TELEPHONY_WS_ORIGINS: site.origin }
    exchange = await startExchange(this, { env })
    browser = await startChromium(await keyOf(exchange.process.sip('wss')))
  })
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close()
  })
  after(async () => {
    await browser?.close()
    await site?.close()
    await exchange?.close()
  })

  function keep<T extends { close(): Promise<unknown> }>(thing: T): T {
    open.push(thing)
    return thing
  }
  async function page(username: string, register = true, toneHz = 0): Promise<BrowserPhone> {
    const { host, port } = exchange.process.sip('wss')
    const options = { url: `wss://${host}:${port}`, username, password: PASSWORD, register, toneHz }
    const phone = keep(await BrowserPhone.open(browser, site.origin, options))
    await phone.event(register ? 'registered' : 'connected')
    return phone
  }
  it('hear each other in Opus, where the phone speaks nothing else', async () => {
    const market = await Market.open(exchange)
    const { username, user } = await hireAgent(market)
    const { api } = exchange
    const desk = keep(
      await Baresip.start({
        server: exchange.process.sip('udp'),
        transport: 'udp',
        username,
        password: PASSWORD,
        toneHz: 1000,
        codec: 'opus',
      }),
    )
    await eventually(
      async () => {
        const { bindings } = await api.request<{ bindings: unknown[] }>('GET', `/api/v1/sip-users/${user.id}`)
        return bindings.length === 1 ? true : undefined
      },
      () => `it is not registered:\n${desk.said}`,
    )
    const [trunk] = await api.listAll<{ id: string }>(`trunks?account_id=${market.seller.id}`)
    const person = { account_id: market.seller.id, username: 'web-opus', password: PASSWORD, trunk_id: trunk!.id }
    await api.create('sip-users', person)
    const caller = await page('web-opus', false, 700)
    await caller.call(market.number)
    await caller.event('confirmed')
    assert.match(desk.said, /Set audio encoder: opus 48000Hz 2ch/)
    await Promise.all([untilHeard(desk, 700), untilHeard(caller, 1000)])
    await caller.hangUp()
    const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    for (const { packets_lost } of mediaOf(record)) assert.equal(packets_lost, 0)
  })

  it('of one agent are both rung, with plain RTP, which the phone takes and the browser does not', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const inPage = await page(username)
    const desk = keep(await Phone.open(exchange, username, 'udp'))
    await desk.register()
    const carrier = keep(await createUserAgent({ address: market.address }))
    const placed = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
    const invite = await desk.answer()
    assert.match(invite.body, /^m=audio \d+ RTP\/AVP /m)
    assert.equal((await placed.outcome).kind, 'answered')
    await inPage.event('ringing here')
    await inPage.event('failed')
    await placed.hangUp()
    await desk.hungUp()
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
  })
})
