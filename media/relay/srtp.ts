import { suiteOf, type SrtpKeys, type SrtpSuite, type SrtpSuiteName } from '../srtp-suites.ts'
import { SrtpSessionKeys } from './srtp-keys.ts'

/** Sources one direction of a leg may have had; a phone call has one, and another after each transfer. More are turned away. */
export const SRTP_SOURCES_LIMIT = 32
/** How far behind the newest a packet may come, in packets (RFC 3711 §3.3.2 wants 64 at least). */
export const REPLAY_WINDOW = 64

const SEQUENCES = 65_536
const RTCP_INDEX_BYTES = 4
const RTCP_TAG_BYTES = 10
const RTCP_INDEX_LIMIT = 0x7fffffff
const ENCRYPTED = 0x80

/** The packets seen of one source: how often its sequence number went round, and which of the last ones were there. */
class Seen {
  /** Index of the newest; -1 before the first. */
  newest = -1
  readonly #window = new Float64Array(REPLAY_WINDOW).fill(-1)

  /** The 48-bit index that this sequence number means, next to the newest (RFC 3711 §3.3.1). */
  indexOf(sequence: number): number {
    if (this.newest < 0) return sequence
    const newest = this.newest % SEQUENCES
    const round = this.newest - newest
    if (sequence - newest > SEQUENCES / 2) return round >= SEQUENCES ? round - SEQUENCES + sequence : -1
    return (newest - sequence > SEQUENCES / 2 ? round + SEQUENCES : round) + sequence
  }

  isFresh(index: number): boolean {
    return index > this.newest - REPLAY_WINDOW && this.#window[index % REPLAY_WINDOW] !== index
  }

  add(index: number): void {
    this.#window[index % REPLAY_WINDOW] = index
    if (index > this.newest) this.newest = index
  }
}

/** One direction of one leg: its keys, and what went through. */
class Direction {
  readonly suite: SrtpSuite
  readonly rtp: SrtpSessionKeys
  readonly rtcp: SrtpSessionKeys
  readonly #master: Buffer
  readonly #rtpSeen = new Map<number, Seen>()
  readonly #rtcpSeen = new Map<number, Seen>()
  #lastSsrc = -1
  #lastSeen: Seen | null = null

  constructor(suite: SrtpSuite, master: Uint8Array) {
    this.suite = suite
    this.#master = Buffer.from(master)
    this.rtp = new SrtpSessionKeys(suite, master, 'rtp')
    this.rtcp = new SrtpSessionKeys(suite, master, 'rtcp')
  }

  isFor(suite: SrtpSuiteName, master: Uint8Array): boolean {
    return suite === this.suite.name && this.#master.equals(master)
  }

  /** What is known of a source of RTP, nothing if it is new. It is kept once `keep` says so: nobody unauthentic takes a place. */
  seen(ssrc: number): Seen {
    if (ssrc !== this.#lastSsrc || this.#lastSeen === null) {
      this.#lastSeen = this.#rtpSeen.get(ssrc) ?? new Seen()
      this.#lastSsrc = ssrc
    }
    return this.#lastSeen
  }
  seenRtcp(ssrc: number): Seen {
    return this.#rtcpSeen.get(ssrc) ?? new Seen()
  }

