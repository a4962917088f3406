import assert from 'node:assert/strict'
import type { Balances } from '../../accounts/holds.ts'
import type { Account } from '../../model/account.ts'
import type { AccountId, HoldId } from '../../model/ids.ts'
import type { Hold, Posting } from '../../model/ledger.ts'
import type { Micros } from '../../model/money.ts'

/**
 * A second, naive model of who owns what: it keeps every posting and every hold for ever and adds them all up each time it
 * is asked (tigerbeetle's auditor, in small). Slow, and too simple to be wrong.
 */
export class Auditor {
  readonly #accounts = new Map<AccountId, Account>()
  readonly #postings: Posting[] = []
  readonly #holds: { hold: Hold; ended: boolean }[] = []

  account(account: Account): void {
    this.#accounts.set(account.id, account)
  }

  posting(posting: Posting): void {
    if (!this.#postings.some(({ id }) => id === posting.id)) this.#postings.push(posting)
  }

  hold(hold: Hold): void {
    this.#holds.push({ hold, ended: false })
  }

  /** Whether the hold had not ended before. */
  end(id: HoldId): boolean {
    const kept = this.#holds.find(({ hold }) => hold.id === id)!
    const first = !kept.ended
    kept.ended = true
    return first
  }

  balance(id: AccountId): Micros {
    const entries = this.#postings.flatMap((posting) => posting.entries)
    return entries.filter(({ accountId }) => accountId === id).reduce((sum, { amountMicros }) => sum + amountMicros, 0n)
  }

  held(id: AccountId): Micros {
    return this.#holds
      .filter(({ hold, ended }) => !ended && hold.accountId === id)
      .reduce((sum, { hold }) => sum + hold.amountMicros, 0n)
  }

  available(id: AccountId): Micros {
    const account = this.#accounts.get(id)
    if (account?.status !== 'active') return 0n
    const available = this.balance(id) + account.creditLimitMicros - this.held(id)
    return available > 0n ? available : 0n
  }

  /** What a hold of this amount must hear. */
  verdict(id: AccountId, amountMicros: Micros): 'held' | 'account_inactive' | 'insufficient_credit' {
    if (this.#accounts.get(id)?.status !== 'active') return 'account_inactive'
    return amountMicros <= this.available(id) ? 'held' : 'insufficient_credit'
  }

  /** Compares one account. */
  check(balances: Balances, id: AccountId): void {
    assert.equal(balances.balanceMicros(id), this.balance(id), `the balance of ${id}`)
    assert.equal(balances.heldMicros(id), this.held(id), `what ${id} has on hold`)
    assert.equal(balances.availableMicros(id), this.available(id), `what ${id} has available`)
  }

  /** Compares them all, and the whole with nothing: money is moved here, never made. */
  checkAll(balances: Balances): void {
    for (const id of this.#accounts.keys()) this.check(balances, id)
    const total = [...this.#accounts.keys()].reduce((sum, id) => sum + balances.balanceMicros(id), 0n)
    assert.equal(total, 0n, 'the sum of all balances')
    assert.equal(balances.holdCount, this.#holds.filter(({ ended }) => !ended).length)
  }
}
