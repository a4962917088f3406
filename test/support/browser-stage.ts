import type { Browser } from 'playwright-core'
import {
  BrowserPhone,
  chromiumIsInstalled,
  keyOf,
  PhonePage,
  startChromium,
  type BrowserPhoneOptions,
  type PagePhone,
} from './browser-phone.ts'
import type { Market } from './call-market.ts'
import { startExchange, type Exchange } from './exchange.ts'
import { hireAgent, hireColleague, PASSWORD } from './registered-phone.ts'

interface Binding {
  readonly transport: string
  /** `address:port` it came from. */
  readonly source: string
  readonly user_agent: string
}

/** An exchange with secure WebSocket, and a Chromium whose pages may be its phones. */
export class BrowserStage {
  readonly exchange: Exchange
  readonly site: PhonePage
  /** Where the phones connect: `wss://host:port`. */
  readonly url: string
  readonly #browser: Browser
  readonly #phones: BrowserPhone[] = []

  private constructor(exchange: Exchange, site: PhonePage, url: string, browser: Browser) {
    this.exchange = exchange
    this.site = site
    this.url = url
    this.#browser = browser
  }

  /** Skips without Chromium. The pages have this SIP client; default: JsSIP. */
  static async open(context: Mocha.Context, phone?: PagePhone): Promise<BrowserStage> {
    if (!chromiumIsInstalled()) context.skip()
    const site = await PhonePage.serve(phone)
    const env = { DCE_TELEPHONY_WSS_PORT: '0', DCE_TELEPHONY_WS_ORIGINS: site.origin }
    let exchange: Exchange | undefined
    try {
      exchange = await startExchange(context, { env })
      const { host, port } = exchange.process.sip('wss')
      const browser = await startChromium(await keyOf({ host, port }))
      return new BrowserStage(exchange, site, `wss://${host}:${port}`, browser)
    } catch (error) {
      await site.close()
      await exchange?.close()
      throw error
    }
  }

  async phone(username: string, options: Partial<BrowserPhoneOptions> = {}): Promise<BrowserPhone> {
    const { origin } = this.site
    const all = { url: this.url, username, password: PASSWORD, ...options }
    const phone = await BrowserPhone.open(this.#browser, origin, all)
    this.#phones.push(phone)
    return phone
  }

  /** The connections a SIP user is registered by. */
  async bindingsOf(userId: string): Promise<Binding[]> {
    const path = `/api/v1/sip-users/${userId}`
    return (await this.exchange.api.request<{ bindings: Binding[] }>('GET', path)).bindings
  }

  /** A market with an agent in a browser, registered. */
  async agentIn(market: Market, options: Partial<BrowserPhoneOptions> = {}) {
    const { username, user } = await hireAgent(market)
    const phone = await this.phone(username, options)
    await phone.event('registered')
    return { phone, user }
  }

  /** Somebody who may call on this market's trunk from a page. */
  async callerIn(market: Market, options: Partial<BrowserPhoneOptions> = {}): Promise<BrowserPhone> {
    const phone = await this.phone(await hireColleague(market, market.seller), { register: false, ...options })
    await phone.event('connected')
    return phone
  }

  async closePhones(): Promise<void> {
    for (const phone of this.#phones.splice(0)) await phone.close()
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await this.site.close()
    await this.exchange.close()
  }
}
