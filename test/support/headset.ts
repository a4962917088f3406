import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Pacer } from '../../sipp/agents/pacer.ts'
import { buildPacket, buildTone, nowUs, SAMPLES } from '../../sipp/agents/rtp-packet.ts'
import type { Address } from '../../sipp/agents/server-transaction.ts'
import { decodeMuLaw, isQuiet, tonesIn } from './tones.ts'
import { clockMs, type Voice } from './voice.ts'

const HEADER_BYTES = 12
const TELEPHONE_EVENT = 101
const EVENTS = '0123456789*#ABCD'
/** Near silence in G.711 µ-law, and not the code of none at all, which is a fault. */
const QUIET = Buffer.from(Array.from({ length: SAMPLES }, (_, i) => (i % 2 === 0 ? 0xfe : 0x7e)))

/** A scripted phone's ear and mouth: it speaks a tone in G.711 µ-law and keeps what it hears, digits included (RFC 4733). */
export class Headset implements Voice {
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #pacer = new Pacer()
  readonly #tone: Buffer
  #heard: { payload: Buffer; atMs: number }[] = []
  /** Digits keyed at the other end. */
  digits = ''
  #lastEvent = -1
  #sequence = 1
  #timestamp = 0
  #stop: (() => void) | null = null
  #isMute = false

  private constructor(socket: Socket, toneHz: number) {
    this.#socket = socket
    const { address, port } = socket.address()
    this.host = address
    this.port = port
    this.#tone = buildTone(toneHz)
    socket.on('message', (packet) => this.#hear(packet))
    socket.on('error', () => {}) // Whoever is no longer there hears nothing.
  }

  static async open(toneHz: number, host = '127.0.0.1'): Promise<Headset> {
    const socket = createSocket('udp4')
    socket.bind(0, host)
    await once(socket, 'listening')
    return new Headset(socket, toneHz)
  }

  /** Speaks to there from now on. */
  speak(to: Address): void {
    this.#stop?.()
    this.#stop = this.#pacer.add(() => {
      const fields = { sequence: this.#sequence, timestamp: this.#timestamp, ssrc: this.port, sentUs: nowUs() }
      const packet = buildPacket(fields, this.#sequence === 1, this.#tone)
      if (this.#isMute) QUIET.copy(packet, HEADER_BYTES)
      this.#socket.send(packet, to.port, to.host)
      this.#sequence = (this.#sequence + 1) & 0xffff
      this.#timestamp = (this.#timestamp + SAMPLES) >>> 0
    })
  }

  /** Presses a key: RFC 4733, eight packets of it and its end three times. */
  press(digit: string, to: Address): void {
    this.#timestamp = (this.#timestamp + 10 * SAMPLES) >>> 0
    for (let i = 1; i <= 11; i++) {
      const packet = Buffer.alloc(16)
      packet[0] = 0x80
      packet[1] = TELEPHONE_EVENT
      packet.writeUInt16BE(this.#sequence, 2)
      packet.writeUInt32BE(this.#timestamp, 4)
      packet.writeUInt32BE(this.port, 8)
      packet[12] = EVENTS.indexOf(digit)
      packet[13] = i > 8 ? 0x8a : 0x0a
      packet.writeUInt16BE(Math.min(i, 8) * SAMPLES, 14)
      this.#socket.send(packet, to.port, to.host)
      this.#sequence = (this.#sequence + 1) & 0xffff
    }
    this.#timestamp = (this.#timestamp + 8 * SAMPLES) >>> 0
  }

  /** The tones heard since the last `forget`, in ms each. */
  tones(): Map<number, number> {
    const heard = Buffer.concat(this.#heard.map(({ payload }) => payload))
    return tonesIn({ rate: 8000, samples: Int16Array.from(heard, decodeMuLaw) })
  }

  async tonesHeard(): Promise<Map<number, number>> {
    return this.tones()
  }

  async setMute(isMute: boolean): Promise<number> {
    this.#isMute = isMute
    return clockMs()
  }

  async quietSince(ms: number): Promise<number | null> {
    const found = this.#heard.find(({ payload, atMs }) => atMs >= ms && isQuiet(Int16Array.from(payload, decodeMuLaw)))
    return found?.atMs ?? null
  }

  forget(): void {
    this.#heard = []
  }

  async close(): Promise<void> {
    this.#stop?.()
    this.#pacer.close()
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #hear(packet: Buffer): void {
    if (packet.length < 12 || packet[0]! >> 6 !== 2) return
    const payload = packet.subarray(12 + 4 * (packet[0]! & 0x0f))
    const type = packet[1]! & 0x7f
    if (type === 0) this.#heard.push({ payload, atMs: clockMs() })
    if (type !== TELEPHONE_EVENT || payload.length < 4) return
    // One event is many packets with one timestamp.
    const timestamp = packet.readUInt32BE(4)
    if (timestamp === this.#lastEvent) return
    this.#lastEvent = timestamp
    this.digits += EVENTS[payload[0]!] ?? '?'
  }
}
