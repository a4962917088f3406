import { LATENCY_STEP_MS, LATENCY_STEPS } from './rtp-engine.ts'
import { parsePacket } from './rtp-packet.ts'

/** How far behind the newest a packet may be and still be told from a duplicate. */
const WINDOW = 64

/** Counts what one stream hears (RFC 3550 appendix A). A new SSRC, as after early media, is counted on its own and added. */
export class RtpReceiver {
  received = 0
  duplicates = 0
  reordered = 0
  jitterMs = 0
  readonly latencyCounts = new Uint32Array(LATENCY_STEPS)
  #lostBefore = 0
  #ssrc = -1
  #first = 0
  /** Highest sequence number, counted past 65,535. */
  #highest = 0
  #uniqueHere = 0
  /** The sequence number last seen in each place of the window. */
  readonly #window = new Int32Array(WINDOW)
  #lastTransitUs = NaN

  /** Takes a datagram as it came; what is not RTP is not counted. */
  receive(packet: Buffer, atUs: number): void {
    const fields = parsePacket(packet)
    if (fields === null) return
    this.received++
    if (fields.ssrc !== this.#ssrc) this.#startSource(fields.ssrc, fields.sequence)
    this.#count(fields.sequence)
    // RFC 3550 §6.4.1 in µs: 8 samples a millisecond.
    const transitUs = atUs - fields.timestamp * 125
    if (!Number.isNaN(this.#lastTransitUs)) {
      // A timestamp that wrapped round says nothing about jitter.
      const difference = Math.abs(transitUs - this.#lastTransitUs)
      if (difference < 1e9) this.jitterMs += (difference / 1000 - this.jitterMs) / 16
    }
    this.#lastTransitUs = transitUs
    if (Number.isNaN(fields.sentUs)) return
    const step = Math.floor((atUs - fields.sentUs) / 1000 / LATENCY_STEP_MS)
    this.latencyCounts[Math.min(Math.max(step, 0), LATENCY_STEPS - 1)]!++
  }

  get lost(): number {
    return this.#lostBefore + this.#lostHere()
  }

  #lostHere(): number {
    return this.#ssrc === -1 ? 0 : this.#highest - this.#first + 1 - this.#uniqueHere
  }

  #startSource(ssrc: number, sequence: number): void {
    this.#lostBefore += this.#lostHere()
    this.#ssrc = ssrc
    this.#first = sequence
    this.#highest = sequence - 1
    this.#uniqueHere = 0
    this.#window.fill(-1)
    this.#lastTransitUs = NaN
  }

  #count(sequence: number): void {
    // The nearest number to the highest that ends in these 16 bits.
    const ahead = ((sequence - this.#highest + 0x8000) & 0xffff) - 0x8000
    const extended = this.#highest + ahead
    const place = ((extended % WINDOW) + WINDOW) % WINDOW
    if (ahead > 0) {
      this.#highest = extended
    } else if (this.#window[place] === extended || ahead <= -WINDOW || extended < this.#first) {
      if (this.#window[place] === extended) this.duplicates++
      else this.reordered++
      return
    } else {
      this.reordered++
    }
    this.#window[place] = extended
    this.#uniqueHere++
  }
}
