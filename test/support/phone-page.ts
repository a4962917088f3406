import type { Browser, Page } from 'playwright-core'
import { ADMIN } from '../../sipp/exchange-process.ts'
import { CHROMIUM, keyOf, trusting } from './browser-phone.ts'
import type { Exchange } from './exchange.ts'
import { PASSWORD } from './registered-phone.ts'

/** A Chromium whose microphone beeps every second, that asks nobody whether it may, and that trusts the exchange's own certificate. */
export async function startTalkingChromium(exchange: Exchange): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  const microphone = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream']
  const trust = trusting(await keyOf(exchange.process.sip('wss')))
  // A page on loopback may have media on loopback.
  const args = ['--no-sandbox', '--disable-gpu', '--allow-loopback-in-peer-connection', ...microphone, ...trust]
  return chromium.launch({ executablePath: CHROMIUM, args })
}

export interface PhonePageOptions {
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
}

/** The exchange's own softphone in a window of its own, signed in as the administrator. */
export async function openPhone(browser: Browser, exchange: Exchange, options: PhonePageOptions = {}): Promise<Page> {
  const { colorScheme = 'light', viewport = { width: 900, height: 760 } } = options
  const context = await browser.newContext({ colorScheme, viewport })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const { host, port } = exchange.process.http
  await page.goto(`http://${host}:${port}/phone`)
  await page.getByLabel('Email').fill(ADMIN.email)
  await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('SIP name', { exact: true }).waitFor()
  return page
}

/** Connects the phone as this SIP user. */
export async function connectPhone(page: Page, username: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('SIP name', { exact: true }).fill(username)
  await page.getByLabel('SIP password').fill(password)
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
}
