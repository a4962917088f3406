import type { AudioQuality } from '../../model/cdr.ts'
import { meanOpinionScore, type Impairment } from '../e-model.ts'
import type { OneWayWatch } from './one-way.ts'
import type { ReportReader } from './rtcp.ts'
import type { RtpFigures, RtpStats } from './rtp-stats.ts'

/** The score is of so long a stretch: short enough to show a bad one, long enough for its loss to be a share. */
export const SCORE_INTERVAL_MS = 5000
/** A stretch with fewer packets says nothing, except of a call that had no more. */
const SCORED_PACKETS_MIN = 25

/** The scores of one direction over a call, from figures kept anyway: it costs a look every five seconds and nothing a packet. */
export class LegQuality {
  #scoredAtMs: number
  #packets = 0
  #lost = 0
  #jitterMaxMs = 0
  #mosMin = Infinity
  /** Of each stretch, times the packets it should have had. */
  #mosSum = 0
  #scoredPackets = 0

  constructor(nowMs: number) {
    this.#scoredAtMs = nowMs
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#scoredAtMs >= SCORE_INTERVAL_MS
  }

  /** Scores what came since the last time. `networkMs` is the one-way time from this party to the other; 0 where unknown. */
  score(stats: RtpStats, networkMs: number, impairment: Impairment, nowMs: number): void {
    this.#scoredAtMs = nowMs
    const packets = stats.packetsReceived - this.#packets
    if (packets === 0 || (packets < SCORED_PACKETS_MIN && this.#scoredPackets > 0)) return
    const lost = Math.max(0, stats.packetsLost - this.#lost)
    this.#packets += packets
    this.#lost = stats.packetsLost
    const { jitterMs } = stats
    const mos = meanOpinionScore({ lossShare: lost / (lost + packets), networkMs, jitterMs, impairment })
    this.#jitterMaxMs = Math.max(this.#jitterMaxMs, jitterMs)
    this.#mosMin = Math.min(this.#mosMin, mos)
    this.#mosSum += mos * (packets + lost)
    this.#scoredPackets += packets + lost
  }

  read(figures: RtpFigures, reports: ReportReader, watch: OneWayWatch): AudioQuality {
    const { packetsOutOfOrder, packetsDuplicate, jitterMs } = figures
    const { fault, faultMs } = watch
    return {
      packetsOutOfOrder,
      packetsDuplicate,
      jitterMaxMs: Math.max(this.#jitterMaxMs, jitterMs),
      roundTripMs: reports.meanRoundTripMs,
      reportedLost: reports.reportedLost,
      mosMin: this.#scoredPackets === 0 ? null : this.#mosMin,
      mosMean: this.#scoredPackets === 0 ? null : this.#mosSum / this.#scoredPackets,
      fault,
      faultMs,
    }
  }
}
