import type { LegSide } from '../../model/call.ts'
import type { SessionStats } from '../media-server.ts'

/** Tells, from figures asked for now and then, when a side that should be sending has sent nothing for too long. */
export class SilenceWatch {
  readonly #limitMs: number
  readonly #packets: Record<LegSide, number> = { caller: 0, buyer: 0 }
  readonly #heardMs: Record<LegSide, number> = { caller: 0, buyer: 0 }
  #told = false

  /** 0 never tells. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.restart()
  }

  /** What was silence until now is none. */
  restart(): void {
    this.#heardMs.caller = this.#heardMs.buyer = performance.now()
  }

  /** The side that has been silent for the limit, once; null otherwise. `isDue`: both sides should be sending. */
  judge(now: SessionStats, isDue: boolean): LegSide | null {
    if (!isDue) this.restart()
    const nowMs = performance.now()
    let silent: LegSide | null = null
    for (const side of ['caller', 'buyer'] as const) {
      const { packetsReceived } = now[side]
      if (packetsReceived !== this.#packets[side]) this.#heardMs[side] = nowMs
      this.#packets[side] = packetsReceived
      if (nowMs - this.#heardMs[side] >= this.#limitMs) silent ??= side
    }
    if (this.#limitMs === 0 || this.#told || silent === null) return null
    this.#told = true
    return silent
  }
}
