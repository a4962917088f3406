import assert from 'node:assert/strict'
import { createBalances, type Balances } from '../../accounts/holds.ts'
import { createTransfer } from '../../accounts/ledger.ts'
import { payoutPosting, returnPosting, settledPosting } from '../../accounts/pay-sellers.ts'
import { reverse } from '../../accounts/reversal.ts'
import { settle } from '../../accounts/settlement.ts'
import type { Account } from '../../model/account.ts'
import type { CallRecord, SoldTerms } from '../../model/cdr.ts'
import { newId, type AccountId, type PostingId } from '../../model/ids.ts'
import type { Posting } from '../../model/ledger.ts'
import { CENT } from '../../model/money.ts'
import type { PaymentNews } from '../../model/payment.ts'
import type { PayoutId, PayoutRunId } from '../../model/payout.ts'
import { mostOfMinutes, type MinuteTerms } from '../../model/per-minute.ts'
import type { Payout } from '../../model/trunk.ts'
import { EXTERNAL_ACCOUNT_ID, OPERATOR_ACCOUNT_ID, PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { change } from '../support/market.ts'
import { callRecord, endedCall, holdOf, termsOf } from '../support/records.ts'
import type { Dice } from './dice.ts'
import type { Durable } from './ledger-durable.ts'
import { cents, naively, NAMES, TAKE } from './ledger-market.ts'
import type { EndedSale, Sale } from './sale.ts'
import { SecondLedger, type Fact } from './second-ledger.ts'

/** Events of calls, then of money, between two comparisons. */
const CALLS_IN_TURN = 450
const MONEY_IN_TURN = 50
/** Of money moved at once: so many connections the stores have. */
const AT_ONCE = 8
const MOST_OPEN = 300
const MOST_REMEMBERED = 500

/** A gateway's process and its storage, and beside them the second ledger, told the same. */
export class Story {
  readonly #dice: Dice
  readonly #durable: Durable
  readonly #accounts: ReadonlyMap<string, Account>
  readonly #naive = new SecondLedger()
  #balances: Balances
  #open: Sale[] = []
  #ended: EndedSale[] = []
  readonly #payouts: { id: PayoutId; seller: string; cents: number; step: 'sent' | 'settled' | 'returned' }[] = []
  readonly #payments: { id: string; buyer: string; cents: number }[] = []
  #writes: Promise<void>[] = []
  #count = 0
  #batch = 0
  events = 0
  crashes = 0
  refusals = 0

  constructor(dice: Dice, durable: Durable, accounts: ReadonlyMap<string, Account>) {
    this.#dice = dice
    this.#durable = durable
    this.#accounts = accounts
    this.#balances = this.#newProcess()
  }

  #newProcess(): Balances {
    const balances = createBalances({ clock: { now: () => Date.now() }, newId })
    for (const account of this.#accounts.values()) balances.apply(change.account(account))
    return balances
  }

  #idOf(name: string): AccountId {
    return this.#accounts.get(name)!.id
  }

  #pick(word: string, currency = ''): string {
    return this.#dice.pick(NAMES.filter((name) => name.includes(word) && name.startsWith(currency)))
  }

  async turn(): Promise<void> {
    const crashAt = this.crashes === 0 || this.#dice.onceIn(6) ? this.#dice.roll(CALLS_IN_TURN) : -1
    for (let i = 0; i < CALLS_IN_TURN; i++) {
      this.events++
      this.#callStep()
      if (i === crashAt) await this.#crash()
    }
    await this.#written()
    await this.#money()
    this.#deliver()
    this.#compareMemory()
  }

  #callStep(): void {
    const roll = this.#dice.roll(100)
    if (roll < 52 && this.#open.length < MOST_OPEN) this.#award()
    else if (roll < 92 && this.#open.length > 0) this.#end()
    else if (roll < 96) this.#repeatSale()
    else this.#repeatEnd()
  }

  #award(): void {
    const [buyer, seller] = [this.#pick('buyer'), this.#pick('seller')]
    const currency = seller.slice(0, 3)
    const minutes = this.#dice.onceIn(3) ? this.#minutes() : null
    const price = minutes ? Number(mostOfMinutes(minutes.rateMicros, minutes) / CENT) : 1 + this.#dice.roll(2_000)
    const blank = callRecord()
    const held = this.#balances.hold(this.#idOf(buyer), blank.id, cents(price), currency)
    const { creditLimitMicros } = this.#accounts.get(buyer)!
    const may = buyer.startsWith(currency) && this.#naive.mayHold(buyer, price, Number(creditLimitMicros / CENT))
    assert.equal(held === 'insufficient_credit', !may, `${buyer} asks for ${price} ${currency}`)
    if (typeof held === 'string') return void this.refusals++
    const share = this.#dice.onceIn(3) ? null : this.#dice.roll(101)
    const call = { ...blank, buyerId: this.#idOf(buyer), sellerId: this.#idOf(seller), currency }
    const terms: SoldTerms = {
      ...termsOf(call, holdOf(call)),
      holdId: held.id,
      buyerId: call.buyerId,
      sellerId: call.sellerId,
      currency,
      priceMicros: cents(price),
      ...(minutes && { minutes }),
      payout: share === null ? this.#fixedPayout() : { type: 'share', shareMillionths: BigInt(share) * 10_000n },
    }
    const sale = { call, hold: held, terms, name: seller }
    this.#open.push(sale)
    this.#write(this.#durable.sold(call, held, terms))
    this.#naive.learn({ kind: 'awarded', call: call.id, buyer, cents: price })
  }

  #minutes(): MinuteTerms {
    return {
      type: 'minute',
      atMax: 'continue',
      expectedSeconds: 60,
      rateMicros: cents(1 + this.#dice.roll(400)),
      initialSeconds: this.#dice.pick([1, 6, 30, 60]),
      incrementSeconds: this.#dice.pick([1, 6, 30, 60]),
      maxBillableSeconds: 60 + this.#dice.roll(90),
    }
  }

  #fixedPayout(): Payout {
    if (!this.#dice.onceIn(2)) return { type: 'fixed', amountMicros: cents(this.#dice.roll(2_500)) }
    const { rateMicros, initialSeconds, incrementSeconds } = this.#minutes()
    return { type: 'minute', rateMicros, initialSeconds, incrementSeconds }
  }

  #settle({ call, terms }: Sale, durationMs: number): { record: CallRecord; posting: Posting | null; fact: Fact } {
    const at = new Date()
    const settled = settle({
      terms,
      durationMs,
      endedAt: at,
      postingId: newId<PostingId>(),
      callId: call.id,
      operatorId: OPERATOR_ACCOUNT_ID,
    })
    const { priceMicros, payoutMicros, billableMs, posting } = settled
    const record = { ...endedCall(call), durationMs, billableMs, priceMicros, payoutMicros }
    const { payout, minutes } = terms
    const fact: Fact = {
      kind: 'ended',
      call: call.id,
      seller: '',
      isBillable: durationMs >= 30_000,
      share: payout.type === 'share' ? Number(payout.shareMillionths) / 10_000 : null,
      fixed: payout.type === 'fixed' ? Number(payout.amountMicros / CENT) : 0,
      ms: durationMs,
      cost: minutes ? naively(minutes, minutes.maxBillableSeconds) : null,
      pay: payout.type === 'minute' ? naively(payout, Infinity) : null,
    }
    return { record, posting, fact }
  }

  /** Takes the money, or lets it go. */
  #close({ hold }: Sale, posting: Posting | null): boolean {
    return posting ? this.#balances.post(hold, posting) : this.#balances.void(hold)
  }

  #end(): void {
    const [sale] = this.#open.splice(this.#dice.roll(this.#open.length), 1)
    const { record, posting, fact } = this.#settle(sale!, this.#dice.roll(120_000))
    assert.equal(this.#close(sale!, posting), true)
    this.#write(this.#durable.ended(record, posting))
    this.#naive.learn({ ...fact, seller: sale!.name } as Fact)
    this.#ended.push({ ...sale!, record, posting, batch: this.#batch })
    if (this.#ended.length > MOST_REMEMBERED) this.#ended.shift()
  }

  /** The sale is written again: with its dialogs, or from a spool, perhaps long after the call's end. */
  #repeatSale(): void {
    const sale = this.#dice.pick<Sale | undefined>([
      ...this.#open.slice(-50),
      // The gateway writes nothing of a call while its end is being written.
      ...this.#ended.slice(0, 50).filter(({ batch }) => batch < this.#batch),
    ])
    if (sale) this.#write(this.#durable.sold(sale.call, sale.hold, sale.terms))
  }

  /** The end is told and written again, by somebody who made another posting of it. */
  #repeatEnd(): void {
    const sale = this.#dice.pick<EndedSale | undefined>(this.#ended)
    if (!sale) return
    const { posting } = this.#settle(sale, sale.record.durationMs)
    assert.equal(this.#close(sale, posting), false)
    this.#write(this.#durable.ended(sale.record, posting))
  }

  /** The process dies, with things in its memory that nobody wrote down; another one begins with what was. */
  async #crash(): Promise<void> {
    this.crashes++
    const buyer = this.#pick('buyer')
    this.#balances.hold(this.#idOf(buyer), newId(), CENT, buyer.slice(0, 3))
    const lost = this.#open.at(-1)
    if (lost) this.#close(lost, this.#settle(lost, 60_000).posting)
    await this.#written()
    this.#durable.changes.length = 0 // What was announced is in the balances that are read now.
    this.#balances = this.#newProcess()
    this.#balances.load(await this.#durable.balances())
    const holds = await this.#durable.openHolds()
    for (const hold of holds) this.#balances.adopt(hold)
    assert.deepEqual(
      new Set(holds.map(({ callId }) => callId as string)),
      new Set(this.#naive.held.keys()),
      'the calls whose funds are held',
    )
    const byCall = new Map(holds.map((hold) => [hold.callId, hold]))
    this.#open = this.#open.map((sale) => ({ ...sale, hold: byCall.get(sale.call.id)! }))
    this.#compareMemory()
  }

  /** Deposits, payouts, disputes and cards: in any order, some twice, all at once. */
  async #money(): Promise<void> {
    const work: (() => Promise<void>)[] = []
    for (let i = 0; i < MONEY_IN_TURN; i++) {
      this.events++
      const [fact, act] = this.#moneyStep()
      if (fact) this.#naive.learn(fact)
      for (let times = this.#dice.onceIn(4) ? 2 : 1; times > 0; times--) work.push(act)
    }
    const left = this.#shuffled(work)
    const line = async (): Promise<void> => {
      for (let act = left.pop(); act; act = left.pop()) await act()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, line))
  }

  #moneyStep(): [Fact | null, () => Promise<void>] {
    const roll = this.#dice.roll(10)
    if (roll < 4) return this.#deposit()
    if (roll < 5) return this.#payOut()
    if (roll < 6) return this.#goOnWithPayout()
    if (roll < 7) return this.#dispute()
    return this.#card()
  }

  #deposit(): [Fact, () => Promise<void>] {
    const account = this.#pick('buyer')
    const count = 1 + this.#dice.roll(60_000)
    const reference = `wire ${++this.#count}`
    const post = () =>
      this.#durable.post(
        createTransfer({
          id: newId<PostingId>(),
          kind: 'deposit',
          currency: account.slice(0, 3),
          reference,
          postedAt: new Date(),
          accountId: this.#idOf(account),
          externalId: EXTERNAL_ACCOUNT_ID,
          amountMicros: cents(count),
        }),
      )
    return [{ kind: 'deposited', account, cents: count, reference }, post]
  }

  #payOut(): [Fact, () => Promise<void>] {
    const seller = this.#pick('seller', 'USD')
    const payout = { id: newId<PayoutId>(), seller, cents: 1 + this.#dice.roll(50_000), step: 'sent' as const }
    this.#payouts.push(payout)
    const post = () =>
      this.#durable.post(
        payoutPosting({
          postingId: newId(),
          payoutId: payout.id,
          accountId: this.#idOf(seller),
          clearingId: this.#durable.clearingId,
          amountMicros: cents(payout.cents),
          at: new Date(),
        }),
      )
    return [{ kind: 'paid-out', payout: payout.id, seller, cents: payout.cents }, post]
  }

  #goOnWithPayout(): [Fact | null, () => Promise<void>] {
    const payout = this.#payouts[this.#dice.roll(this.#payouts.length)]
    const { clearingId } = this.#durable
    const amountMicros = cents(payout?.cents ?? 0)
    if (payout?.step === 'sent' && clearingId === PAYOUT_CLEARING_ACCOUNT_ID && this.#dice.onceIn(2)) {
      payout.step = 'settled'
      const run = { id: newId<PayoutRunId>(), currency: 'USD' }
      const terms = { run, clearingId, externalId: EXTERNAL_ACCOUNT_ID, amountMicros, at: new Date() }
      const posting = settledPosting({ ...terms, postingId: newId() })
      return [{ kind: 'settled', payout: payout.id }, () => this.#durable.post(posting)]
    }
    if (!payout || payout.step === 'returned') return [null, () => Promise.resolve()]
    const fromId = payout.step === 'settled' ? EXTERNAL_ACCOUNT_ID : clearingId
    payout.step = 'returned'
    const accountId = this.#idOf(payout.seller)
    const post = () =>
      this.#durable.post(
        returnPosting({
          postingId: newId(),
          payoutId: payout.id,
          code: 'R03',
          accountId,
          fromId,
          amountMicros,
          at: new Date(),
        }),
      )
    return [{ kind: 'returned', payout: payout.id }, post]
  }

  #dispute(): [Fact | null, () => Promise<void>] {
    const sale = this.#dice.pick<EndedSale | undefined>(this.#ended)
    if (!sale?.posting || this.#naive.calls.get(sale.call.id)!.isCredited) return [null, () => Promise.resolve()]
    const { priceMicros, payoutMicros, currency } = sale.record
    const credit = 1 + this.#dice.roll(Number(priceMicros / CENT))
    const post = () =>
      this.#durable.post(
        reverse({
          postingId: newId(),
          callId: sale.call.id,
          buyerId: sale.terms.buyerId,
          sellerId: sale.terms.sellerId,
          operatorId: OPERATOR_ACCOUNT_ID,
          currency,
          chargedMicros: priceMicros,
          paidMicros: payoutMicros,
          creditMicros: cents(credit),
          at: new Date(),
        }).posting,
      )
    return [{ kind: 'credited', call: sale.call.id, cents: credit }, post]
  }

  /** A payment by card, or a refund of one: its news come in any order, a refund perhaps before what it refunds. */
  #card(): [Fact, () => Promise<void>] {
    if (this.#payments.length === 0 || this.#dice.onceIn(3))
      this.#payments.push({
        id: `pi_${++this.#count}`,
        buyer: this.#pick('buyer'),
        cents: 100 + this.#dice.roll(50_000),
      })
    const payment = this.#payments[this.#payments.length - 1 - this.#dice.roll(Math.min(20, this.#payments.length))]!
    const { id, buyer } = payment
    const currency = buyer.slice(0, 3)
    if (this.#dice.onceIn(2)) {
      const news: PaymentNews = {
        kind: 'paid',
        paymentId: id,
        currency,
        amountMicros: cents(payment.cents),
        accountId: this.#idOf(buyer),
      }
      return [{ kind: 'card-paid', payment: id, buyer, cents: payment.cents }, () => this.#durable.take(news, TAKE)]
    }
    const refund = `re_${this.#dice.roll(3)}`
    const part = Math.floor(payment.cents / (2 + Number(refund.at(-1))))
    const hasFailed = this.#dice.onceIn(4)
    const news: PaymentNews = {
      kind: 'refund',
      paymentId: id,
      currency,
      amountMicros: cents(part),
      refundId: refund,
      isFailed: hasFailed,
    }
    return [
      { kind: 'card-refunded', payment: id, refund, cents: part, hasFailed },
      () => this.#durable.take(news, TAKE),
    ]
  }

  /** What storage announces reaches the balances in any order, some of it twice. */
  #deliver(): void {
    const { changes } = this.#durable
    const told = changes.splice(0)
    for (const each of this.#shuffled([...told, ...told.filter(() => this.#dice.onceIn(10))]))
      this.#balances.apply(each)
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const left = [...list]
    return list.map(() => left.splice(this.#dice.roll(left.length), 1)[0]!)
  }

  #write(done: Promise<void>): void {
    this.#writes.push(done)
  }

  async #written(): Promise<void> {
    await Promise.all(this.#writes.splice(0))
    this.#batch++
  }

  #compareMemory(): void {
    for (const [name, { id, creditLimitMicros }] of this.#accounts) {
      if (!name.includes('er ')) continue
      const [balance, held] = [cents(this.#naive.balance(name)), cents(this.#naive.heldBy(name))]
      assert.equal(this.#balances.balanceMicros(id), balance, `the balance of ${name}`)
      assert.equal(this.#balances.heldMicros(id), held, `what ${name} has on hold`)
      const available = balance + creditLimitMicros - held
      assert.equal(this.#balances.availableMicros(id), available > 0n ? available : 0n, `what ${name} has available`)
    }
    assert.equal(this.#balances.holdCount, this.#naive.held.size)
  }

  /** Every account of the ledger that outlives the process, the house and the world by currency too. */
  async compareStored(): Promise<void> {
    const stored = new Map<string, bigint>()
    for (const { accountId, currency, balanceMicros } of await this.#durable.balances())
      stored.set(`${accountId} ${currency}`, balanceMicros)
    const of = (id: AccountId, currency: string): bigint => stored.get(`${id} ${currency}`) ?? 0n
    for (const currency of ['USD', 'EUR', 'JPY']) {
      for (const name of NAMES) {
        const expected = name.startsWith(currency) ? cents(this.#naive.balance(name)) : 0n
        assert.equal(of(this.#idOf(name), currency), expected, `${name} in ${currency}`)
      }
      const [world, bank] = [this.#naive.balance(`${currency} world`), this.#naive.balance(`${currency} bank`)]
      assert.equal(of(OPERATOR_ACCOUNT_ID, currency), cents(this.#naive.balance(`${currency} house`)))
      assert.equal(of(EXTERNAL_ACCOUNT_ID, currency) + of(PAYOUT_CLEARING_ACCOUNT_ID, currency), cents(world + bank))
      if (this.#durable.clearingId === PAYOUT_CLEARING_ACCOUNT_ID)
        assert.equal(of(PAYOUT_CLEARING_ACCOUNT_ID, currency), cents(bank))
    }
    assert.deepEqual(await this.#durable.faults(), [])
  }

  /** The last calls end, and nothing is held any more. */
  async finish(): Promise<void> {
    while (this.#open.length > 0) this.#end()
    await this.#written()
    assert.equal(this.#balances.holdCount, 0)
    assert.deepEqual(await this.#durable.openHolds(), [])
    await this.compareStored()
  }
}
