import { oppositeOf, type LegSide } from '../../model/call.ts'
import type { SessionStats } from '../media-server.ts'

/** How long silence is borne, ms; 0: for ever. */
export interface SilenceLimits {
  /** Of a side that should be sending, before it is given up. */
  readonly rtpTimeoutMs: number
  /** Of a side while the other is heard, before that is a fault. */
  readonly oneWayAfterMs: number
  /** Whether a side of such a fault is given up. */
  readonly oneWayEndsCall: boolean
}

interface Side {
  packets: number
  heardMs: number
  /** Since both sides should be sending. */
  isHeard: boolean
  /** The longest that it was missing while the other was heard; 0: it never was for the limit. */
  faultMs: number
}

/** Tells, from figures asked for now and then, when a side that should be sending has sent nothing for too long. */
export class SilenceWatch {
  readonly #limits: SilenceLimits
  readonly #sides: Readonly<Record<LegSide, Side>> = { caller: newSide(), buyer: newSide() }
  #told = false

  constructor(limits: SilenceLimits) {
    this.#limits = limits
    this.restart()
  }

  /** What was silence until now is none. */
  restart(): void {
    for (const side of [this.#sides.caller, this.#sides.buyer]) {
      side.heardMs = performance.now()
      side.isHeard = false
    }
  }

  /** How long nothing came of this side while the other was heard, at its longest; 0 when that was below the limit. */
  faultMs(side: LegSide): number {
    return this.#sides[side].faultMs
  }

  /**
   * The side that is given up, once; null otherwise. `isDue`: both sides should be sending. `mayPause`: of sides that, once heard, may be
   * quiet without sending (comfort noise, RFC 3389).
   */
  judge(now: SessionStats, isDue: boolean, mayPause: (side: LegSide) => boolean): LegSide | null {
    if (!isDue) this.restart()
    const { rtpTimeoutMs, oneWayAfterMs, oneWayEndsCall } = this.#limits
    const nowMs = performance.now()
    for (const name of ['caller', 'buyer'] as const) {
      const side = this.#sides[name]
      const { packetsReceived } = now[name]
      if (packetsReceived !== side.packets) {
        side.heardMs = nowMs
        side.isHeard ||= isDue
      }
      side.packets = packetsReceived
    }
    let silent: LegSide | null = null
    for (const name of ['caller', 'buyer'] as const) {
      const side = this.#sides[name]
      const other = this.#sides[oppositeOf(name)]
      const missingMs = nowMs - side.heardMs
      if (rtpTimeoutMs > 0 && missingMs >= rtpTimeoutMs) silent ??= name
      if (oneWayAfterMs === 0 || missingMs < oneWayAfterMs || (side.isHeard && mayPause(name))) continue
      if (!other.isHeard || nowMs - other.heardMs >= oneWayAfterMs) continue
      side.faultMs = Math.max(side.faultMs, missingMs)
      if (oneWayEndsCall) silent ??= name
    }
    if (this.#told || silent === null) return null
    this.#told = true
    return silent
  }
}

function newSide(): Side {
  return { packets: 0, heardMs: 0, isHeard: false, faultMs: 0 }
}
