import { NO_CAPS, type Caps } from '../model/caps.ts'
import type { CounterClaim, CounterTotals } from '../model/claim.ts'
import type { UsageThen } from '../model/decision.ts'
import { getZone, isTimeZone } from '../model/time-zone.ts'
import { PeriodCounter, type Tally } from './period-counter.ts'

const UTC = getZone('UTC')

/** What one call was counted in, kept so that exactly it can be given back. */
export type Counted = readonly Tally[]

/**
 * The calls of one campaign, target, buyer or seller, with their money: by hour, day, month and in total, and how many are in
 * progress. Periods are those of its own timezone, at the time of the award.
 */
export class CallCounter {
  inUse = 0
  readonly total: Tally = { calls: 0, micros: 0 }
  readonly #hours = new PeriodCounter()
  readonly #days = new PeriodCounter()
  readonly #months = new PeriodCounter()
  #zone = UTC
  #caps: Caps | null = null

  /** Takes the limits as they now are; what has been used stays used. */
  setLimits(timezone: string, caps: Caps | null): void {
    this.#zone = isTimeZone(timezone) ? getZone(timezone) : UTC
    this.#caps = caps !== null && Object.values(caps).some((most) => most !== null) ? caps : null
  }

  /** Which of its limits one more call would break; null: none. */
  judge(atMs: number): 'concurrency' | 'cap' | null {
    const caps = this.#caps
    if (caps === null) return null
    if (caps.concurrent !== null && this.inUse >= caps.concurrent) return 'concurrency'
    if (caps.total !== null && this.total.calls >= caps.total) return 'cap'
    if (caps.hourly === null && caps.daily === null && caps.monthly === null) return null
    const { hour, day, month } = this.#zone.periodsAt(atMs)
    if (caps.hourly !== null && this.#hours.peek(hour).calls >= caps.hourly) return 'cap'
    if (caps.daily !== null && this.#days.peek(day).calls >= caps.daily) return 'cap'
    return caps.monthly !== null && this.#months.peek(month).calls >= caps.monthly ? 'cap' : null
  }

  /** The money of the day of this instant. */
  microsOfDay(atMs: number): number {
    return this.#days.peek(this.#zone.periodsAt(atMs).day).micros
  }

  /** Counts one call and its price; nothing is judged here. */
  take(atMs: number, priceMicros: number): Counted {
    this.inUse++
    return this.#count(atMs, priceMicros)
  }

  /** Gives back a call that was not answered: as if it had never been. */
  giveBack(counted: Counted, priceMicros: number): void {
    this.inUse--
    for (const tally of counted) {
      tally.calls--
      tally.micros -= priceMicros
    }
  }

  /** Ends an answered call: it stays counted, at what was billed. */
  settle(counted: Counted, priceMicros: number, billedMicros: number): void {
    this.inUse--
    for (const tally of counted) tally.micros += billedMicros - priceMicros
  }

  /** Counts a call (or several of one period, their prices summed) of an earlier life of this process. */
  restore(atMs: number, priceMicros: number, calls: number): void {
    for (const tally of this.#count(atMs, priceMicros)) tally.calls += calls - 1
  }

  /** What it has counted, as a decision of this instant sees it. */
  usageAt(atMs: number): UsageThen {
    const { hour, day, month } = this.#zone.periodsAt(atMs)
    const ofDay = this.#days.peek(day)
    return {
      inUse: this.inUse,
      hourCalls: this.#hours.peek(hour).calls,
      dayCalls: ofDay.calls,
      dayMicros: ofDay.micros,
      monthCalls: this.#months.peek(month).calls,
      totalCalls: this.total.calls,
      totalMicros: this.total.micros,
    }
  }

  /** Counts what `usageAt` has told, in a counter that has counted nothing: a decision of that instant sees the same. */
  putBack(atMs: number, usage: UsageThen): void {
    const { hour, day, month } = this.#zone.periodsAt(atMs)
    this.inUse = usage.inUse
    this.#hours.at(hour).calls = usage.hourCalls
    Object.assign(this.#days.at(day), { calls: usage.dayCalls, micros: usage.dayMicros })
    this.#months.at(month).calls = usage.monthCalls
    Object.assign(this.total, { calls: usage.totalCalls, micros: usage.totalMicros })
  }

  /** What a call of this instant takes of it, for whoever counts the calls of several processes. */
  claimAt(name: string, atMs: number): CounterClaim {
    const { hour, day, month } = this.#zone.periodsAt(atMs)
    return { name, caps: this.#caps ?? NO_CAPS, dailyMicros: null, totalMicros: null, hour, day, month }
  }

  /** All it has counted, places in use aside. */
  totalsAs(name: string): CounterTotals {
    const { calls, micros } = this.total
    const [hours, days, months] = [this.#hours.totals(), this.#days.totals(), this.#months.totals()]
    return { name, calls, micros, hours, days, months }
  }

  #count(atMs: number, priceMicros: number): Counted {
    const { hour, day, month } = this.#zone.periodsAt(atMs)
    const tallies = [this.#hours.at(hour), this.#days.at(day), this.#months.at(month), this.total]
    for (const tally of tallies) {
      tally.calls++
      tally.micros += priceMicros
    }
    return tallies
  }
}
