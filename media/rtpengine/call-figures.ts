import type { LegSide } from '../../model/call.ts'
import { NO_QUALITY, NO_STATS, type MediaStats } from '../../model/cdr.ts'
import type { SessionStats } from '../media-server.ts'
import { addStats } from './engine-stats.ts'
import { SilenceWatch, type SilenceLimits } from './silence-watch.ts'

/** What is known of one call's audio, over all the rtpengines it was at. */
export class CallFigures {
  readonly silence: SilenceWatch
  #before: SessionStats = { caller: NO_STATS, buyer: NO_STATS }
  #last: SessionStats = this.#before

  readonly #limits: SilenceLimits
  #timer: NodeJS.Timeout | null = null

  constructor(limits: SilenceLimits) {
    this.#limits = limits
    this.silence = new SilenceWatch(limits)
  }

  /** Has the call looked up so often, and twice in each of its limits. */
  watch(intervalMs: number, lookUp: () => void): void {
    const { rtpTimeoutMs, oneWayAfterMs } = this.#limits
    const limits = [rtpTimeoutMs, oneWayAfterMs].filter((ms) => ms > 0).map((ms) => Math.ceil(ms / 2))
    this.silence.restart()
    this.#timer = setInterval(lookUp, Math.min(intervalMs, ...limits))
    this.#timer.unref()
  }

  stopWatching(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** The whole of it, with what the rtpengine it is at says now; null: as it was known last. */
  whole(now: SessionStats | null): SessionStats {
    if (now !== null)
      this.#last = {
        caller: this.#withFault('caller', addStats(this.#before.caller, now.caller)),
        buyer: this.#withFault('buyer', addStats(this.#before.buyer, now.buyer)),
      }
    return this.#last
  }

  /** This side goes on elsewhere; these were its figures. */
  movedOn(side: LegSide, figures: SessionStats): void {
    this.#before = { ...this.#before, [side]: addStats(this.#before[side], figures[side]) }
  }

  #withFault(side: LegSide, stats: MediaStats): MediaStats {
    const faultMs = Math.round(this.silence.faultMs(side))
    if (faultMs === 0) return stats
    return { ...stats, quality: { ...(stats.quality ?? NO_QUALITY), fault: 'no_audio', faultMs } }
  }
}
