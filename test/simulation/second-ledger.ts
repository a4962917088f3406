import assert from 'node:assert/strict'

/** What happened, in the plainest words: numbers are whole cents, accounts are names that begin with their currency. */
export type Fact =
  | { readonly kind: 'awarded'; readonly call: string; readonly buyer: string; readonly cents: number }
  /**
   * The call is over. It costs what was agreed, or its minutes, or nothing. `share` is the seller's, in hundredths; `fixed` its cents, or
   * its own minutes.
   */
  | {
      readonly kind: 'ended'
      readonly call: string
      readonly seller: string
      readonly isBillable: boolean
      readonly share: number | null
      readonly fixed: number
      readonly ms: number
      readonly cost: Minutes | null
      readonly pay: Minutes | null
    }
  /** By what has become of it the call costs so much, all told; until its buyer has had money back. */
  | {
      readonly kind: 'converted'
      readonly call: string
      readonly buyer: string
      readonly seller: string
      readonly cents: number
      readonly share: number
    }
  | { readonly kind: 'deposited'; readonly account: string; readonly cents: number; readonly reference: string }
  | { readonly kind: 'credited'; readonly call: string; readonly cents: number }
  | { readonly kind: 'paid-out'; readonly payout: string; readonly seller: string; readonly cents: number }
  | { readonly kind: 'settled'; readonly payout: string }
  | { readonly kind: 'returned'; readonly payout: string }
  | { readonly kind: 'card-paid'; readonly payment: string; readonly buyer: string; readonly cents: number }
  | {
      readonly kind: 'card-refunded'
      readonly payment: string
      readonly refund: string
      readonly cents: number
      readonly hasFailed: boolean
    }

/** So many cents for a minute, counted by a first step and further ones, of which not all need be paid. */
export interface Minutes {
  readonly cents: number
  readonly first: number
  readonly next: number
  readonly most: number
}

interface CallEntry {
  readonly buyer: string
  readonly cents: number
  seller?: string
  paid?: number
  charged?: number
  isCredited?: boolean
}

/**
 * A second ledger, deliberately naive, by somebody who has not read the first: plain numbers of cents in maps, one `if` for each
 * rule. It shares no line with the real one, so that where they agree they are both right or both wrong by chance.
 */
export class SecondLedger {
  /** By account. */
  readonly cents = new Map<string, number>()
  readonly calls = new Map<string, CallEntry>()
  /** Calls whose funds are held. */
  readonly held = new Map<string, CallEntry>()
  readonly #heldBy = new Map<string, number>()
  readonly #references = new Set<string>()
  readonly #payouts = new Map<string, { seller: string; cents: number; at: 'bank' | 'gone' | 'back' }>()
  readonly #payments = new Map<
    string,
    { buyer: string | null; paid: number; refunds: Map<string, { cents: number; hasFailed: boolean }>; posted: number }
  >()

  balance(account: string): number {
    return this.cents.get(account) ?? 0
  }

  heldBy(buyer: string): number {
    return this.#heldBy.get(buyer) ?? 0
  }

  /** What a call of this price would be told. */
  mayHold(buyer: string, cents: number, credit: number): boolean {
    return cents <= this.balance(buyer) + credit - this.heldBy(buyer)
  }

