import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Pacer } from '../../sipp/agents/pacer.ts'
import { buildPacket, buildTone, nowUs, SAMPLES } from '../../sipp/agents/rtp-packet.ts'
import type { Address } from '../../sipp/agents/server-transaction.ts'

export interface BadLineOptions {
  readonly address: string
  /** 0 to 1, of packets that never arrive; at random. */
  readonly lossShare: number
  /** The others come up to so much later, each for itself: they overtake one another. */
  readonly jitterMs: number
}

/** A phone that speaks over a bad network, as `tc netem` would make it, where there is none. */
export class BadLine {
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #pacer = new Pacer()
  readonly #options: BadLineOptions
  readonly #random = randomNumbers(20_261_121)
  /** Never sent, between one that was and another that was. */
  lost = 0
  #lostLast = 0
  #sequence = 1

  private constructor(socket: Socket, options: BadLineOptions) {
    this.#socket = socket
    this.#options = options
    const { address, port } = socket.address()
    this.host = address
    this.port = port
    socket.on('error', () => {}) // Whoever is no longer there hears nothing.
  }

  static async open(options: BadLineOptions): Promise<BadLine> {
    const socket = createSocket('udp4')
    socket.bind(0, options.address)
    await once(socket, 'listening')
    return new BadLine(socket, options)
  }

  /** Speaks to there from now on. */
  speak(to: Address): void {
    const tone = buildTone(400)
    const { lossShare, jitterMs } = this.#options
    this.#pacer.add(() => {
      const sequence = this.#sequence++
      if (sequence > 1 && this.#random() < lossShare) return void this.#lostLast++
      this.lost += this.#lostLast
      this.#lostLast = 0
      const fields = { sequence, timestamp: sequence * SAMPLES, ssrc: this.port, sentUs: nowUs() }
      const packet = buildPacket(fields, sequence === 1, tone)
      setTimeout(() => this.#socket.send(packet, to.port, to.host), this.#random() * jitterMs)
    })
  }

  /** Stops speaking, and resolves once all that was sent has left. */
  async stop(): Promise<void> {
    this.#pacer.close()
    await new Promise((resolve) => void setTimeout(resolve, this.#options.jitterMs + 20))
  }

  async close(): Promise<void> {
    this.#pacer.close()
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }
}

/** The same numbers in every run (Park and Miller, 1988), 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
