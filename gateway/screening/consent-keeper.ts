import type { Logger } from '../../config/logger.ts'
import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import { hourly } from '../start/hourly.ts'
import type { ScreeningPart } from './screening-part.ts'

const DAY_MS = 86_400_000

/** What is asked of the storage. */
export interface ConsentStorage {
  readonly stores: { readonly consents: { forgetEnded(before: Date): Promise<number> } }
}

interface KeeperNeeds {
  readonly clock: Pick<Clock, 'now'>
  /** Those in memory, and those it has no room for. */
  readonly stats: () => { readonly consents: number; readonly omitted: number }
  /** compliance.consent.asked is `when_kept`. */
  readonly bindsFromFirst: boolean
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Forgets consents so long after they ended as they have to be kept, and says what an operator should know of those there are. */
export class ConsentKeeper implements ScreeningPart<ConsentStorage> {
  readonly #days: number
  readonly #needs: KeeperNeeds
  /** The book is loaded, and had no consent. */
  #hadNone = false
  #storage: ConsentStorage | null = null
  #stop: (() => Promise<void>) | null = null

  constructor(days: number, needs: KeeperNeeds) {
    this.#days = days
    this.#needs = needs
  }

  /** The first consent changes what becomes of every seller's transfers: nobody should have to guess why they are refused. */
  apply({ kind }: BookChange): void {
    if (!this.#hadNone || kind !== 'consent' || this.#needs.stats().consents === 0) return
    this.#hadNone = false
    this.#needs.log.warn(
      { setting: 'compliance.consent.asked' },
      'the first consent is kept: from now on every transfer and outbound call needs one',
    )
  }

  open(storage: ConsentStorage): void {
    this.#storage = storage
  }

  // oxlint-disable-next-line require-await -- as the other parts' start.
  async start(): Promise<void> {
    const { consents, omitted } = this.#needs.stats()
    this.#hadNone = this.#needs.bindsFromFirst && consents === 0 && omitted === 0
    if (omitted > 0)
      this.#needs.log.warn(
        { omitted },
        'there is no room for some consents in memory: calls are judged as if there were none',
      )
    this.#stop = hourly(this.#needs.log, { consents: () => this.sweep() })
  }

  /** A chunk at a time, so that calls are not kept waiting. */
  async sweep(): Promise<void> {
    const before = new Date(this.#needs.clock.now() - this.#days * DAY_MS)
    let forgotten = 0
    for (;;) {
      const some = await this.#storage!.stores.consents.forgetEnded(before)
      forgotten += some
      if (some === 0) break
    }
    if (forgotten > 0)
      this.#needs.log.info({ consents: forgotten, days: this.#days }, 'forgot consents that were old enough')
  }

  async close(): Promise<void> {
    await this.#stop?.()
  }
}
