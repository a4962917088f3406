import type { PhoneNumber } from '../model/phone-number.ts'
import type { TrafficType } from '../model/trunk.ts'

const HOUR_MS = 3_600_000
/** 1,000,000: consumers remembered; past them whoever was called least lately is forgotten. */
export const MAX_CONSUMERS = 1_000_000
/** 100: calls remembered of one consumer, the latest. No limit of a rule is higher. */
export const MAX_CALLS_OF_CONSUMER = 100
/** Before this many consumers are known, nobody looks for those whose calls are all too old. */
const FIRST_SWEEP = 4_096

/** One call that reached a consumer, or came from it. */
export interface ConsumerCall {
  readonly atMs: number
  readonly leg: TrafficType
  readonly vertical: string
  readonly sellerId: string
  readonly numberId: string
}

/** The calls of each consumer in the last hours, for rules that limit them. Counting one consumer's is a walk over its own few. */
export class CallFrequency {
  readonly #calls = new Map<PhoneNumber, ConsumerCall[]>()
  readonly #maxConsumers: number
  #keepMs = 24 * HOUR_MS
  #sweepAt = FIRST_SWEEP

  constructor(maxConsumers = MAX_CONSUMERS) {
    this.#maxConsumers = maxConsumers
  }

  get size(): number {
    return this.#calls.size
  }

  /** Some rule looks back so far: what comes from now on is kept as long. A day is always kept. */
  keep(hours: number): void {
    this.#keepMs = Math.max(this.#keepMs, hours * HOUR_MS)
  }

  /** Hours that some rule may look back. */
  get keptHours(): number {
    return this.#keepMs / HOUR_MS
  }

  /** Calls of the consumer in the `hours` before `atMs`; `isAlike`: of these alone. */
  count(consumer: PhoneNumber, hours: number, atMs: number, isAlike?: (call: ConsumerCall) => boolean): number {
    const since = atMs - hours * HOUR_MS
    let count = 0
    for (const call of this.#calls.get(consumer) ?? []) {
      if (call.atMs > since && call.atMs <= atMs && (isAlike === undefined || isAlike(call))) count++
    }
    return count
  }

  add(consumer: PhoneNumber, call: ConsumerCall): void {
    const since = call.atMs - this.#keepMs
    const kept = this.#calls.get(consumer)?.filter(({ atMs }) => atMs > since) ?? []
    kept.push(call)
    if (kept.length > MAX_CALLS_OF_CONSUMER) kept.shift()
    this.#calls.delete(consumer) // So that whoever was called least lately comes first.
    this.#calls.set(consumer, kept)
    if (this.#calls.size >= this.#sweepAt) this.#sweep(since)
    if (this.#calls.size > this.#maxConsumers) this.#calls.delete(this.#calls.keys().next().value!)
  }

  /** A call of before this start; each is older than the one before it. What there is no room for is left out. */
  recall(consumer: PhoneNumber, call: ConsumerCall): void {
    const known = this.#calls.get(consumer)
    if (known === undefined) {
      if (this.#calls.size < this.#maxConsumers) this.#calls.set(consumer, [call])
    } else if (known.length < MAX_CALLS_OF_CONSUMER) known.unshift(call)
  }

  #sweep(since: number): void {
    for (const [consumer, calls] of this.#calls) {
      if (calls.every(({ atMs }) => atMs <= since)) this.#calls.delete(consumer)
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#calls.size * 2)
  }
}
