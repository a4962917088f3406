import type { LegSide } from '../../model/call.ts'

interface WatchParts {
  /** 0 never tells. */
  readonly limitMs: number
  /** Whether both sides should be sending. */
  isFlowing(): boolean
  packetsOf(side: LegSide): Promise<number>
  onSilent(side: LegSide): void
}

/** How often within the limit FreeSWITCH is asked: a silence is noticed that much late. */
const LOOKS_PER_LIMIT = 3
const SIDES = ['caller', 'buyer'] as const

/**
 * Notices that a side has stopped sending, by its count of packets. FreeSWITCH's own limit would end a caller's channel while it waits
 * for a buyer to answer.
 */
export class SilenceWatch {
  readonly #parts: WatchParts
  #timer: NodeJS.Timeout | null = null
  /** Looks in a row that found nothing new. */
  readonly #silent = { caller: 0, buyer: 0 }
  readonly #packets = { caller: -1, buyer: -1 }

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#timer !== null || this.#parts.limitMs === 0) return
    this.#timer = setInterval(() => void this.#look(), this.#parts.limitMs / LOOKS_PER_LIMIT)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    for (const side of SIDES) {
      const packets = await this.#parts.packetsOf(side).catch(() => null)
      if (packets === null) continue // The channel's end is told of by itself.
      const isSilent = packets === this.#packets[side] && this.#parts.isFlowing()
      this.#packets[side] = packets
      this.#silent[side] = isSilent ? this.#silent[side] + 1 : 0
      if (this.#silent[side] < LOOKS_PER_LIMIT) continue
      this.stop()
      return this.#parts.onSilent(side)
    }
  }
}
