import type { Random } from '../../model/random.ts'

const HEADER_BYTES = 12
/** While this many have been passed on of a source, one numbered before its first was sent before we took it up. */
const REORDER_LIMIT = 1000

/** Whose packets are passed on, and what is added to their numbers. */
interface Source {
  readonly ssrc: number
  readonly first: number
  readonly bySequence: number
  readonly byTimestamp: number
  carried: number
}

/**
 * What one party hears once something has been played to it: one stream, of an SSRC of ours, whose sequence numbers and timestamps go
 * on through prompts and passed audio alike, so that its jitter buffer never starts anew. Clock rate 8000.
 */
export class OutgoingStream {
  readonly #ssrc: number
  /** Of the next packet. */
  #sequence: number
  /** Of the last packet, and when it was sent. */
  #timestamp: number
  #sentMs = 0
  /** Null: the last packet was ours. */
  #source: Source | null = null
  #begun = false

  constructor(random: Random) {
    const bytes = Buffer.from(random.bytes(10))
    this.#ssrc = bytes.readUInt32BE(0)
    this.#sequence = bytes.readUInt16BE(4)
    this.#timestamp = bytes.readUInt32BE(6)
  }

  get hasBegun(): boolean {
    return this.#begun
  }

  /** The header of a packet of ours: `atMs` is when it is due; it is marked when nothing of ours came just before. */
  compose(payload: number, body: Uint8Array, atMs: number, samples: number): Buffer {
    const isFirst = this.#source !== null || !this.#begun
    if (isFirst) this.#advance(atMs, samples)
    else this.#timestamp = (this.#timestamp + samples) >>> 0
    this.#source = null
    this.#sentMs = atMs
    return this.packet(payload, body, isFirst)
  }

  /** Time passes without a packet: the next one's timestamp tells. */
  skip(samples: number): void {
    this.#timestamp = (this.#timestamp + samples) >>> 0
  }

  /** A packet with the present timestamp: the repeated ones of a key press (RFC 4733 §2.5.1.2). */
  packet(payload: number, body: Uint8Array, marker: boolean): Buffer {
    const packet = Buffer.allocUnsafe(HEADER_BYTES + body.length)
    packet[0] = 0x80
    packet[1] = payload | (marker ? 0x80 : 0)
    packet.writeUInt16BE(this.#sequence, 2)
    packet.writeUInt32BE(this.#timestamp, 4)
    packet.writeUInt32BE(this.#ssrc, 8)
    packet.set(body, HEADER_BYTES)
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#begun = true
    return packet
  }

  /** Passes a packet of the other party on as part of this stream, changed where it lies; null: it is older than that. */
  carry(packet: Buffer, nowMs: number): Buffer | null {
    const ssrc = packet.readUInt32BE(8)
    const sequence = packet.readUInt16BE(2)
    const timestamp = packet.readUInt32BE(4)
    if (this.#source?.ssrc !== ssrc) {
      this.#advance(nowMs, 160)
      this.#source = {
        ssrc,
        first: sequence,
        bySequence: this.#sequence - sequence,
        byTimestamp: this.#timestamp - timestamp,
        carried: 0,
      }
      packet[1] = packet[1]! | 0x80
    }
    const source = this.#source
    if (source.carried < REORDER_LIMIT && ((sequence - source.first) & 0xffff) > 0xffff - REORDER_LIMIT) return null
    source.carried++
    const out = (sequence + source.bySequence) & 0xffff
    const at = (timestamp + source.byTimestamp) >>> 0
    packet.writeUInt16BE(out, 2)
    packet.writeUInt32BE(at, 4)
    packet.writeUInt32BE(this.#ssrc, 8)
    const ahead = (out - this.#sequence) & 0xffff
    if (ahead < 0x8000) {
      this.#sequence = (out + 1) & 0xffff
      this.#timestamp = at
      this.#sentMs = nowMs
    }
    this.#begun = true
    return packet
  }

  /** As far as the clock has gone since the last packet, and at least one packet's worth. */
  #advance(nowMs: number, atLeast: number): void {
    const passed = this.#begun ? Math.round((nowMs - this.#sentMs) * 8) : 0
    this.#timestamp = (this.#timestamp + Math.max(atLeast, passed)) >>> 0
  }
}
