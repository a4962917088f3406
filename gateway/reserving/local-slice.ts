import type { Claim } from '../../model/claim.ts'
import type { ReserveAnswer } from '../needs.ts'

/** Counters whose last word is remembered: past it the one that has been silent longest is forgotten. */
export const MOST_SEEN = 50_000

interface Seen {
  readonly free: number
  readonly atMs: number
  /** What has been sold of this word, and not come back. */
  taken: number
}

/** What one claim has taken, and of which word: of an older one it is not given back. */
export type SlicePart = { readonly seen: Seen; readonly amount: number }

/**
 * What this gateway may go on selling while the shared counters cannot be asked: of the places that were free when it last heard, its share.
 * What has a budget, a cap on its calls or a rule about callers is not sold at all, nor what costs funds that other gateways may hold, too:
 * nobody knows how much of that is left. What has been sold stays sold, however often they are lost, until a fresh word says what is free.
 */
export class LocalSlice {
  readonly #gateways: number
  readonly #keepMs: number
  readonly #mostSeen: number
  readonly #seen = new Map<string, Seen>()
  #sinceMs = 0

  /** `gateways` share what is free; what was heard longer than `keepMs` before the counters were lost no longer counts. */
  constructor(gateways: number, keepMs: number, mostSeen = MOST_SEEN) {
    this.#gateways = gateways
    this.#keepMs = keepMs
    this.#mostSeen = mostSeen
  }

  get size(): number {
    return this.#seen.size
  }

  /** What the shared counters said last. */
  heard(claim: Claim, { availableMicros, free }: Extract<ReserveAnswer, { kind: 'ok' }>, nowMs: number): void {
    if (free.length === 0) return
    this.#note(purseOf(claim), availableMicros, nowMs)
    for (const [i, left] of free.entries()) if (left >= 0) this.#note(keyOf(claim, i), left, nowMs)
  }

  /** The same of the seller's. */
  heardSeller(claim: Claim, { free }: Extract<ReserveAnswer, { kind: 'ok' }>, nowMs: number): void {
    if (free.length > 0 && free[0]! >= 0) this.#note(keyOf(claim, claim.counters.length), free[0]!, nowMs)
  }

  /** They are lost. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  /** Takes the claim's part of the slice; null, and nothing is taken, when there is none. */
  take(claim: Claim): readonly SlicePart[] | null {
    const parts = this.#partsOf(claim)
    if (parts === null) return null
    const taken: SlicePart[] = []
    for (const { key, amount } of parts) {
      const seen = this.#seen.get(key)
      if (seen === undefined || this.#sinceMs - seen.atMs > this.#keepMs) return null
      if (seen.taken + amount > Math.floor(seen.free / this.#gateways)) return null
      taken.push({ seen, amount })
    }
    for (const { seen, amount } of taken) seen.taken += amount
    return taken
  }

  /** Gives back what `take` took. */
  giveBack(parts: readonly SlicePart[]): void {
    for (const { seen, amount } of parts) seen.taken -= amount
  }

  /** Null: it must not be sold without asking. */
  #partsOf(claim: Claim): { key: string; amount: number }[] | null {
    if (claim.contact?.rule) return null
    if (claim.fundsMicros > 0 && this.#gateways > 1) return null
    const parts = [{ key: purseOf(claim), amount: claim.fundsMicros }]
    const counters = claim.seller ? [...claim.counters, claim.seller.counter] : claim.counters
    for (const [i, { caps, dailyMicros, totalMicros }] of counters.entries()) {
      const { hourly, daily, monthly, total, concurrent } = caps
      const never = [hourly, daily, monthly, total, dailyMicros, totalMicros]
      if (never.some((most) => most !== null)) return null
      if (concurrent !== null) parts.push({ key: keyOf(claim, i), amount: 1 })
    }
    return parts
  }

  #note(key: string, free: number, atMs: number): void {
    this.#seen.delete(key)
    this.#seen.set(key, { free, atMs, taken: 0 })
    if (this.#seen.size > this.#mostSeen) this.#seen.delete(this.#seen.keys().next().value!)
  }
}

function purseOf({ buyerId }: Claim): string {
  return `${buyerId} funds`
}

function keyOf({ buyerId, counters, seller }: Claim, i: number): string {
  return i < counters.length ? `${buyerId} ${counters[i]!.name}` : `${seller!.id} seller`
}
