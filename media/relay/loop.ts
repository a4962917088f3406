import type { RelayLeg } from './relay-leg.ts'
import type { LoopTerms } from './relay-messages.ts'
import { rtpPayloadStart } from './rtp-packet.ts'

const HEADER = 12

/**
 * Between a phone and an engine on this machine that tells streams apart by SSRCs it must know beforehand (mediasoup): descriptions do not
 * say a phone's, and it changes in mid-call as it likes. So all that the phone says goes in under one SSRC. What comes out loses the
 * header extension that the engine puts in, which older phones would play.
 */
export class Loop {
  readonly #engine: RelayLeg
  readonly #ssrc: number
  #first = 0
  #hasBegun = false
  readonly #outward = Uint8Array.from({ length: 128 }, (_, payload) => payload)

  constructor(phone: RelayLeg, engine: RelayLeg, ssrc: number) {
    this.#engine = engine
    this.#ssrc = ssrc
    phone.tap = { received: () => false, sending: (packet) => this.#toPhone(packet) }
    engine.tap = { received: () => false, sending: (packet) => this.#toEngine(packet) }
  }

  /** What the engine knows of this stream may be new. */
  agree({ first, outward }: LoopTerms): void {
    this.#first = first
    this.#hasBegun = false
    for (let payload = 0; payload < 128; payload++) this.#outward[payload] = payload
    for (const [inside, agreed] of outward) this.#outward[inside] = agreed
  }

  #toEngine(packet: Buffer): Buffer {
    packet.writeUInt32BE(this.#ssrc, 8)
    if (!this.#hasBegun) {
      this.#hasBegun = true
      if ((packet[1]! & 0x7f) !== this.#first) this.#engine.sendRtp(this.#beginning(packet))
    }
    return packet
  }

  /** A packet before the given one, without anything in it. */
  #beginning(packet: Buffer): Buffer {
    const header = Buffer.from(packet.subarray(0, HEADER))
    header[0] = 0x80
    header[1] = this.#first
    header.writeUInt16BE((packet.readUInt16BE(2) - 1) & 0xffff, 2)
    return header
  }

  #toPhone(packet: Buffer): Buffer | null {
    const body = rtpPayloadStart(packet)
    if (body >= packet.length) return null // Another loop's beginning.
    const sources = HEADER + 4 * (packet[0]! & 0x0f)
    const bare = body === sources ? packet : Buffer.concat([packet.subarray(0, sources), packet.subarray(body)])
    bare[0]! &= ~0x10
    bare[1] = (bare[1]! & 0x80) | this.#outward[bare[1]! & 0x7f]!
    return bare
  }
}
