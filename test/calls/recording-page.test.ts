import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { ADMIN } from '../../sipp/exchange-process.ts'
import { AudioStage } from '../support/audio-stage.ts'
import { CHROMIUM } from '../support/browser-phone.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange } from '../support/exchange.ts'

describe('the console', function () {
  this.timeout(90_000)

  it('plays the recording of a call', async function () {
    if (!existsSync(CHROMIUM)) {
      process.stderr.write(`skipped: the console needs Chromium at ${CHROMIUM} (apt-get install chromium)\n`)
      this.skip()
    }
    const { chromium } = await import('playwright-core')
    const exchange = await startExchange(this, {
      env: { DCE_MEDIA_RECORD: 'true', DCE_MEDIA_RECORDING_KEY: `k:${randomBytes(32).toString('hex')}` },
    })
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
    const market = await Market.open(exchange)
    const stage = new AudioStage(market)
    try {
      const agent = await stage.agent(600)
      await market.standingBid(agent.ua.local)
      const caller = await stage.call(400)
      await caller.answered()
      await caller.hears(600, 1500)
      await caller.call.hangUp()
      const { id } = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      const state = async (): Promise<unknown> =>
        (await exchange.api.request<{ recordings: { state: string }[] }>('GET', `/api/v1/calls/${id}`)).recordings[0]
          ?.state
      await eventually(
        async () => ((await state()) === 'kept' ? true : undefined),
        () => 'the recording is not kept',
      )
      const page = await browser.newPage()
      page.setDefaultTimeout(30_000)
      const { host, port } = exchange.process.http
      await page.goto(`http://${host}:${port}/`)
      await page.getByLabel('Email').fill(ADMIN.email)
      await page.getByLabel('Password').fill(ADMIN.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.locator('button.open').first().click()
      await page.getByRole('button', { name: 'Play' }).click()
      const player = page.locator('audio')
      await player.waitFor()
      const seconds = await eventually(
        () => player.evaluate((audio: { duration: number }) => (audio.duration > 0 ? audio.duration : undefined)),
        () => 'the page has no sound',
      )
      assert.ok(seconds > 1.2 && seconds < 6, `${seconds} s`)
    } finally {
      await browser.close()
      await stage.close()
      await exchange.close()
    }
  })
})
