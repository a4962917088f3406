import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import {
  BrowserPhone,
  chromiumIsInstalled,
  keyOf,
  PhonePage,
  startChromium,
  type BrowserPhoneOptions,
} from '../support/browser-phone.ts'
import { Baresip } from '../support/baresip.ts'
import { Market } from '../support/call-market.ts'
import { Coturn } from '../support/coturn.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { isInstalled } from '../support/peer-process.ts'
import { hireAgent, PASSWORD, Phone } from '../support/registered-phone.ts'
import { mediaOf, untilHeard } from '../support/talks.ts'

const BROWSER_HZ = 700
const PHONE_HZ = 1000
const TURN_SECRET = 'north'

describe('a browser and a phone that is none', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let site: PhonePage
  let browser: Browser
  let coturn: Coturn | null
  const open: { close(): Promise<unknown> }[] = []
  before(async function () {
    if (!chromiumIsInstalled() || !isInstalled('baresip')) this.skip()
    requireEmbeddedSip(this, 'secure WebSocket')
    site = await PhonePage.serve()
    coturn = Coturn.isInstalled() ? await Coturn.start(TURN_SECRET) : null
    const turn = coturn && {
      DCE_WEBRTC_TURN_URLS: `turn:127.0.0.1:${coturn.port}?transport=udp`,
      DCE_WEBRTC_TURN_SECRET: TURN_SECRET,
    }
    const env = { DCE_TELEPHONY_WSS_PORT: '0', DCE_TELEPHONY_WS_ORIGINS: site.origin, ...turn }
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
    await coturn?.close()
  })

  function keep<T extends { close(): Promise<unknown> }>(thing: T): T {
    open.push(thing)
    return thing
  }
  async function page(username: string, options: Partial<BrowserPhoneOptions> = {}): Promise<BrowserPhone> {
    const { host, port } = exchange.process.sip('wss')
    const all = { url: `wss://${host}:${port}`, username, password: PASSWORD, ...options }
    const phone = keep(await BrowserPhone.open(browser, site.origin, all))
    await phone.event(options.register === false ? 'connected' : 'registered')
    return phone
  }
  /** Somebody who may call on this market's trunk from a page. */
  async function callerIn(market: Market, options: Partial<BrowserPhoneOptions> = {}): Promise<BrowserPhone> {
    const [trunk] = await exchange.api.listAll<{ id: string }>(`trunks?account_id=${market.seller.id}`)
    const username = `web-${market.vertical.replace('_', '-')}`
    const person = { account_id: market.seller.id, username, password: PASSWORD, trunk_id: trunk!.id }
    await exchange.api.create('sip-users', person)
    return page(username, { register: false, toneHz: BROWSER_HZ, ...options })
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
        toneHz: PHONE_HZ,
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
    const caller = await callerIn(market)
    await caller.call(market.number)
    await caller.event('confirmed')
    assert.match(desk.said, /Set audio encoder: opus 48000Hz 2ch/)
    await Promise.all([untilHeard(desk, BROWSER_HZ), untilHeard(caller, PHONE_HZ)])
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

  it('hear each other where the browser is reached by TURN alone, with the credentials that the API hands out', async function () {
    if (coturn === null) return this.skip()
    const market = await Market.open(exchange)
    const { ice_servers } = await exchange.api.request<{ ice_servers: object[] }>('GET', '/api/v1/webrtc/ice-servers')
    const caller = await callerIn(market, { rtc: { iceServers: ice_servers, iceTransportPolicy: 'relay' } })
    const headset = keep(await Headset.open(PHONE_HZ))
    const desk = keep(await createUserAgent())
    await market.standingBid(desk.local)
    desk.on('call', (call) => {
      call.accept(buildSdp(headset))
      headset.speak(readAudioAddress(call.remoteSdp)!)
    })
    await caller.call(market.number)
    await caller.event('confirmed')
    await Promise.all([untilHeard(headset, BROWSER_HZ), untilHeard(caller, PHONE_HZ)])
    await caller.hangUp()
    const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    for (const { packets_lost } of mediaOf(record)) assert.equal(packets_lost, 0)
  })
})
