import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import type { Random } from '../../model/random.ts'
import { UNKNOWN_REACH, type Reachability, type ReachState } from '../../model/reachability.ts'
import { jittered, share } from './jitter.ts'
import { ProbedPlaces, type Place, type PlacesOptions } from './probed-places.ts'
import { Reach, type ReachRules } from './reach.ts'
import type { Schedule } from '../start/schedule.ts'

/** OPTIONS under way at a time; the others wait their turn. */
const MAX_PROBES_AT_ONCE = 50
/** Places asked; further ones stay unknown, which is as good as up. */
const MAX_PLACES = 20_000
/** Long enough for an OPTIONS lost twice on UDP (RFC 3261 §17.1.2.2: sent at 0, 0.5 and 1.5 s). */
const PROBE_TIMEOUT_MS = 5_000

export interface ProbesNeeds {
  /** Sends an OPTIONS and resolves to the final status; a rejection is no answer. */
  readonly sendOptions: (place: Place) => Promise<number>
  readonly schedule: Schedule
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  /** Told of each change of state. */
  readonly onChange: (place: Place, reach: Reachability) => void
  readonly onProbed: (kind: Place['kind'], isAnswered: boolean) => void
}

export interface ProbesOptions extends ReachRules, PlacesOptions {
  /** 0: nobody is asked, and only calls tell. */
  readonly intervalMs: number
  readonly maxAtOnce?: number
  readonly maxPlaces?: number
}

interface Probed {
  place: Place
  readonly reach: Reach
  cancel: () => void
}

/**
 * Asks targets and trunks by OPTIONS whether they live (RFC 3261 §11), each at its own jittered interval, and learns the same
 * from calls. What is down is remembered in a set, so that the auction's question costs a look-up.
 */
export class Probes {
  readonly #needs: ProbesNeeds
  readonly #options: ProbesOptions
  readonly #places: ProbedPlaces
  readonly #probed = new Map<string, Probed>()
  readonly #down = new Set<string>()
  readonly #waiting = new Set<Probed>()
  #underWay = 0
  #isRunning = false

  constructor(needs: ProbesNeeds, options: ProbesOptions) {
    this.#needs = needs
    this.#options = options
    this.#places = new ProbedPlaces(options, (id, place) => this.#placeChanged(id, place))
  }

  apply(change: BookChange): void {
    this.#places.apply(change)
  }

  /** Begins to ask. Before this the book is only read. */
  start(): void {
    this.#isRunning = true
    for (const probed of this.#probed.values()) this.#arm(probed, this.#firstWaitMs())
  }

  /** False only for what is known to be down. The hot path asks this of every eligible bid. */
  isUp(id: string): boolean {
    return !this.#down.has(id)
  }

  reachOf(id: string): Reachability {
    return this.#probed.get(id)?.reach ?? UNKNOWN_REACH
  }

  /** What a call there came to: its final status, or null when there was no answer at all. */
  called(id: string, status: number | null): void {
    const probed = this.#probed.get(id)
    if (probed) this.#learn(probed, 'call', status)
  }

  /** How many places of a kind are in each state. */
  counts(kind: Place['kind']): Readonly<Record<ReachState, number>> {
    const counts = { up: 0, down: 0, unknown: 0 }
    for (const { place, reach } of this.#probed.values()) if (place.kind === kind) counts[reach.state]++
    return counts
  }

  /** OPTIONS on their way, and places whose turn has come but who wait for room. */
  get load(): { readonly underWay: number; readonly waiting: number } {
    return { underWay: this.#underWay, waiting: this.#waiting.size }
  }

  close(): void {
    this.#isRunning = false
    for (const probed of this.#probed.values()) probed.cancel()
    this.#waiting.clear()
  }

  #placeChanged(id: string, place: Place | null): void {
    const before = this.#probed.get(id)
    if (before) {
      before.cancel()
      this.#waiting.delete(before)
      this.#probed.delete(id)
      this.#down.delete(id)
    }
    // Another URI is another place: what was known of the old one says nothing.
    if (!place || this.#probed.size >= (this.#options.maxPlaces ?? MAX_PLACES)) return
    const probed = { place, reach: new Reach(), cancel: () => {} }
    this.#probed.set(id, probed)
    if (this.#isRunning) this.#arm(probed, this.#firstWaitMs())
  }

  /** After one interval, spread over the next: nothing is lost, since the unknown are rung. */
  #firstWaitMs(): number {
    return (1 + share(this.#needs.random)) * this.#options.intervalMs
  }

  #arm(probed: Probed, waitMs: number): void {
    if (this.#options.intervalMs === 0) return
    probed.cancel = this.#needs.schedule.after(waitMs, () => {
      this.#waiting.add(probed)
      this.#sendNext()
    })
  }

  #sendNext(): void {
    for (const probed of this.#waiting) {
      if (this.#underWay >= (this.#options.maxAtOnce ?? MAX_PROBES_AT_ONCE)) return
      this.#waiting.delete(probed)
      void this.#probe(probed)
    }
  }

  async #probe(probed: Probed): Promise<void> {
    this.#underWay++
    const status = await this.#ask(probed.place)
    this.#underWay--
    // It may have been taken out of the book meanwhile.
    if (this.#isRunning && this.#probed.get(probed.place.id) === probed) {
      this.#needs.onProbed(probed.place.kind, status !== null)
      this.#learn(probed, 'probe', status)
      this.#arm(probed, jittered(this.#options.intervalMs, this.#needs.random))
    }
    this.#sendNext()
  }

  /** The final status; null when none came in time. */
  #ask(place: Place): Promise<number | null> {
    return new Promise((resolve) => {
      const cancel = this.#needs.schedule.after(PROBE_TIMEOUT_MS, () => resolve(null))
      const settle = (status: number | null): void => {
        cancel()
        resolve(status)
      }
      this.#needs.sendOptions(place).then(settle, () => settle(null))
    })
  }

  #learn(probed: Probed, from: 'probe' | 'call', status: number | null): void {
    const { place, reach } = probed
    if (!reach.learn(from, status, new Date(this.#needs.clock.now()), this.#options)) return
    if (reach.state === 'down') this.#down.add(place.id)
    else this.#down.delete(place.id)
    this.#needs.onChange(place, reach)
  }
}
