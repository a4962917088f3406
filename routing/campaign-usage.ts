import type { Campaign, NonBidCode } from '../model/bid.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { isTimeZone, localDay, localHour, localMonth } from '../model/time-window.ts'
import { CallerFrequency } from './caller-frequency.ts'
import { PeriodCounter, type Tally } from './period-counter.ts'

/** The periods of a campaign that an instant falls into. */
interface Periods {
  readonly hour: number
  readonly day: number
  readonly month: number
}

/** One place taken in a campaign's counters, kept so that exactly it can be given back. */
export interface UsageEntry {
  readonly tallies: readonly Tally[]
  readonly ani: PhoneNumber | null
  readonly atMs: number
  priceMicros: number
}

/**
 * What a campaign has used: calls by hour, day, month and in total, calls in progress, money by day and in total (holds
 * included), and callers. Periods are the campaign's own: its timezone, at the time of the award.
 */
export class CampaignUsage {
  inUse = 0
  readonly total: Tally = { calls: 0, micros: 0 }
  readonly #hours = new PeriodCounter()
  readonly #days = new PeriodCounter()
  readonly #months = new PeriodCounter()
  readonly #callers = new CallerFrequency()
  #timezone = 'UTC'
  #dailyMicros: number | null = null
  #totalMicros: number | null = null
  #hourly: number | null = null
  #daily: number | null = null
  #monthly: number | null = null
  #mostCalls: number | null = null
  #concurrent: number | null = null
  #frequency: Campaign['frequency'] = null
  // Asked for every candidate of the same instant: remembered, since three calendars are slower than the auction.
  #periodsAtMs = NaN
  #periods: Periods = { hour: 0, day: 0, month: 0 }

  /** Takes the limits of the campaign as it now is; what has been used stays used. */
  setLimits({ timezone, budget, caps, frequency }: Campaign): void {
    this.#timezone = isTimeZone(timezone) ? timezone : 'UTC'
    this.#dailyMicros = budget.dailyMicros === null ? null : Number(budget.dailyMicros)
    this.#totalMicros = budget.totalMicros === null ? null : Number(budget.totalMicros)
    this.#hourly = caps.hourly
    this.#daily = caps.daily
    this.#monthly = caps.monthly
    this.#mostCalls = caps.total
    this.#concurrent = caps.concurrent
    this.#frequency = frequency
    this.#periodsAtMs = NaN
  }

  /** Why the campaign may not take one more call of this caller, money aside. A caller without a number has no frequency. */
  judge(ani: PhoneNumber | null, atMs: number): NonBidCode | null {
    if (this.#concurrent !== null && this.inUse >= this.#concurrent) return 'campaign_concurrency'
    if (this.#isCapped(atMs)) return 'campaign_cap'
    const frequency = this.#frequency
    if (frequency !== null && ani !== null && this.#callers.count(ani, frequency.hours, atMs) >= frequency.calls) {
      return 'frequency_cap'
    }
    return null
  }

  /** What the budgets leave; Infinity without one. */
  leftMicros(atMs: number): number {
    let left = Infinity
    if (this.#dailyMicros !== null) left = this.#dailyMicros - this.#days.peek(this.#periodsAt(atMs).day).micros
    if (this.#totalMicros !== null) left = Math.min(left, this.#totalMicros - this.total.micros)
    return left
  }

  /** Counts one call and its price; nothing is judged here. */
  take(ani: PhoneNumber | null, atMs: number, priceMicros: number): UsageEntry {
    this.inUse++
    return this.#count(ani, atMs, priceMicros)
  }

  /** Gives back a call that was not answered: as if it had never been. */
  giveBack(entry: UsageEntry): void {
    this.inUse--
    for (const tally of entry.tallies) {
      tally.calls--
      tally.micros -= entry.priceMicros
    }
    if (entry.ani !== null) this.#callers.remove(entry.ani, entry.atMs)
  }

  /** Ends an answered call: it stays counted, at what was billed. */
  settle(entry: UsageEntry, billedMicros: number): void {
    this.inUse--
    for (const tally of entry.tallies) tally.micros += billedMicros - entry.priceMicros
    entry.priceMicros = billedMicros
  }

  /** Counts a call (or several of one period, their prices summed) of an earlier life of this process. */
  restore(ani: PhoneNumber | null, atMs: number, priceMicros: number, calls: number): void {
    for (const tally of this.#count(ani, atMs, priceMicros).tallies) tally.calls += calls - 1
  }

  #isCapped(atMs: number): boolean {
    if (this.#mostCalls !== null && this.total.calls >= this.#mostCalls) return true
    if (this.#hourly === null && this.#daily === null && this.#monthly === null) return false
    const { hour, day, month } = this.#periodsAt(atMs)
    if (this.#hourly !== null && this.#hours.peek(hour).calls >= this.#hourly) return true
    if (this.#daily !== null && this.#days.peek(day).calls >= this.#daily) return true
    return this.#monthly !== null && this.#months.peek(month).calls >= this.#monthly
  }

  #count(ani: PhoneNumber | null, atMs: number, priceMicros: number): UsageEntry {
    const { hour, day, month } = this.#periodsAt(atMs)
    const tallies = [this.#hours.at(hour), this.#days.at(day), this.#months.at(month), this.total]
    for (const tally of tallies) {
      tally.calls++
      tally.micros += priceMicros
    }
    if (ani !== null && this.#frequency !== null) this.#callers.add(ani, this.#frequency.hours, atMs)
    return { tallies, ani, atMs, priceMicros }
  }

  #periodsAt(atMs: number): Periods {
    if (atMs !== this.#periodsAtMs) {
      const zone = this.#timezone
      this.#periods = { hour: localHour(zone, atMs), day: localDay(zone, atMs), month: localMonth(zone, atMs) }
      this.#periodsAtMs = atMs
    }
    return this.#periods
  }
}