  learn(fact: Fact): void {
    if (fact.kind === 'awarded') {
      const entry = { buyer: fact.buyer, cents: fact.cents }
      this.calls.set(fact.call, entry)
      this.held.set(fact.call, entry)
      this.#heldBy.set(fact.buyer, this.heldBy(fact.buyer) + fact.cents)
    } else if (fact.kind === 'ended') this.#ended(fact)
    else if (fact.kind === 'converted') this.#converted(fact)
    else if (fact.kind === 'deposited') {
      if (this.#references.has(fact.reference)) return
      this.#references.add(fact.reference)
      this.#move(beside('world', fact.account), fact.account, fact.cents)
    } else if (fact.kind === 'credited') {
      const call = this.calls.get(fact.call)!
      if (call.isCredited) return
      call.isCredited = true
      const back = Math.floor((call.paid! * fact.cents) / call.charged!)
      this.#move(call.seller!, call.buyer, back)
      this.#move(beside('house', call.buyer), call.buyer, fact.cents - back)
    } else if (fact.kind === 'paid-out') {
      if (this.#payouts.has(fact.payout)) return
      this.#payouts.set(fact.payout, { seller: fact.seller, cents: fact.cents, at: 'bank' })
      this.#move(fact.seller, beside('bank', fact.seller), fact.cents)
    } else if (fact.kind === 'settled') {
      const payout = this.#payouts.get(fact.payout)!
      if (payout.at !== 'bank') return
      payout.at = 'gone'
      this.#move(beside('bank', payout.seller), beside('world', payout.seller), payout.cents)
    } else if (fact.kind === 'returned') {
      const payout = this.#payouts.get(fact.payout)!
      if (payout.at === 'back') return
      this.#move(beside(payout.at === 'bank' ? 'bank' : 'world', payout.seller), payout.seller, payout.cents)
      payout.at = 'back'
    } else this.#card(fact)
  }

  /** An award that was never written down before its process died. */
  forget(call: string): void {
    this.#release(call)
    this.calls.delete(call)
  }

  #ended({ call: name, seller, isBillable, share, fixed, ms, cost, pay }: Extract<Fact, { kind: 'ended' }>): void {
    const call = this.calls.get(name)
    if (!call || !this.held.has(name)) return
    this.#release(name)
    if (!isBillable) return
    const charged = cost === null ? call.cents : Math.max(1, worthOf(cost, ms))
    assert(charged <= call.cents, 'it costs more than was held')
    const own = pay === null ? fixed : worthOf(pay, ms)
    const paid = Math.min(charged, share === null ? own : Math.floor((charged * share) / 100))
    Object.assign(call, { seller, paid, charged })
    this.#move(call.buyer, seller, paid)
    this.#move(call.buyer, beside('house', call.buyer), charged - paid)
  }

  #converted({ call: name, buyer, seller, cents, share }: Extract<Fact, { kind: 'converted' }>): void {
    let call = this.calls.get(name)
    if (!call) this.calls.set(name, (call = { buyer, cents: 0, seller, paid: 0, charged: 0 }))
    if (call.isCredited) return
    const paid = Math.floor((cents * share) / 100)
    this.#move(buyer, seller, paid - call.paid!)
    this.#move(buyer, beside('house', buyer), cents - paid - (call.charged! - call.paid!))
    call.paid = paid
    call.charged = cents
  }

  #card(fact: Extract<Fact, { payment: string }>): void {
    let payment = this.#payments.get(fact.payment)
    if (!payment) this.#payments.set(fact.payment, (payment = { buyer: null, paid: 0, refunds: new Map(), posted: 0 }))
    if (fact.kind === 'card-paid') {
      payment.buyer = fact.buyer
      payment.paid = fact.cents
    } else {
      const before = payment.refunds.get(fact.refund)
      payment.refunds.set(fact.refund, { cents: fact.cents, hasFailed: fact.hasFailed || (before?.hasFailed ?? false) })
    }
    if (payment.buyer === null) return
    let worth = payment.paid
    for (const refund of payment.refunds.values()) if (!refund.hasFailed) worth -= refund.cents
    if (worth < 0) worth = 0
    this.#move(beside('world', payment.buyer), payment.buyer, worth - payment.posted)
    payment.posted = worth
  }

  #release(name: string): void {
    const call = this.held.get(name)
    if (!call) return
    this.held.delete(name)
    this.#heldBy.set(call.buyer, this.heldBy(call.buyer) - call.cents)
  }

  #move(from: string, to: string, cents: number): void {
    assert(Number.isSafeInteger(cents))
    this.cents.set(from, this.balance(from) - cents)
    this.cents.set(to, this.balance(to) + cents)
  }
}

/** Step by step until the call is over, and then no cent that is not whole. */
function worthOf({ cents, first, next, most }: Minutes, ms: number): number {
  let seconds = first
  while (ms > seconds * 1000) seconds += next
  return Math.floor((cents * Math.min(seconds, most)) / 60)
}

/** The house, the world or the bank, in the currency of an account. */
function beside(name: string, account: string): string {
  return `${account.slice(0, 3)} ${name}`
}
