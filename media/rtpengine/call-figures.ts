import type { LegSide } from '../../model/call.ts'
import type { MediaStats } from '../../model/cdr.ts'
import type { SessionStats } from '../media-server.ts'
import { addStats, NO_QUALITY, NO_STATS } from './engine-stats.ts'
import { SilenceWatch, type SilenceLimits } from './silence-watch.ts'

/** What is known of one call's audio, over all the rtpengines it was at. */
export class CallFigures {
  readonly silence: SilenceWatch
  #before: SessionStats = { caller: NO_STATS, buyer: NO_STATS }
  #last: SessionStats = this.#before

  constructor(limits: SilenceLimits) {
    this.silence = new SilenceWatch(limits)
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
