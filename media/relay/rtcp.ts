/** Parts of one compound packet that are looked at; phones send two or three. */
export const RTCP_PARTS_LIMIT = 8
/** A longer way there and back is a report about something else. */
export const ROUND_TRIP_LIMIT_MS = 10_000

const SENDER_REPORT = 200
const RECEIVER_REPORT = 201
const HEADER_BYTES = 8
const SENDER_INFO_BYTES = 20
const REPORT_BLOCK_BYTES = 24
/** LSR and DLSR count 65,536ths of a second. */
const UNITS_PER_MS = 65.536
/** Sender reports whose answers may still come: one may be on its way while the next is sent. */
const REMEMBERED = 4

/**
 * What passing reports tell of one party. The relay passes them on untouched, since SSRCs, sequence numbers and timestamps pass so
 * too: then the phones' own figures, from end to end, stay true. It reads along: a party's report names the last sender report it has
 * had (LSR) and how long ago (DLSR), and the relay knows when it sent that on: the difference is the way to this party and back
 * (RFC 3550 §6.4.1).
 */
export class ReportReader {
  /** The last way there and back, ms; null before a report has told. */
  roundTripMs: number | null = null
  /** Packets that this party says it has lost of what it was sent, over the whole way from the other; null before it has said. */
  reportedLost: number | null = null
  readonly #stamps = new Int32Array(REMEMBERED)
  readonly #sentMs = new Float64Array(REMEMBERED).fill(-Infinity)
  #next = 0
  #roundTripSumMs = 0
  #roundTrips = 0

  /** The mean of all the ways there and back, ms. */
  get meanRoundTripMs(): number | null {
    return this.#roundTrips === 0 ? null : this.#roundTripSumMs / this.#roundTrips
  }

  /** A valid RTCP packet is being sent on to this party. */
  sent(packet: Uint8Array, nowMs: number): void {
    eachPart(packet, (at, type) => {
      if (type !== SENDER_REPORT) return
      this.#stamps[this.#next] = int32(packet, at + 10) // The middle 32 bits of the NTP timestamp: what LSR repeats.
      this.#sentMs[this.#next] = nowMs
      this.#next = (this.#next + 1) % REMEMBERED
    })
  }

  /** A valid RTCP packet has come from this party. */
  heard(packet: Uint8Array, nowMs: number): void {
    eachPart(packet, (at, type, end) => {
      if (type !== SENDER_REPORT && type !== RECEIVER_REPORT) return
      let block = at + HEADER_BYTES + (type === SENDER_REPORT ? SENDER_INFO_BYTES : 0)
      for (let left = packet[at]! & 0x1f; left > 0 && block + REPORT_BLOCK_BYTES <= end; left--) {
        this.#readBlock(packet, block, nowMs)
        block += REPORT_BLOCK_BYTES
      }
    })
  }

  #readBlock(packet: Uint8Array, block: number, nowMs: number): void {
    this.reportedLost = Math.max(0, (int32(packet, block + 4) << 8) >> 8) // 24 bits, negative where duplicates came.
    const lsr = int32(packet, block + 16)
    if (lsr === 0) return // It has had no sender report (§6.4.1).
    const slot = this.#stamps.indexOf(lsr)
    if (slot === -1) return
    const roundTripMs = nowMs - this.#sentMs[slot]! - (int32(packet, block + 20) >>> 0) / UNITS_PER_MS
    // A clock of 1/65,536 s and its rounding may come out just below nothing; far below or far above is nonsense.
    if (!(roundTripMs > -5 && roundTripMs <= ROUND_TRIP_LIMIT_MS)) return
    this.roundTripMs = Math.max(0, roundTripMs)
    this.#roundTripSumMs += this.roundTripMs
    this.#roundTrips++
  }
}

/** Calls for each whole part of a compound packet (§6.1): where it starts, its type, where it ends. */
function eachPart(packet: Uint8Array, look: (at: number, type: number, end: number) => void): void {
  let at = 0
  for (let parts = 0; parts < RTCP_PARTS_LIMIT && at + HEADER_BYTES <= packet.length; parts++) {
    const end = at + 4 + 4 * ((packet[at + 2]! << 8) | packet[at + 3]!)
    const type = packet[at + 1]!
    const isWhole = packet[at]! >> 6 === 2 && end <= packet.length && end >= at + HEADER_BYTES
    if (!isWhole || (type === SENDER_REPORT && end < at + HEADER_BYTES + SENDER_INFO_BYTES)) return
    look(at, type, end)
    at = end
  }
}

function int32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
