import type { Logger } from '../../config/logger.ts'
import type { Clock } from '../../model/clock.ts'
import { hourly } from '../start/hourly.ts'
import type { ScreeningPart } from './screening-part.ts'

const DAY_MS = 86_400_000

/** What is asked of the storage. */
export interface ConsentStorage {
  readonly stores: { readonly consents: { forgetEnded(before: Date): Promise<number> } }
}

/** Forgets consents so long after they ended as they have to be kept, and says how many there are in memory no room for. */
export class ConsentKeeper implements ScreeningPart<ConsentStorage> {
  readonly #days: number
  readonly #clock: Pick<Clock, 'now'>
  readonly #omitted: () => number
  readonly #log: Pick<Logger, 'info' | 'warn'>
  #storage: ConsentStorage | null = null
  #stop: (() => Promise<void>) | null = null

  constructor(
    days: number,
    needs: { clock: Pick<Clock, 'now'>; omitted: () => number; log: Pick<Logger, 'info' | 'warn'> },
  ) {
    this.#days = days
    this.#clock = needs.clock
    this.#omitted = needs.omitted
    this.#log = needs.log
  }

  open(storage: ConsentStorage): void {
    this.#storage = storage
  }

  // oxlint-disable-next-line require-await -- as the other parts' start.
  async start(): Promise<void> {
    const omitted = this.#omitted()
    if (omitted > 0)
      this.#log.warn(
        { omitted },
        'there is no room for some consents in memory: calls are judged as if there were none',
      )
    this.#stop = hourly(this.#log, { consents: () => this.sweep() })
  }

  /** A chunk at a time, so that calls are not kept waiting. */
  async sweep(): Promise<void> {
    const before = new Date(this.#clock.now() - this.#days * DAY_MS)
    let forgotten = 0
    for (;;) {
      const some = await this.#storage!.stores.consents.forgetEnded(before)
      forgotten += some
      if (some === 0) break
    }
    if (forgotten > 0) this.#log.info({ consents: forgotten, days: this.#days }, 'forgot consents that were old enough')
  }

  async close(): Promise<void> {
    await this.#stop?.()
  }
}
