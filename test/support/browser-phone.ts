import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { jssipExpression } from '../../api/jssip-script.ts'
import { PAGE_SOUND } from './page-sound.ts'
import { tonesIn } from './tones.ts'
import type { Voice } from './voice.ts'

export const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** What the SIP client told the page, in order; `detail` is a status, a cause, an originator. */
export interface PhoneEvent {
  readonly name: string
  readonly detail: string
}

/** A SIP client as a page loads it: it gives the `phone` of page-sound.ts start, call, answer, hangUp and stop. */
export interface PagePhone {
  /** Its script elements. */
  readonly scripts: () => string
  /** The folder whose modules the page may import, from `/modules/`. */
  readonly modules?: URL
}

/** Where the phone's page comes from. From elsewhere Chromium lets none near loopback (Local Network Access). */
export class PhonePage {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async serve(phone: PagePhone = JSSIP): Promise<PhonePage> {
    const server = createServer((request, response) => {
      const module = request.url!.split('/modules/')[1]
      if (module === undefined || phone.modules === undefined) {
        response.setHeader('content-type', 'text/html')
        response.end(`<!doctype html><title>Phone</title><script>${PAGE_SOUND}</script>${phone.scripts()}`)
        return
      }
      response.setHeader('content-type', 'text/javascript')
      createReadStream(new URL(module, phone.modules))
        .on('error', () => response.writeHead(404).end())
        .pipe(response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new PhonePage(server)
  }

  /** As the Origin header of its WebSocket says it. */
  get origin(): string {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It listens on TCP.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

export interface BrowserPhoneOptions {
  /** `wss://host:port`. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** Default true. */
  readonly register?: boolean
  /** The tone it speaks, in Hz: a multiple of 50. Default: silence. */
  readonly toneHz?: number
  /** Its RTCConfiguration: STUN and TURN servers, and whether it is reached by those alone. */
  readonly rtc?: Readonly<Record<string, unknown>>
  /** The only codecs it has, as `audio/opus`; default: all of the browser's. */
  readonly codecs?: readonly string[]
}

/** The SHA-256 of the public key a TLS server shows, as Chromium wants it. */
export async function keyOf({ host, port }: { readonly host: string; readonly port: number }): Promise<string> {
  const socket = connect({ host, port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const key = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' })
  socket.destroy()
  return createHash('sha256').update(key).digest('base64')
}

/** A Chromium without a window that trusts one key, whatever name and issuer its certificate has, and no other. */
export async function startChromium(trustedKeySha256: string): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  const sound = ['--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection']
  const args = ['--no-sandbox', '--disable-gpu', ...sound, ...trusting(trustedKeySha256)]
  return chromium.launch({ executablePath: CHROMIUM, args })
}

/** What has Chromium trust this key, and no other that nobody vouches for. */
export function trusting(keySha256: string): string[] {
  return [`--ignore-certificate-errors-spki-list=${keySha256}`]
}

export function chromiumIsInstalled(): boolean {
  return existsSync(CHROMIUM)
}

/**
 * A SIP client, JsSIP or another, in a page of a browser: its own WebSocket, its own SIP, its own DTLS-SRTP. It speaks a tone, and hears with an analyser of
 * the Web Audio API.
 */
export class BrowserPhone implements Voice {
  readonly page: Page
  readonly #context: BrowserContext
  readonly #heard = new Map<number, number>()
  /** What the browser wrote on its console. */
  readonly complaints: string[] = []

  private constructor(page: Page, context: BrowserContext) {
    this.page = page
    this.#context = context
  }

  static async open(browser: Browser, origin: string, options: BrowserPhoneOptions): Promise<BrowserPhone> {
    const context = await browser.newContext()
    const page = await context.newPage()
    const phone = new BrowserPhone(page, context)
    page.on('console', (message) => phone.complaints.push(message.text()))
    page.on('pageerror', (error) => phone.complaints.push(error.message))
    await page.goto(origin)
    await page.evaluate(`phone.start(${JSON.stringify(options)})`)
    return phone
  }

  events(): Promise<PhoneEvent[]> {
    return this.page.evaluate('phone.events')
  }

  /** Waits for the `count`th event of this name. */
  async event(name: string, count = 1): Promise<PhoneEvent> {
    const limit = { timeout: 30_000, polling: 50 }
    const nth = `phone.events.filter(({ name }) => name === ${JSON.stringify(name)})[${count - 1}]`
    try {
      await this.page.waitForFunction(nth, undefined, limit)
    } catch {
      throw new Error(
        `no ${name} (${count}) in the page: ${JSON.stringify(await this.events())}\n${this.complaints.join('\n')}`,
      )
    }
    return this.page.evaluate(nth)
  }

  async call(user: string): Promise<void> {
    await this.page.evaluate(`phone.call(${JSON.stringify(user)})`)
  }

  /** Answers the call that rings. */
  async answer(): Promise<void> {
    await this.event('ringing here')
    await this.page.evaluate('phone.answer()')
  }

  /** What it hears in this moment: 2,048 samples of it. */
  async hears(): Promise<Map<number, number>> {
    const [rate, samples]: [number, number[]] = await this.page.evaluate('phone.hears()')
    return tonesIn({ rate, samples: Int16Array.from(samples) })
  }

  /** What it heard whenever it was asked. */
  async tonesHeard(): Promise<Map<number, number>> {
    for (const [hz, ms] of await this.hears()) this.#heard.set(hz, (this.#heard.get(hz) ?? 0) + ms)
    return this.#heard
  }

  setMute(isMute: boolean): Promise<number> {
    return this.page.evaluate(`phone.setMute(${isMute})`)
  }

  quietSince(ms: number): Promise<number | null> {
    return this.page.evaluate(`phone.quietSince(${ms})`)
  }

  /** Forgets the events so far, as of an earlier call. */
  async forget(): Promise<void> {
    await this.page.evaluate('void (phone.events.length = 0)')
  }

  /** The codecs of what it gets and sends in its call: `inbound-rtp audio/opus`. */
  codecs(): Promise<string[]> {
    return this.page.evaluate('phone.codecs()')
  }

  /** Presses a key in its call (RFC 4733). */
  async press(digit: string): Promise<void> {
    await this.page.evaluate(`phone.press(${JSON.stringify(digit)})`)
  }

  async hangUp(): Promise<void> {
    await this.page.evaluate('phone.hangUp()')
  }

  /** Hangs up, unregisters and disconnects. */
  async leave(): Promise<void> {
    await this.page.evaluate('phone.stop()')
    await this.event('disconnected')
  }

  /** Closes its page, without a word to anybody. */
  close(): Promise<void> {
    return this.#context.close()
  }
}

const JSSIP: PagePhone = {
  scripts: () => [`window.JsSIP = ${jssipExpression()}`, PHONE].map((text) => `<script>${text}</script>`).join('\n'),
}

const PHONE = `
Object.assign(window.phone, {
  start({ url, username, password, register = true, toneHz = 0, codecs = null, rtc = {} }) {
    this.toneHz = toneHz
    this.rtc = rtc
    if (codecs) this.limit(codecs)
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: 'sip:' + username + '@dce',
      authorization_user: username,
      password,
      register,
      register_expires: 120,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 2,
    })
    for (const name of ['connected', 'disconnected', 'registered', 'unregistered'])
      this.ua.on(name, () => this.tell(name))
    this.ua.on('registrationFailed', ({ cause, response }) => this.tell('registration failed', response?.status_code ?? cause))
    this.ua.on('newRTCSession', ({ originator, session }) => this.took(originator, session))
    this.ua.start()
  },
  limit(codecs) {
    for (const name of ['createOffer', 'createAnswer']) {
      const create = RTCPeerConnection.prototype[name]
      RTCPeerConnection.prototype[name] = function (...options) {
        const { codecs: all } = RTCRtpReceiver.getCapabilities('audio')
        const left = all.filter(({ mimeType }) => codecs.includes(mimeType))
        for (const transceiver of this.getTransceivers()) transceiver.setCodecPreferences(left)
        return create.apply(this, options)
      }
    }
  },
  // Of the streams that flow: what it sends and what it gets.
  async codecs() {
    const reports = [...(await this.session.connection.getStats()).values()]
    return reports
      .filter(({ type }) => type === 'outbound-rtp' || type === 'inbound-rtp')
      .map(({ type, codecId }) => type + ' ' + reports.find(({ id }) => id === codecId)?.mimeType)
      .toSorted()
  },
  press(digit) { this.session.sendDTMF(digit, { transportType: 'RFC2833' }) },
  took(originator, session) {
    this.session = session
    if (session.connection) this.listen(session.connection)
    session.on('peerconnection', ({ peerconnection }) => this.listen(peerconnection))
    if (originator === 'remote') this.tell('ringing here', session.remote_identity.uri.user)
    session.on('progress', ({ response }) => this.tell('progress', response?.status_code ?? ''))
    session.on('accepted', ({ originator }) => this.tell('accepted', originator))
    session.on('confirmed', ({ originator }) => this.tell('confirmed', originator))
    session.on('ended', ({ originator, cause }) => this.tell('ended', originator + ' ' + cause))
    session.on('failed', ({ originator, cause, message }) => this.tell('failed', message?.status_code ?? originator + ' ' + cause))
  },
  call(user) { this.ua.call('sip:' + user + '@dce', { mediaStream: this.sound(), pcConfig: this.rtc }) },
  answer() { this.session.answer({ mediaStream: this.sound(), pcConfig: this.rtc }) },
  hangUp() { this.session.terminate() },
  stop() { this.ua.stop() },
})
`
