import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import type { DomainEvent, EventType } from '../../model/events.ts'
import type { TracedMessage } from '../../api/needs.ts'
import { newId, type AccountId, type CallId } from '../../model/ids.ts'
import { startApi, type ApiHarness } from '../support/api-harness.ts'
import { sampleAuction, sampleCall } from '../support/sample-calls.ts'

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

describe('the console at /', function () {
  this.timeout(120_000)
  let api: ApiHarness
  let browser: Browser
  let page: Page
  const problems: string[] = []
  const calls = new Map<string, string>()
  const sip: TracedMessage[] = []

  function announce(
    type: EventType,
    callId: CallId | null,
    payload: Record<string, unknown>,
    sellerId?: AccountId,
  ): void {
    const audience: DomainEvent['audience'] = sellerId ? { sellerId, sellerPayload: payload } : {}
    api.bus.publish({ id: newId(), type, time: new Date().toISOString(), version: 1, callId, payload, audience })
  }

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      process.stderr.write(`skipped: the console needs Chromium at ${CHROMIUM} (apt-get install chromium)\n`)
      this.skip()
    }
    api = await startApi({
      sipTraces: { unavailable: null, find: async () => ({ messages: sip, leftOut: 0 }), mask: async () => {} },
    })
    const { chromium } = await import('playwright-core')
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
    page.on('console', (message) => {
      // The page asks whether this is a demo; the 404 is the answer.
      if (message.type() === 'error' && !message.location().url.endsWith('/demo/session')) problems.push(message.text())
    })
    page.on('pageerror', (error) => problems.push(error.message))
  })
  after(async () => {
    await browser?.close()
    await api?.api.close()
  })

  it('asks who is there, and says so when the password is wrong', async () => {
    await page.goto(api.url)
    await page.getByLabel('Email').fill('nobody@example.com')
    await page.getByLabel('Password').fill('wrong horse')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('The email or the password is wrong.').waitFor()
    problems.length = 0 // The 401 of that login is no fault of the page.
  })

  it('shows an empty board, connected, to one who signs in', async () => {
    await api.person('operator', 'admin')
    await page.getByLabel('Email').fill('admin1@example.com')
    await page.getByLabel('Password').fill('correct horse')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('#connection[data-state=live]').waitFor()
    assert.ok(await page.getByText('No calls yet.').isVisible())
  })

  it('shows calls, decisions and balances as they happen', async () => {
    const { account: seller } = await api.person('seller', 'Lone Star Leads')
    const { account: acme } = await api.person('buyer', 'Acme Roofing')
    const { account: zenith } = await api.person('buyer', 'Zenith Legal')
    await page.reload() // Names are read when the page starts.
    await page.locator('#connection[data-state=live]').waitFor()
    const common = { from: '+12145550123', to: '+18005550100', vertical: 'home_services', seller_id: seller.id }

    const won = newId<CallId>()
    announce('call.received', won, { ...common, id: won, state: 'received' }, seller.id)
    announce('routing.decision', won, {
      ...common,
      currency: 'USD',
      winner: { bid_id: newId(), buyer_id: acme.id, amount: '3.00' },
      clearing_price: '2.51',
      ranking: [],
      non_bids: [
        { bid_id: newId(), code: 'outbid', reason: 'another bid ranked higher' },
        { bid_id: newId(), code: 'outside_time_window', reason: 'the call came outside the bid’s time window' },
      ],
    })
    announce('call.answered', won, { ...common, state: 'answered', buyer_id: acme.id }, seller.id)
    announce('bid.won', won, { ...common, price: '2.51', buyer_id: acme.id })
    const refused = newId<CallId>()
    announce('call.received', refused, { ...common, from: '+17135550199', state: 'received' }, seller.id)
    announce('compliance.violated', refused, {
      allowed: false,
      checks: [
        {
          check: 'dnc',
          effect: 'block',
          rule: 'internal_dnc',
          source: '47 CFR 64.1200(d)',
          detail: 'asked on 2026-03-01',
        },
      ],
    })
    const over = { ...common, from: '+17135550199', state: 'ended', outcome: 'refused', end_reason: 'compliance' }
    announce('call.ended', refused, { ...over, sip_status: 603, duration_ms: 0 }, seller.id)
    for (const [outcome, code] of [
      ['no_sale', 'below_reserve'],
      ['busy', 'ring_failed'],
      ['cancelled', 'outbid'],
    ] as const) {
      const id = newId<CallId>()
      announce('call.received', id, { ...common, from: '+12815550142', state: 'received' }, seller.id)
      announce('routing.decision', id, {
        ...common,
        currency: 'USD',
        winner: null,
        clearing_price: null,
        non_bids: [{ bid_id: newId(), code, reason: code }],
      })
      announce(
        'call.ended',
        id,
        {
          ...common,
          from: '+12815550142',
          state: 'ended',
          outcome,
          end_reason: outcome === 'no_sale' ? 'no_sale' : 'all_awards_failed',
          duration_ms: 0,
        },
        seller.id,
      )
    }
    const record = sampleCall(seller.id, { buyerId: acme.id, bidId: newId(), auctionId: newId() })
    api.stores.callRecords.set(record.id, record)
    const auction = sampleAuction(record, [acme.id, zenith.id], [zenith.id])
    api.stores.auctionRecords.set(auction.id, auction)
    calls.set('record', record.id)
    announce(
      'call.ended',
      record.id,
      {
        ...common,
        state: 'ended',
        outcome: 'answered',
        buyer_id: acme.id,
        price: '2.50',
        duration_ms: 65_000,
        end_reason: 'caller_hung_up',
      },
      seller.id,
    )
    announce('ledger.posted', record.id, { kind: 'call' })

    await page.getByRole('row', { name: /214 ••• 0123.*In progress/ }).waitFor()
    await page.getByText('internal dnc: asked on 2026-03-01').first().waitFor()
    await page.getByText('Acme Roofing bid $3.00, pays $2.51').waitFor()
    await page.getByRole('row', { name: /Zenith Legal/ }).waitFor()
    assert.equal(await page.locator('#figure-live').textContent(), '1')
    assert.equal(await page.locator('#figure-money').textContent(), '$5.01')
  })

  it('opens a call to its ranking, checks and steps', async () => {
    await page.locator('tr.call', { hasText: '1:05' }).getByRole('button').click()
    await page.locator('tr.detail').getByText('Zenith Legal bid $2.00: another bid ranked higher').waitFor()
    await page.locator('tr.detail').getByText('auction: Acme bid 3.00').waitFor()
    if (process.env['SCREENSHOTS']) await page.screenshot({ path: `${process.env['SCREENSHOTS']}/light.png` })
  })

  it('shows the SIP of a call as a ladder, and saves it', async () => {
    await page.locator('tr.detail').getByText('caller: no audio for 12 s · MOS 4.25, worst 3.88').waitFor()
    const open = page.locator('tr.detail').getByRole('button', { name: 'SIP' })
    await open.click()
    await page.getByText('newer calls or a restart took their place').waitFor()
    problems.length = 0 // The 410 is no fault of the page.
    const text = ['INVITE sip:a@b SIP/2.0', 'From: <sip:x@y>;tag=1', 'To: <sip:a@b>', 'CSeq: 1 INVITE', '', ''].join(
      '\r\n',
    )
    const [local, remote] = [
      { host: '10.0.0.1', port: 5060 },
      { host: '192.0.2.7', port: 5060 },
    ]
    const message = { callId: 'a@b', local, remote, transport: 'udp', isRetransmission: false, text }
    sip.push({ ...message, atMs: Date.now() - 9000, direction: 'in' })
    sip.push({
      ...message,
      atMs: Date.now() - 8990,
      direction: 'out',
      text: text.replace(/^.*/, 'SIP/2.0 180 Ringing'),
    })
    sip.push({
      ...message,
      atMs: Date.now() - 8000,
      direction: 'out',
      text: text.replace(/^.*/, 'SIP/2.0 486 Busy Here'),
    })
    await open.click()
    const image = page.getByAltText('The SIP messages of the call as a ladder')
    await image.waitFor()
    assert.ok((await image.boundingBox())!.width > 400)
    if (process.env['SCREENSHOTS'])
      await page.screenshot({ path: `${process.env['SCREENSHOTS']}/sip.png`, fullPage: true })
    const saving = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save as pcap' }).click()
    assert.match((await saving).suggestedFilename(), /^[0-9a-f-]{36}\.pcap$/)
  })

  it('works at the width of a phone, and in the dark', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('button', { name: 'Dark' }).click()
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    assert.equal(overflow, 0)
    if (process.env['SCREENSHOTS'])
      await page.screenshot({ path: `${process.env['SCREENSHOTS']}/phone.png`, fullPage: true })
  })

  it('never runs what a caller sends as markup', async () => {
    const id = newId<CallId>()
    const evil = '<img src=x onerror="window.pwned=1">'
    announce('call.received', id, { from: null, to: evil, vertical: evil, state: 'received' })
    await page.getByText(evil).first().waitFor()
    assert.equal(await page.evaluate('window.pwned'), undefined)
  })

  it('signs out, and forgets what it showed', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.equal(await page.locator('tr.call').count(), 0)
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  it('lets itself in during the demo', async () => {
    const demo = await startApi({ demoLogin: { email: 'admin1@example.com' } })
    try {
      await demo.person('operator', 'admin')
      const visitor = await browser.newPage()
      await visitor.goto(demo.url)
      await visitor.locator('#connection[data-state=live]').waitFor()
      await visitor.close()
    } finally {
      await demo.api.close()
    }
  })

  it('has broken no rule of its Content-Security-Policy and thrown no error', () => {
    assert.deepEqual(problems, [])
  })
})
