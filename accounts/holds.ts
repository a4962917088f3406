import { strict as assert } from 'node:assert'
import type { Account } from '../model/account.ts'
import type { BookChange } from '../model/book.ts'
import type { AccountId, CallId, HoldId } from '../model/ids.ts'
import type { Hold, Posting } from '../model/ledger.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { AccountsNeeds } from './needs.ts'
import { RecentIds } from './recent-ids.ts'

/** Postings remembered so that one that is announced twice counts once. */
const POSTINGS_REMEMBERED = 16_384

export type HoldRefusal = 'insufficient_credit' | 'account_inactive'

interface StoredBalance {
  readonly accountId: AccountId
  readonly currency: Currency
  readonly balanceMicros: Micros
}

/**
 * What every account owns and has reserved, in memory; the ledger in storage is the truth it is loaded from. Each call is
 * O(1). A hold ends once: posted, or voided; ending it again changes nothing.
 */
export interface Balances {
  /** Learns accounts and postings; every other kind of change is ignored. */
  apply(change: BookChange): void
  /** Sets balances as the ledger had them when it was read, before any `apply` of a later posting. */
  load(balances: Iterable<StoredBalance>): void
  /** Reserves a buyer's funds for one award. The amount is not negative. */
  hold(accountId: AccountId, callId: CallId, amountMicros: Micros, currency: Currency): Hold | HoldRefusal
  /** Takes over a hold that outlived its process, whatever the balance is now: the funds were promised then. */
  adopt(hold: Hold): void
  /** Moves the money and ends the hold. False, and nothing changes, when the hold has ended already. */
  post(hold: Hold, posting: Posting): boolean
  /** Ends the hold; no money moves. False when it has ended already. */
  void(hold: Hold): boolean
  /** In the account's own currency; 0 for one unknown. */
  balanceMicros(id: AccountId): Micros
  heldMicros(id: AccountId): Micros
  /** balance + credit limit − holds, never below 0; 0 unless the account is active. */
  availableMicros(id: AccountId): Micros
  /** Holds not yet posted or voided. */
  readonly holdCount: number
}

interface Purse {
  account: Account | null
  readonly balances: Map<Currency, Micros>
  heldMicros: Micros
}

export function createBalances(needs: AccountsNeeds): Balances {
  const purses = new Map<AccountId, Purse>()
  const holds = new Map<HoldId, Hold>()
  const posted = new RecentIds(POSTINGS_REMEMBERED)

  function purseOf(id: AccountId): Purse {
    let purse = purses.get(id)
    if (purse === undefined) purses.set(id, (purse = { account: null, balances: new Map(), heldMicros: 0n }))
    return purse
  }

  function applyPosting(posting: Posting): void {
    if (!posted.add(posting.id)) return
    for (const { accountId, amountMicros } of posting.entries) {
      const { balances } = purseOf(accountId)
      balances.set(posting.currency, (balances.get(posting.currency) ?? 0n) + amountMicros)
    }
  }

  function balanceOf(purse: Purse | undefined): Micros {
    return purse?.account ? (purse.balances.get(purse.account.currency) ?? 0n) : 0n
  }

  function availableOf(purse: Purse | undefined): Micros {
    if (purse?.account?.status !== 'active') return 0n
    const available = balanceOf(purse) + purse.account.creditLimitMicros - purse.heldMicros
    return available > 0n ? available : 0n
  }

  function end(hold: Hold): boolean {
    if (!holds.delete(hold.id)) return false
    const purse = purseOf(hold.accountId)
    purse.heldMicros -= hold.amountMicros
    assert(purse.heldMicros >= 0n, 'more was released than was ever held')
    return true
  }

  function keep(hold: Hold): void {
    holds.set(hold.id, hold)
    purseOf(hold.accountId).heldMicros += hold.amountMicros
  }

  return {
    apply(change) {
      if (change.kind === 'account') purseOf(change.id).account = change.value
      else if (change.kind === 'posting') applyPosting(change.posting)
    },
    load(balances) {
      for (const { accountId, currency, balanceMicros } of balances)
        purseOf(accountId).balances.set(currency, balanceMicros)
    },
    hold(accountId, callId, amountMicros, currency) {
      assert(amountMicros >= 0n, 'a hold is not negative')
      const purse = purses.get(accountId)
      if (purse?.account?.status !== 'active') return 'account_inactive'
      // Credit is given in the account's own currency and no other.
      if (purse.account.currency !== currency || amountMicros > availableOf(purse)) return 'insufficient_credit'
      const heldAt = new Date(needs.clock.now())
      const hold: Hold = { id: needs.newId<HoldId>(), callId, accountId, currency, amountMicros, heldAt }
      keep(hold)
      return hold
    },
    adopt(hold) {
      if (!holds.has(hold.id)) keep(hold)
    },
    post(hold, posting) {
      assert(posting.callId === hold.callId && posting.currency === hold.currency, 'the posting is of another call')
      const entry = posting.entries.find(({ accountId }) => accountId === hold.accountId)
      assert(entry === undefined || -entry.amountMicros <= hold.amountMicros, 'more is charged than was held')
      if (!end(hold)) return false
      applyPosting(posting)
      return true
    },
    void: end,
    balanceMicros: (id) => balanceOf(purses.get(id)),
    heldMicros: (id) => purses.get(id)?.heldMicros ?? 0n,
    availableMicros: (id) => availableOf(purses.get(id)),
    get holdCount() {
      return holds.size
    },
  }
}