  keep(ssrc: number, seen: Seen): boolean {
    return keep(this.#rtpSeen, ssrc, seen)
  }
  keepRtcp(ssrc: number, seen: Seen): boolean {
    return keep(this.#rtcpSeen, ssrc, seen)
  }
}

function keep(sources: Map<number, Seen>, ssrc: number, seen: Seen): boolean {
  // Those that came first stay: forgetting one would let its packets be replayed, and its key stream be used twice.
  if (seen.newest < 0 && sources.size >= SRTP_SOURCES_LIMIT) return false
  if (seen.newest < 0) sources.set(ssrc, seen)
  return true
}

/**
 * SRTP and SRTCP (RFC 3711) of one leg, a key for each direction. Each function gives null for a packet that must not pass: not
 * authentic, there before, too late, or of one source too many. Packets are valid RTP or RTCP as far as `rtp-packet.ts` looks.
 */
export class Srtp {
  readonly #in: Direction
  readonly #out: Direction

  /** A key that `former` had already goes on where it was: begun anew, it would make the same key stream again. */
  constructor({ suite, send, receive }: SrtpKeys, former: Srtp | null = null) {
    this.#in = directionOf(suite, receive, former && former.#in)
    this.#out = directionOf(suite, send, former && former.#out)
  }

  /** Decrypts in place. */
  unprotect(packet: Buffer): Buffer | null {
    const { suite, rtp } = this.#in
    const size = packet.length - suite.tagBytes
    const header = headerBytes(packet, size)
    if (header === null) return null
    const ssrc = packet.readUInt32BE(8)
    const seen = this.#in.seen(ssrc)
    const sequence = packet.readUInt16BE(2)
    const index = seen.indexOf(sequence)
    if (index < 0 || !seen.isFresh(index)) return null
    const rollover = Math.floor(index / SEQUENCES)
    if (!rtp.isSigned(packet, size, suite.tagBytes, rollover) || !this.#in.keep(ssrc, seen)) return null
    seen.add(index)
    rtp.cipher(packet, header, size, ssrc, rollover, sequence)
    return packet.subarray(0, size)
  }

  /** Into a buffer of its own: the packet may go elsewhere, too. */
  protect(packet: Uint8Array): Buffer | null {
    const { suite, rtp } = this.#out
    const size = packet.length
    const header = headerBytes(packet, size)
    if (header === null) return null
    const sent = Buffer.allocUnsafe(size + suite.tagBytes)
    sent.set(packet)
    const ssrc = sent.readUInt32BE(8)
    const seen = this.#out.seen(ssrc)
    const sequence = sent.readUInt16BE(2)
    const index = seen.indexOf(sequence)
    // The same index twice would be the same key stream twice, which gives both packets away (RFC 3711 §9.1).
    if (index < 0 || !seen.isFresh(index) || !this.#out.keep(ssrc, seen)) return null
    seen.add(index)
    const rollover = Math.floor(index / SEQUENCES)
    rtp.cipher(sent, header, size, ssrc, rollover, sequence)
    rtp.sign(sent, size, suite.tagBytes, rollover)
    return sent
  }

  /** RFC 3711 §3.4. Decrypts in place. */
  unprotectRtcp(packet: Buffer): Buffer | null {
    const signed = packet.length - RTCP_TAG_BYTES
    const size = signed - RTCP_INDEX_BYTES
    if (size < 8) return null
    const ssrc = packet.readUInt32BE(4)
    const index = packet.readUInt32BE(size) & RTCP_INDEX_LIMIT
    const { rtcp } = this.#in
    const seen = this.#in.seenRtcp(ssrc)
    if (!seen.isFresh(index) || !rtcp.isSigned(packet, signed, RTCP_TAG_BYTES, null)) return null
    if (!this.#in.keepRtcp(ssrc, seen)) return null
    seen.add(index)
    if ((packet[size]! & ENCRYPTED) !== 0) rtcp.cipher(packet, 8, size, ssrc, index >>> 16, index & 0xffff)
    return packet.subarray(0, size)
  }

  protectRtcp(packet: Uint8Array): Buffer | null {
    const { rtcp } = this.#out
    const size = packet.length
    const sent = Buffer.allocUnsafe(size + RTCP_INDEX_BYTES + RTCP_TAG_BYTES)
    sent.set(packet)
    const ssrc = sent.readUInt32BE(4)
    const seen = this.#out.seenRtcp(ssrc)
    const index = seen.newest + 1
    if (index > RTCP_INDEX_LIMIT || !this.#out.keepRtcp(ssrc, seen)) return null
    seen.add(index)
    rtcp.cipher(sent, 8, size, ssrc, index >>> 16, index & 0xffff)
    sent.writeUInt32BE(((ENCRYPTED << 24) | index) >>> 0, size)
    rtcp.sign(sent, size + RTCP_INDEX_BYTES, RTCP_TAG_BYTES, null)
    return sent
  }
}

function directionOf(suite: SrtpSuiteName, master: Uint8Array, former: Direction | null): Direction {
  return former?.isFor(suite, master) === true ? former : new Direction(suiteOf(suite), master)
}

/** Header, CSRCs and extension, which are not encrypted; null when the packet is not as long as they say. */
function headerBytes(packet: Uint8Array, size: number): number | null {
  let header = 12 + 4 * (packet[0]! & 0x0f)
  if (packet[0]! & 0x10) {
    if (size < header + 4) return null
    header += 4 + 4 * ((packet[header + 2]! << 8) | packet[header + 3]!)
  }
  return size < header ? null : header
}
