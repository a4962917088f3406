import type { Campaign } from '../model/bid.ts'
import type { CounterClaim } from '../model/claim.ts'
import { CallCounter } from './call-counter.ts'

/** What a campaign has used, and what its budgets leave: holds of calls in progress included. */
export class CampaignUsage extends CallCounter {
  #dailyMicros: number | null = null
  #totalMicros: number | null = null

  setBudget({ dailyMicros, totalMicros }: Campaign['budget']): void {
    this.#dailyMicros = dailyMicros === null ? null : Number(dailyMicros)
    this.#totalMicros = totalMicros === null ? null : Number(totalMicros)
  }

  override claimAt(name: string, atMs: number): CounterClaim {
    return { ...super.claimAt(name, atMs), dailyMicros: this.#dailyMicros, totalMicros: this.#totalMicros }
  }

  /** What the budgets leave; Infinity without one. */
  leftMicros(atMs: number): number {
    let left = Infinity
    if (this.#dailyMicros !== null) left = this.#dailyMicros - this.microsOfDay(atMs)
    if (this.#totalMicros !== null) left = Math.min(left, this.#totalMicros - this.total.micros)
    return left
  }
}
