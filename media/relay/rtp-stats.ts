/** RFC 3550 §A.1: a jump forward of this many is still loss, not a new start. */
const MAX_DROPOUT = 3000
/** RFC 3550 §A.1: a step back of this many is still a late packet. */
const MAX_MISORDER = 100
const SEQUENCE_MOD = 0x1_0000
const NONE = -1

/** How far back from the newest packet a repeated one is known again: the bits of an integer. */
const WINDOW = 32

/** What arrived so far, of one side. */
export interface RtpFigures {
  readonly packetsReceived: number
  readonly packetsLost: number
  /** Whole RTP packets, headers included, as a bandwidth meter would see them. */
  readonly octetsReceived: number
  readonly jitterMs: number
  readonly packetsOutOfOrder: number
  readonly packetsDuplicate: number
}

/**
 * What one side's RTP looked like on arrival: loss by RFC 3550 §A.3, jitter by §6.4.1 and §A.8. A change of SSRC or a restart
 * of the sequence numbers (§A.1) begins a new count and keeps the old one's loss. Two departures from §A.3: duplicates among the last
 * 32 packets are counted apart, lest they hide loss, and comfort noise and DTX are no loss, since who is quiet counts on from where it
 * was. One object a leg, no allocation a packet.
 */
export class RtpStats {
  #packets = 0
  #outOfOrder = 0
  #duplicates = 0
  #octets = 0
  /** Loss of streams that ended before the present one. */
  #lostBefore = 0
  #ssrc = NONE
  #baseSequence = 0
  #maxSequence = 0
  /** Which of the packets up to the highest have come: bit 0 is that one, bit n the one n before it. */
  #seen = 0
  #cycles = 0
  #received = 0
  #badSequence = NONE
  #clockRate = 0
  #transit = 0
  #hasTransit = false
  #jitter = 0

  /**
   * Counts one valid RTP packet. `arrivalMs` is of a monotonic clock; `clockRate` (Hz) is the payload type's, 0 for a packet
   * whose timestamp says nothing of its sending time (telephone-event: RFC 4733 §2.2 holds it still through an event).
   */
  count(packet: Uint8Array, arrivalMs: number, clockRate: number): void {
    this.#packets++
    this.#octets += packet.length
    const sequence = (packet[2]! << 8) | packet[3]!
    const ssrc = ((packet[8]! << 24) | (packet[9]! << 16) | (packet[10]! << 8) | packet[11]!) >>> 0
    if (ssrc !== this.#ssrc) this.#begin(ssrc, sequence)
    else this.#follow(sequence)
    if (clockRate === 0) return
    const timestamp = (packet[4]! << 24) | (packet[5]! << 16) | (packet[6]! << 8) | packet[7]!
    this.#spread(timestamp, arrivalMs, clockRate)
  }

  /** The figures so far. */
  read(): RtpFigures {
    return {
      packetsReceived: this.#packets,
      packetsLost: this.packetsLost,
      octetsReceived: this.#octets,
      jitterMs: this.jitterMs,
      packetsOutOfOrder: this.#outOfOrder,
      packetsDuplicate: this.#duplicates,
    }
  }

  get packetsReceived(): number {
    return this.#packets
  }

  get packetsLost(): number {
    return this.#lostBefore + this.#lost()
  }

  get jitterMs(): number {
    return this.#clockRate === 0 ? 0 : (this.#jitter / this.#clockRate) * 1000
  }

  /** Whose stream it is now; -1 before any. */
  get ssrc(): number {
    return this.#ssrc
  }

  /** The highest sequence number of that stream. */
  get sequence(): number {
    return this.#maxSequence
  }

  /** Expected minus received (§A.3); duplicates of long ago can make it negative, which a CDR would not understand. */
  #lost(): number {
    if (this.#ssrc === NONE) return 0
    return Math.max(0, this.#cycles + this.#maxSequence - this.#baseSequence + 1 - this.#received)
  }

  #begin(ssrc: number, sequence: number): void {
    this.#lostBefore += this.#lost()
    this.#ssrc = ssrc
    this.#baseSequence = sequence
    this.#maxSequence = sequence
    this.#seen = 1
    this.#cycles = 0
    this.#received = 1
    this.#badSequence = NONE
    this.#hasTransit = false
  }

  /** `update_seq` of §A.1, without probation: the latch has already chosen whom to believe. */
  #follow(sequence: number): void {
    const ahead = (sequence - this.#maxSequence) & 0xffff
    if (ahead < MAX_DROPOUT) {
      if (ahead === 0) return void this.#duplicates++
      if (sequence < this.#maxSequence) this.#cycles += SEQUENCE_MOD
      this.#maxSequence = sequence
      this.#seen = ahead < WINDOW ? (this.#seen << ahead) | 1 : 1
    } else if (ahead <= SEQUENCE_MOD - MAX_MISORDER) {
      if (sequence !== this.#badSequence) {
        this.#badSequence = (sequence + 1) & 0xffff
        return // One stray number is not a restart; two in a row are.
      }
      return this.#begin(this.#ssrc, sequence)
    } else {
      const behind = SEQUENCE_MOD - ahead
      const bit = behind < WINDOW ? 1 << behind : 0
      if (this.#seen & bit) return void this.#duplicates++
      this.#seen |= bit
      this.#outOfOrder++
    }
    this.#received++
  }

  /** §A.8: a running sixteenth of how much the spacing on arrival differs from the spacing of the timestamps. */
  #spread(timestamp: number, arrivalMs: number, clockRate: number): void {
    if (clockRate !== this.#clockRate) {
      // RFC 7160 §4.2: figures of another clock cannot be carried on in units of this one.
      this.#jitter = this.#clockRate === 0 ? 0 : (this.#jitter / this.#clockRate) * clockRate
      this.#clockRate = clockRate
      this.#hasTransit = false
    }
    // Whole clock ticks, kept within 32 bits, so that a wrapping timestamp does not show as an enormous jump.
    const transit = (Math.round((arrivalMs * clockRate) / 1000) - timestamp) | 0
    if (this.#hasTransit) {
      const change = (transit - this.#transit) | 0
      this.#jitter += ((change < 0 ? -change : change) - this.#jitter) / 16
    }
    this.#transit = transit
    this.#hasTransit = true
  }
}
