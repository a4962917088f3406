import assert from 'node:assert/strict'
import { createBalances, type Balances, type HoldRefusal } from '../../accounts/holds.ts'
import type { AccountId, CallId, PostingId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { Hold, Posting } from '../../model/ledger.ts'
import { anAccount, change, dollars } from '../support/market.ts'

const BUYER = 'buyer' as AccountId
const SELLER = 'seller' as AccountId
const CALL = 'call' as CallId

/** A buyer with $10 and $5 of credit. */
function open(): Balances {
  const balances = createBalances({ clock: { now: () => 1000 }, newId })
  balances.load([{ accountId: BUYER, currency: 'USD', balanceMicros: dollars(10) }])
  balances.apply(change.account(anAccount(BUYER, { creditLimitMicros: dollars(5) })))
  return balances
}
function held(hold: Hold | HoldRefusal): Hold {
  if (typeof hold === 'string') assert.fail(`refused: ${hold}`)
  return hold
}
const charge = (amount: number, changes: Partial<Posting> = {}): Posting => ({
  id: newId<PostingId>(),
  kind: 'call',
  callId: CALL,
  currency: 'USD',
  reference: 'a call',
  entries: [
    { accountId: BUYER, amountMicros: -dollars(amount) },
    { accountId: SELLER, amountMicros: dollars(amount) },
  ],
  postedAt: new Date(0),
  ...changes,
})
const figures = (balances: Balances): number[] =>
  [balances.balanceMicros(BUYER), balances.heldMicros(BUYER), balances.availableMicros(BUYER)].map(
    (m) => Number(m) / 1e6,
  )

describe('a hold', () => {
  it('reserves funds and leaves the balance', () => {
    const balances = open()
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    assert.deepEqual(figures(balances), [10, 4, 11])
    assert.deepEqual(
      [hold.callId, hold.accountId, hold.amountMicros, hold.heldAt.getTime()],
      [CALL, BUYER, dollars(4), 1000],
    )
  })

  it('is posted: the money moves and the rest is free', () => {
    const balances = open()
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    balances.apply(change.account(anAccount(SELLER, { type: 'seller' })))
    assert.equal(balances.post(hold, charge(3)), true)
    assert.deepEqual(figures(balances), [7, 0, 12])
    assert.equal(balances.balanceMicros(SELLER), dollars(3))
    assert.equal(balances.holdCount, 0)
  })

  it('is voided: nothing moves', () => {
    const balances = open()
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    assert.equal(balances.void(hold), true)
    assert.deepEqual(figures(balances), [10, 0, 15])
  })

  it('ends once, however often and however it is ended', () => {
    const balances = open()
    const posted = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    const posting = charge(4)
    assert.equal(balances.post(posted, posting), true)
    assert.equal(balances.post(posted, posting), false)
    assert.equal(balances.post(posted, charge(4)), false)
    assert.equal(balances.void(posted), false)
    assert.deepEqual(figures(balances), [6, 0, 11])
    const voided = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    balances.void(voided)
    assert.equal(balances.post(voided, charge(4)), false)
    assert.deepEqual(figures(balances), [6, 0, 11])
  })

  it('takes the last cent of credit and not one micro more', () => {
    const balances = open()
    held(balances.hold(BUYER, CALL, dollars(15), 'USD'))
    assert.equal(balances.availableMicros(BUYER), 0n)
    assert.equal(balances.hold(BUYER, CALL, 1n, 'USD'), 'insufficient_credit')
    held(balances.hold(BUYER, CALL, 0n, 'USD'))
  })

  it('is refused in another currency than the account’s', () => {
    assert.equal(open().hold(BUYER, CALL, 1n, 'EUR'), 'insufficient_credit')
  })

  it('is refused to an account that is unknown, suspended, closed or gone', () => {
    const balances = open()
    assert.equal(balances.hold('nobody' as AccountId, CALL, 1n, 'USD'), 'account_inactive')
    for (const status of ['suspended', 'closed'] as const) {
      balances.apply(change.account(anAccount(BUYER, { status })))
      assert.equal(balances.hold(BUYER, CALL, 1n, 'USD'), 'account_inactive')
      assert.equal(balances.availableMicros(BUYER), 0n)
    }
    balances.apply({ kind: 'account', id: BUYER, value: null })
    assert.equal(balances.hold(BUYER, CALL, 1n, 'USD'), 'account_inactive')
  })

  it('of an account suspended in mid-call still ends', () => {
    const balances = open()
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    balances.apply(change.account(anAccount(BUYER, { status: 'suspended' })))
    assert.equal(balances.post(hold, charge(4)), true)
    assert.equal(balances.balanceMicros(BUYER), dollars(6))
  })

  it('is never negative, and never covers more than it held', () => {
    const balances = open()
    assert.throws(() => balances.hold(BUYER, CALL, -1n, 'USD'), /not negative/)
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    assert.throws(() => balances.post(hold, charge(4.01)), /more is charged than was held/)
    assert.throws(() => balances.post(hold, charge(4, { callId: 'other' as CallId })), /another call/)
    assert.deepEqual(figures(balances), [10, 4, 11])
  })

  it('that outlived its process is taken over, once, whatever the balance is now', () => {
    const balances = open()
    const hold = { ...held(open().hold(BUYER, CALL, dollars(15), 'USD')), amountMicros: dollars(20) }
    balances.adopt(hold)
    balances.adopt(hold)
    assert.deepEqual(figures(balances), [10, 20, 0])
    assert.equal(balances.post(hold, charge(20)), true)
    assert.deepEqual(figures(balances), [-10, 0, 0])
  })
})

describe('balances', () => {
  it('move with a posting, once', () => {
    const balances = open()
    const posting = charge(-3, { kind: 'deposit', callId: null })
    balances.apply({ kind: 'posting', posting })
    balances.apply({ kind: 'posting', posting })
    assert.deepEqual(figures(balances), [13, 0, 18])
  })

  it('do not count a call’s posting again when it is announced as well', () => {
    const balances = open()
    const hold = held(balances.hold(BUYER, CALL, dollars(4), 'USD'))
    const posting = charge(4)
    balances.post(hold, posting)
    balances.apply({ kind: 'posting', posting })
    assert.deepEqual(figures(balances), [6, 0, 11])
  })

  it('of an account not heard of yet are waiting for it', () => {
    const balances = createBalances({ clock: { now: () => 0 }, newId })
    balances.apply({ kind: 'posting', posting: charge(-3, { kind: 'deposit', callId: null }) })
    assert.deepEqual(figures(balances), [0, 0, 0])
    balances.apply(change.account(anAccount(BUYER)))
    assert.deepEqual(figures(balances), [3, 0, 3])
  })

  it('are kept by currency', () => {
    const balances = open()
    balances.apply({ kind: 'posting', posting: charge(-3, { kind: 'deposit', callId: null, currency: 'EUR' }) })
    assert.deepEqual(figures(balances), [10, 0, 15])
    balances.apply(change.account(anAccount(BUYER, { currency: 'EUR' })))
    assert.equal(balances.balanceMicros(BUYER), dollars(3))
  })

  it('are never available below zero', () => {
    const balances = open()
    held(balances.hold(BUYER, CALL, dollars(12), 'USD'))
    balances.apply(change.account(anAccount(BUYER, { creditLimitMicros: 0n })))
    assert.deepEqual(figures(balances), [10, 12, 0])
  })
})
