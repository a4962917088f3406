import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { chromiumIsInstalled } from '../support/browser-phone.ts'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { connectPhone, openPhone, startTalkingChromium, type PhonePageOptions } from '../support/phone-page.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'

const SHOTS = process.env['SCREENSHOTS']

describe('the softphone at /phone', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let browser: Browser
  const pages: Page[] = []
  const complaints: string[] = []

  before(async function () {
    if (!chromiumIsInstalled()) this.skip()
    requireEmbeddedSip(this, 'SIP over secure WebSocket')
    exchange = await startExchange(this, {
      env: { DCE_TELEPHONY_WSS_PORT: '0', DCE_SECURITY_LOGIN_PER_MINUTE: '1000' },
    })
    browser = await startTalkingChromium(exchange)
  })
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close()
  })
  after(async () => {
    await browser?.close()
    await exchange?.close()
  })

  async function open(options: PhonePageOptions = {}): Promise<Page> {
    const page = await openPhone(browser, exchange, options)
    pages.push(page)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text())
    })
    return page
  }
  const ready = (page: Page) => page.getByRole('status').getByText('Ready', { exact: true }).waitFor()
  async function shot(page: Page, name: string): Promise<void> {
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true })
  }

  async function agentIn(market: Market, options: PhonePageOptions = {}): Promise<Page> {
    const { username } = await hireAgent(market)
    const page = await open(options)
    await connectPhone(page, username)
    await ready(page)
    return page
  }
  /** Somebody who may call on this market's trunk. */
  async function callerIn(market: Market, options: PhonePageOptions = {}): Promise<Page> {
    const [trunk] = await exchange.api.listAll<{ id: string }>(`trunks?account_id=${market.seller.id}`)
    const username = `caller-${market.vertical.replaceAll('_', '-')}`
    const person = { account_id: market.seller.id, username, password: PASSWORD, trunk_id: trunk!.id }
    await exchange.api.create('sip-users', person)
    const page = await open(options)
    await connectPhone(page, username)
    await ready(page)
    return page
  }
  async function dial(page: Page, number: string): Promise<void> {
    await page.getByLabel('Number or SIP name').fill(number)
    await page.getByRole('button', { name: 'Call', exact: true }).click()
  }
  /** Waits until a meter has moved: the fake microphone beeps every second. */
  async function untilLoud(page: Page, meter: string): Promise<void> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It is a `<meter>`, and this file knows no DOM.
    const level = () => page.locator(meter).evaluate((element) => (element as unknown as { value: number }).value)
    await eventually(
      async () => (await level()) > 10 || undefined,
      () => `${meter} does not move`,
    )
  }
  /** Where the phone in this page is registered from. */
  async function bindingOf(page: Page): Promise<string | undefined> {
    const username = await page.locator('#me').textContent()
    const users = await exchange.api.listAll<{ username: string; id: string; bindings: { source: string }[] }>(
      'sip-users',
    )
    return users
      .find((user) => user.username === username)
      ?.bindings.map(({ source }) => source)
      .join()
  }
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

  it('says that the password is wrong, and lets one try again', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const page = await open()
    await shot(page, 'line')
    await connectPhone(page, username, 'a guess')
    await page.getByRole('alert').getByText('The SIP name or its password is wrong.').waitFor()
    await connectPhone(page, username)
    await ready(page)
    await shot(page, 'ready')
    await market.close()
  })

  it('calls from one page to another: rings, answers, mutes, holds, sends keys and hangs up', async () => {
    const market = await Market.open(exchange)
    const agent = await agentIn(market)
    const caller = await callerIn(market, { colorScheme: 'dark', viewport: { width: 390, height: 844 } })
    await dial(caller, market.number)
    await button(agent, 'Answer').waitFor()
    assert.match((await agent.getByRole('heading', { level: 2 }).first().textContent())!, /Number withheld/)
    await shot(agent, 'ringing')
    await button(agent, 'Answer').click()
    await button(caller, 'Mute').and(caller.locator(':enabled')).waitFor()
    await caller.getByText(/^0:0\d$/).waitFor()
    const mute = button(agent, 'Mute')
    await mute.click()
    assert.equal(await mute.getAttribute('aria-pressed'), 'true')
    await agent.getByText(/^0:0\d · muted$/).waitFor()
    await button(agent, 'Hold').click()
    await caller.getByText('they hold the call').waitFor()
    assert.equal(await button(agent, 'Hold').getAttribute('aria-pressed'), 'true')
    await shot(agent, 'held')
    await shot(caller, 'up-dark-narrow')
    await button(agent, 'Hold').click()
    await caller.getByText(/^0:\d\d$/).waitFor()
    // A second call at a time is no call: its caller hears that the line is busy.
    const second = await createUserAgent({ address: market.address })
    const more = second.call({ to: market.number, from: '+12125550143', target: exchange.process.sip() })
    const refused = await more.outcome
    assert.deepEqual([refused.kind, refused.kind === 'rejected' && refused.status], ['rejected', 486])
    await second.close()
    assert.equal(await agent.getByRole('heading', { level: 2 }).first().textContent(), 'Number withheld')
    await button(caller, '5').click()
    await caller.keyboard.press('#')
    await button(caller, 'Hang up').click()
    await button(agent, 'Call').waitFor()
    assert.equal(await agent.locator('#problem').textContent(), '')
    assert.deepEqual(
      (await market.records(2)).map(({ end_reason, sip_status }) => `${end_reason} ${sip_status}`).toSorted(),
      ['all_awards_failed 486', 'caller_hung_up 200'],
    )
    await market.settled()
  })

  it('carries the voice of either page to the other, and shows how good it is', async () => {
    const market = await Market.open(exchange)
    const agent = await agentIn(market)
    const caller = await callerIn(market, { colorScheme: 'dark' })
    await dial(caller, market.number)
    await button(agent, 'Answer').click()
    await button(caller, 'Mute').and(caller.locator(':enabled')).waitFor()
    for (const page of [caller, agent]) {
      await untilLoud(page, '#level-in')
      await page.getByText(/^(Good|Fair) \(\d\.\d\)$/).waitFor()
    }
    await shot(agent, 'voices')
    await shot(caller, 'voices-dark')
    // Held and taken back, the voices are there again.
    await button(agent, 'Hold').click()
    await caller.getByText('they hold the call').waitFor()
    await button(agent, 'Hold').click()
    await caller.getByText(/^0:\d\d$/).waitFor()
    await untilLoud(caller, '#level-in')
    await button(agent, 'Hang up').click()
    await button(caller, 'Call').waitFor()
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
    await market.close()
  })

  it('says in words why a call did not come about', async () => {
    const market = await Market.open(exchange)
    const caller = await callerIn(market)
    await dial(caller, '+18885550000')
    await caller.getByRole('alert').getByText('There is no such number.').waitFor()
    await dial(caller, market.number)
    await caller.getByRole('alert').getByText('Nobody can take the call now. Try again later.').waitFor()
    const agent = await agentIn(market)
    await dial(caller, market.number)
    await button(agent, 'Decline').click()
    await caller.getByRole('alert').getByText('The line is busy.').waitFor()
    await shot(caller, 'problem')
    await market.close()
  })

  it('says that the microphone may not be used, and that there is none', async () => {
    const market = await Market.open(exchange)
    const caller = await callerIn(market)
    for (const [name, words] of [
      ['NotAllowedError', /may not use the microphone/],
      ['NotFoundError', /No microphone was found/],
      ['NotReadableError', /in use by another program/],
    ] as const) {
      await caller.evaluate(`navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException('no', ${JSON.stringify(name)})
      }`)
      await dial(caller, market.number)
      await caller.getByRole('alert').getByText(words).waitFor()
    }
    await market.close()
  })

  it('shows on a meter that the microphone hears something', async () => {
    const market = await Market.open(exchange)
    const page = await callerIn(market)
    await button(page, 'Try the microphone').click()
    await untilLoud(page, '#level-out')
    await shot(page, 'trying')
    await market.close()
  })

  it('is ready again after its connection broke, and keeps its call meanwhile', async () => {
    const market = await Market.open(exchange)
    const agent = await agentIn(market)
    const caller = await callerIn(market)
    await dial(caller, market.number)
    await button(agent, 'Answer').click()
    await button(caller, 'Hold').and(caller.locator(':enabled')).waitFor()
    const before = await bindingOf(agent)
    await agent.context().setOffline(true)
    await agent.context().setOffline(false)
    // Chromium tells pages of the change; the phone takes a new connection at once and says where it is now.
    await eventually(
      async () => (await bindingOf(agent)) !== before || undefined,
      () => `it is still registered from ${before}`,
    )
    await ready(agent)
    // By a re-INVITE over the new connection it has restarted ICE: both are heard on.
    await untilLoud(caller, '#level-in')
    await untilLoud(agent, '#level-in')
    await button(agent, 'Hold').click()
    await caller.getByText('they hold the call').waitFor()
    await button(agent, 'Hang up').click()
    await button(caller, 'Call').waitFor()
    await market.close()
  })

  it('has broken no rule of its Content-Security-Policy and thrown no error', () => {
    assert.deepEqual(complaints, [])
  })

  describe('and the button of click-to-call', () => {
    const sites: { close(): void }[] = []
    afterEach(() => {
      for (const site of sites.splice(0)) site.close()
    })

    /** A seller's site with the button, on an origin of its own. `ask`: what it asks the exchange's API for. */
    async function siteOf(market: Market, ask: Record<string, unknown> = {}) {
      let origin = ''
      const answers: Record<string, unknown>[] = []
      const { host, port } = exchange.process.http
      const server = createServer((request, response) => {
        if (request.method === 'POST') {
          const body = { number: market.number, origin, from: '+12125550142', ...ask }
          void exchange.api
            .request<Record<string, unknown>>('POST', '/api/v1/click-to-call/tokens', body)
            .then((token) => {
              answers.push(token)
              response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[0]))
            })
          return
        }
        response.setHeader('content-type', 'text/html')
        response.end(`<!doctype html><title>A shop</title><h1>Roofs</h1>
          <script type="module" src="http://${host}:${port}/console/phone/click-to-call.js"></script>
          <dce-call token-url="/token" label="Call us"></dce-call>`)
      })
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It listens on TCP.
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      sites.push(server)
      const page = await (await browser.newContext()).newPage()
      page.setDefaultTimeout(10_000)
      pages.push(page)
      await page.goto(origin)
      return page
    }

    it('calls with a token of its own, with the number the seller says is the consumer’s; the same token again is refused', async () => {
      const market = await Market.open(exchange)
      const agent = await agentIn(market)
      const page = await siteOf(market)
      await button(page, 'Call us').click()
      await agent.getByRole('heading', { name: '+1 212 555 0142' }).waitFor()
      await button(agent, 'Answer').click()
      await untilLoud(agent, '#level-in')
      await button(page, 'Hang up').click()
      await button(agent, 'Call').waitFor()
      await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
      await button(page, 'Call us').click() // This site hands out its first token for ever.
      await page.getByText('The token has been used.').waitFor()
      await market.close()
    })

    it('is refused with a token of another origin, in words', async () => {
      const market = await Market.open(exchange)
      const page = await siteOf(market, { origin: 'https://elsewhere.example' })
      await button(page, 'Call us').click()
      await page.getByText('The token is for pages of another origin.').waitFor()
      await market.close()
    })
  })
})
