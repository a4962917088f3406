import { NO_STATS, type MediaStats } from '../../model/cdr.ts'
import { impairmentOf, meanOpinionScore } from '../e-model.ts'
import { jitterClock, type Codec } from '../payload-types.ts'
import type { StreamEnd } from './stream-end.ts'

/** The score is of so long a stretch, as the relay's. */
const SCORE_INTERVAL_MS = 5000
/** A stretch with fewer packets says nothing, except of a call that had no more. */
const SCORED_PACKETS_MIN = 25

/** What mediasoup tells of a browser's audio, read now and then: scores by the E-model, and silence. */
export class BrowserFigures {
  readonly #end: StreamEnd
  readonly #rtpTimeoutMs: number
  readonly #onSilent: () => void
  readonly #timer: NodeJS.Timeout
  /** Of streams before the one that is counted now: each change of codecs begins another. */
  #before = { packetCount: 0, packetsLost: 0, byteCount: 0 }
  #stream = this.#before
  #last = NO_STATS
  #hertz = 48_000
  #impairment = impairmentOf('opus')
  #watched = false
  #heardMs = performance.now()
  #scoredMs = performance.now()
  #packets = 0
  #lost = 0
  #jitterMaxMs = 0
  #roundTripMs: number | null = null
  #reportedLost: number | null = null
  #mosMin = Infinity
  #mosSum = 0
  #scoredPackets = 0

  constructor(end: StreamEnd, rtpTimeoutMs: number, onSilent: () => void) {
    this.#end = end
    this.#rtpTimeoutMs = rtpTimeoutMs
    this.#onSilent = onSilent
    const everyMs = rtpTimeoutMs > 0 ? Math.min(SCORE_INTERVAL_MS, Math.ceil(rtpTimeoutMs / 4)) : SCORE_INTERVAL_MS
    this.#timer = setInterval(() => void this.read(), everyMs)
    this.#timer.unref()
  }

  describe(speech: Codec): void {
    this.#hertz = jitterClock(speech) || 8000
    this.#impairment = impairmentOf(speech.name)
  }

  watch(on: boolean): void {
    if (on && !this.#watched) this.#heardMs = performance.now()
    this.#watched = on
  }

  /** The figures as they are now; the last ones once the worker does not tell any more. Never rejects. */
  async read(): Promise<MediaStats> {
    // Either may be gone, with its transport or its worker: the session hears of that by itself.
    const nothing = (): null => null
    const [heard, sent] = await Promise.all([this.#end.heard().catch(nothing), this.#end.sent().catch(nothing)])
    const nowMs = performance.now()
    if (sent?.roundTripTime) this.#roundTripMs = sent.roundTripTime
    if (sent) this.#reportedLost = sent.packetsLost
    if (heard) {
      if (heard.packetCount !== this.#stream.packetCount) this.#heardMs = nowMs
      if (heard.packetCount < this.#stream.packetCount) this.#before = this.#sum
      this.#stream = heard
      const { packetCount, packetsLost, byteCount } = this.#sum
      this.#last = {
        packetsReceived: packetCount,
        packetsLost: Math.max(0, packetsLost),
        octetsReceived: byteCount,
        jitterMs: (1000 * heard.jitter) / this.#hertz,
      }
    }
    this.#score(nowMs)
    if (this.#watched && this.#rtpTimeoutMs > 0 && nowMs - this.#heardMs >= this.#rtpTimeoutMs) this.#onSilent()
    return { ...this.#last, quality: this.#quality() }
  }

  get #sum(): { packetCount: number; packetsLost: number; byteCount: number } {
    const [a, b] = [this.#before, this.#stream]
    return {
      packetCount: a.packetCount + b.packetCount,
      packetsLost: a.packetsLost + b.packetsLost,
      byteCount: a.byteCount + b.byteCount,
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #score(nowMs: number): void {
    if (this.#scoredPackets > 0 && nowMs - this.#scoredMs < SCORE_INTERVAL_MS) return
    const { packetsReceived, packetsLost, jitterMs } = this.#last
    const packets = packetsReceived - this.#packets
    if (packets < SCORED_PACKETS_MIN) return
    const lost = Math.max(0, packetsLost - this.#lost)
    this.#scoredMs = nowMs
    this.#packets = packetsReceived
    this.#lost = packetsLost
    const mos = meanOpinionScore({
      lossShare: lost / (lost + packets),
      networkMs: (this.#roundTripMs ?? 0) / 2,
      jitterMs,
      impairment: this.#impairment,
    })
    this.#jitterMaxMs = Math.max(this.#jitterMaxMs, jitterMs)
    this.#mosMin = Math.min(this.#mosMin, mos)
    this.#mosSum += mos * (packets + lost)
    this.#scoredPackets += packets + lost
  }

  #quality(): NonNullable<MediaStats['quality']> {
    return {
      packetsOutOfOrder: 0, // mediasoup does not tell.
      packetsDuplicate: 0,
      jitterMaxMs: Math.max(this.#jitterMaxMs, this.#last.jitterMs),
      roundTripMs: this.#roundTripMs,
      reportedLost: this.#reportedLost,
      mosMin: this.#scoredPackets === 0 ? null : this.#mosMin,
      mosMean: this.#scoredPackets === 0 ? null : this.#mosSum / this.#scoredPackets,
      fault: null,
      faultMs: 0,
    }
  }
}
