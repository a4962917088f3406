import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'

import { Pacer } from './pacer.ts'
import type { RtpEngine, RtpStats, RtpStream, RtpStreamOptions } from './rtp-engine.ts'
import { buildPacket, buildTone, nowUs, SAMPLES } from './rtp-packet.ts'
import { RtpReceiver } from './rtp-receiver.ts'
import type { Address } from './server-transaction.ts'

/** RTP wants an even port (RFC 3550 §11); a free one is odd half of the time. */
const BIND_ATTEMPTS = 50

const DEFAULT_TONE_HZ = 400

class LocalStream implements RtpStream {
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #pacer: Pacer
  readonly #tone: Buffer
  readonly #receiver = new RtpReceiver()
  readonly #ssrc = randomInt(2 ** 32)
  readonly #onClosed: () => void
  #sequence = randomInt(2 ** 15)
  #timestamp = randomInt(2 ** 31)
  #sent = 0
  #to: Address | null = null
  #stopPacing: (() => void) | null = null
  #closed: Promise<RtpStats> | null = null

  constructor(socket: Socket, pacer: Pacer, toneHz: number, onClosed: () => void) {
    const { address, port } = socket.address()
    this.host = address
    this.port = port
    this.#socket = socket
    this.#pacer = pacer
    this.#tone = buildTone(toneHz)
    this.#onClosed = onClosed
    socket.on('message', (packet) => this.#receiver.receive(packet, nowUs()))
    // A peer that is gone is a call that ends, which signalling tells.
    socket.on('error', () => undefined)
  }

  send(to: Address): void {
    if (this.#closed !== null) return
    this.#to = to
    this.#stopPacing ??= this.#pacer.add(() => this.#sendPacket())
  }

  pause(): void {
    this.#stopPacing?.()
    this.#stopPacing = null
  }

  async stats(): Promise<RtpStats> {
    const { received, lost, duplicates, reordered, jitterMs, latencyCounts } = this.#receiver
    return { sent: this.#sent, received, lost, duplicates, reordered, jitterMs, latencyCounts }
  }

  close(): Promise<RtpStats> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<RtpStats> {
    this.pause()
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
    this.#onClosed()
    return this.stats()
  }

  #sendPacket(): void {
    const fields = { sequence: this.#sequence, timestamp: this.#timestamp, ssrc: this.#ssrc, sentUs: nowUs() }
    this.#socket.send(buildPacket(fields, this.#sent === 0, this.#tone), this.#to!.port, this.#to!.host)
    this.#sent++
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp = (this.#timestamp + SAMPLES) >>> 0
  }
}

class RtpAgent implements RtpEngine {
  readonly #address: string
  readonly #pacer = new Pacer()
  readonly #streams = new Set<LocalStream>()

  constructor(address: string) {
    this.#address = address
  }

  async openStream(options: RtpStreamOptions = {}): Promise<RtpStream> {
    const socket = await bindEven(options.address ?? this.#address)
    const stream = new LocalStream(socket, this.#pacer, options.toneHz ?? DEFAULT_TONE_HZ, () =>
      this.#streams.delete(stream),
    )
    this.#streams.add(stream)
    return stream
  }

  async close(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.close()))
    this.#pacer.close()
  }
}

async function bindEven(address: string): Promise<Socket> {
  for (let attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
    const isV6 = address.includes(':')
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
    })
    const listening = once(socket, 'listening') // Before bind: with such a lookup it is told at once.
    socket.bind(0, address)
    await listening
    if (socket.address().port % 2 === 0) return socket
    socket.close()
  }
  throw new Error(`no even port is free on ${address}`)
}

/** Streams in this thread: for tests and a demo's few calls. */
export function createRtpAgent(options: { address?: string } = {}): RtpEngine {
  return new RtpAgent(options.address ?? '127.0.0.1')
}
