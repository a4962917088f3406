import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { createPosting, createTransfer, findFault, mergeEntries, MOST_ENTRIES } from '../../accounts/ledger.ts'
import type { AccountId, PostingId } from '../../model/ids.ts'
import type { LedgerEntry, Posting } from '../../model/ledger.ts'

const entry = (accountId: string, amountMicros: bigint): LedgerEntry => ({
  accountId: accountId as AccountId,
  amountMicros,
})
const posting = (entries: LedgerEntry[], changes: Partial<Posting> = {}): Posting => ({
  id: 'posting' as PostingId,
  kind: 'correction',
  callId: null,
  currency: 'USD',
  reference: 'a test',
  entries,
  postedAt: new Date(0),
  ...changes,
})

describe('a posting', () => {
  it('exists when its entries sum to zero', () => {
    const made = createPosting(posting([entry('a', -3n), entry('b', 2n), entry('c', 1n)]))
    assert.equal(made.entries.length, 3)
  })

  it('cannot be changed', () => {
    const made = createPosting(posting([entry('a', -3n), entry('b', 3n)]))
    assert.throws(() => Object.assign(made, { currency: 'EUR' }), TypeError)
    assert.throws(() => Object.assign(made.entries[0]!, { amountMicros: 0n }), TypeError)
    assert.throws(() => (made.entries as LedgerEntry[]).pop(), TypeError)
  })

  const faults: [string, Posting, RegExp][] = [
    ['does not balance', posting([entry('a', -3n), entry('b', 2n)]), /sum to -1 micros/],
    ['has one entry', posting([entry('a', 0n)]), /2 to 16 entries, not 1/],
    ['has none', posting([]), /not 0/],
    [
      'has too many',
      posting(Array.from({ length: MOST_ENTRIES + 1 }, (_, i) => entry(`${i}`, i === 0 ? -16n : 1n))),
      /not 17/,
    ],
    ['has an entry of nothing', posting([entry('a', -3n), entry('b', 3n), entry('c', 0n)]), /moves nothing/],
    ['names an account twice', posting([entry('a', -3n), entry('b', 4n), entry('a', -1n)]), /two entries/],
    ['is a call’s and names none', posting([entry('a', -3n), entry('b', 3n)], { kind: 'call' }), /names no call/],
    ['has no currency', posting([entry('a', -3n), entry('b', 3n)], { currency: '' }), /currency/],
  ]
  for (const [name, bad, reason] of faults) {
    it(`does not exist when it ${name}`, () => {
      assert.match(findFault(bad)!, reason)
      assert.throws(() => createPosting(bad), { name: 'AssertionError', message: reason })
    })
  }

  it('takes a deposit from the world and gives a payout to it', () => {
    const terms = {
      id: 'posting' as PostingId,
      currency: 'USD',
      reference: 'wire 1',
      postedAt: new Date(0),
      accountId: 'buyer' as AccountId,
      externalId: 'external' as AccountId,
      amountMicros: 5n,
    }
    assert.deepEqual(createTransfer({ ...terms, kind: 'deposit' }).entries, [
      entry('buyer', 5n),
      entry('external', -5n),
    ])
    assert.deepEqual(createTransfer({ ...terms, kind: 'payout' }).entries, [entry('buyer', -5n), entry('external', 5n)])
    assert.throws(() => createTransfer({ ...terms, kind: 'deposit', amountMicros: 0n }), /more than nothing/)
    assert.throws(() => createTransfer({ ...terms, kind: 'deposit', amountMicros: -5n }), /more than nothing/)
  })
})

const sum = (list: readonly LedgerEntry[]): bigint => list.reduce((total, one) => total + one.amountMicros, 0n)

describe('merging entries', () => {
  it('adds up an account’s and drops what comes to nothing', () => {
    assert.deepEqual(mergeEntries([entry('a', -3n), entry('b', 3n), entry('a', 1n), entry('c', 0n)]), [
      entry('a', -2n),
      entry('b', 3n),
    ])
  })

  it('keeps the sum', () => {
    const entries = fc.array(
      fc.record({
        accountId: fc.constantFrom('a', 'b', 'c').map((id) => id as AccountId),
        amountMicros: fc.bigInt({ min: -9n, max: 9n }),
      }),
    )
    fc.assert(fc.property(entries, (list) => assert.equal(sum(mergeEntries(list)), sum(list))))
  })
})
