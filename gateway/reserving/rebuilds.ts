import type { Clock } from '../../model/clock.ts'
import type { AccountId } from '../../model/ids.ts'
import type { AccountRebuilt, SharedCounters } from '../needs.ts'

/** Accounts rebuilt at the same time. */
export const MOST_REBUILDING = 64
/** How long a call waits for the counters of its buyer to be rebuilt, ms. */
const WAIT_MS = 2000
const POLL_MS = 20

/** Has the counters of accounts rebuilt from the database: each by one gateway at a time, while the others wait for it. */
export class Rebuilds {
  readonly #shared: SharedCounters
  readonly #read: (accountId: AccountId) => Promise<AccountRebuilt>
  readonly #clock: Clock
  readonly #underWay = new Map<AccountId, Promise<void>>()

  constructor(shared: SharedCounters, read: (accountId: AccountId) => Promise<AccountRebuilt>, clock: Clock) {
    this.#shared = shared
    this.#read = read
    this.#clock = clock
  }

  /** Resolves when the account's counters are there; rejects when they are not after two seconds, or too many others are to be. */
  of(accountId: AccountId): Promise<void> {
    let rebuild = this.#underWay.get(accountId)
    if (rebuild === undefined) {
      if (this.#underWay.size >= MOST_REBUILDING)
        return Promise.reject(new Error('too many accounts are being rebuilt'))
      rebuild = this.#rebuild(accountId).finally(() => this.#underWay.delete(accountId))
      this.#underWay.set(accountId, rebuild)
    }
    return rebuild
  }

  async #rebuild(accountId: AccountId): Promise<void> {
    const deadline = this.#clock.monotonicMs() + WAIT_MS
    do {
      if ((await this.#shared.renew(accountId, [])) !== 'unknown') return
      if (await this.#shared.rebuild(accountId, () => this.#read(accountId))) return
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    } while (this.#clock.monotonicMs() < deadline)
    throw new Error('another gateway is still rebuilding these counters')
  }
}
