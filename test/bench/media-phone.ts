import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { bindSocket } from '../../media/relay/relay-socket.ts'
import { Srtp } from '../../media/relay/srtp.ts'
import { BrowserParty } from '../media/relay/browser-party.ts'
import { audioPort, rtp } from '../media/relay/rtp-party.ts'

/** What one end of a benched call speaks; `browser` is µ-law over ICE and DTLS-SRTP. */
export type PhoneKind = 'pcmu' | 'pcma' | 'sdes' | 'browser'

const HOST = '127.0.0.1'
const SUITE = 'AES_CM_128_HMAC_SHA1_80'
/** Sending times kept: of 20 s at 50 packets a second. */
const REMEMBERED = 1024
/** Of a secured stream so many packets are decrypted, for proof; all of them would cost the phone as much as the engine. */
const PROVED = 10

/** One end of a benched call: it sends marked packets, and tells of each that it hears when the other end sent it. */
export class Phone {
  /** When it sent the packet of this sequence number, modulo 1024; ms. */
  readonly sentMs = new Float64Array(REMEMBERED).fill(NaN)
  heard = 0
  /** Packets that were not what they should be: another codec, or not authentic. */
  wrong = 0
  readonly #kind: PhoneKind
  readonly #socket: Socket
  readonly #browser: BrowserParty | null
  readonly #key = randomBytes(30)
  #srtp: Srtp | null = null
  #toPort = 0
  #sequence = 0
  #packet: Buffer | null = null

  private constructor(kind: PhoneKind, socket: Socket, browser: BrowserParty | null) {
    this.#kind = kind
    this.#socket = socket
    this.#browser = browser
  }

  static async open(kind: PhoneKind): Promise<Phone> {
    const browser = kind === 'browser' ? await BrowserParty.open() : null
    if (browser) return new Phone(kind, browser.party.rtp, browser)
    const socket = bindSocket(HOST, 0)
    if (typeof socket === 'string') throw new Error(`no socket for a phone: ${socket}`)
    return new Phone(kind, socket, null)
  }

  get port(): number {
    return this.#socket.address().port
  }

  describe(): string {
    if (this.#browser) return this.#browser.describe()
    const isSecured = this.#kind === 'sdes'
    const head = `v=0\r\no=- 1 1 IN IP4 ${HOST}\r\ns=-\r\nc=IN IP4 ${HOST}\r\nt=0 0\r\n`
    const crypto = isSecured ? `a=crypto:1 ${SUITE} inline:${this.#key.toString('base64')}\r\n` : ''
    return `${head}m=audio ${this.port} RTP/${isSecured ? 'SAVP' : 'AVP'} ${this.#payload}\r\n${crypto}`
  }

  get #payload(): number {
    return this.#kind === 'pcma' ? 8 : 0
  }

  /** The description of whoever it talks to. A browser's own phone then finds it, and shakes hands. */
  async meet(sdp: string): Promise<void> {
    this.#toPort = audioPort(sdp)
    if (this.#browser) {
      await this.#browser.find(sdp)
      this.#srtp = await this.#browser.shakeHands(sdp)
    } else if (this.#kind === 'sdes') {
      const receive = Buffer.from(/^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:([^|\s]+)/m.exec(sdp)![1]!, 'base64')
      this.#srtp = new Srtp({ suite: SUITE, send: this.#key, receive })
    }
  }

  /** Straight to another phone: what the measuring itself costs. */
  meetDirectly(port: number): void {
    this.#toPort = port
  }

  send(): void {
    const sequence = ++this.#sequence
    // Made once: a phone that builds each anew costs as much as the engine.
    const packet = (this.#packet ??= rtp({ sequence, ssrc: this.port, payload: this.#payload, mark: 0x33 }))
    packet.writeUInt16BE(sequence & 0xffff, 2)
    packet.writeUInt32BE((sequence * 160) >>> 0, 4)
    const sent = this.#srtp === null ? packet : this.#srtp.protect(packet)!
    this.sentMs[sequence % REMEMBERED] = performance.now()
    this.#socket.send(sent, this.#toPort, HOST)
  }

  /** `latencyMs` is called for each packet, with how long it was on its way. */
  listen(partner: Phone, latencyMs: (ms: number) => void): void {
    this.#socket.on('message', (packet) => {
      if (packet[0]! < 128) return // ICE's or DTLS's.
      const nowMs = performance.now()
      const ms = nowMs - partner.sentMs[packet.readUInt16BE(2) % REMEMBERED]!
      if (!Number.isNaN(ms)) latencyMs(ms)
      const isProved = this.#srtp === null || this.heard >= PROVED || this.#srtp.unprotect(packet) !== null
      if (!isProved || (packet[1]! & 0x7f) !== this.#payload) this.wrong++
      this.heard++
    })
  }

  close(): void {
    if (this.#browser) this.#browser.party.close()
    else this.#socket.close()
  }
}
