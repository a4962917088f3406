import assert from 'node:assert/strict'
import { finishPayouts, paySellers, payoutPosting } from '../../accounts/pay-sellers.ts'
import type { PayoutRuns, PayoutTerms } from '../../accounts/needs.ts'
import { addBankingDays } from '../../accounts/banking-days.ts'
import { newId } from '../../model/ids.ts'
import type { Account } from '../../model/account.ts'
import { PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { openPayoutStage, type PayoutStage } from '../support/payout-stage.ts'

const DOLLAR = 1_000_000n
const SCHEDULE = { holdDays: 7, leadDays: 1 }
const TERMS: PayoutTerms = {
  minimumMicros: 25n * DOLLAR,
  mostMicros: 1_000_000n * DOLLAR,
  isPrenoted: false,
  usableFrom: (day) => day,
  createPosting: ({ id, accountId, amountMicros }) =>
    payoutPosting({
      postingId: newId(),
      payoutId: id,
      accountId,
      clearingId: PAYOUT_CLEARING_ACCOUNT_ID,
      amountMicros,
      at: new Date(),
    }),
  announce: () => [],
}
const now = (): Date => new Date()

class Killed extends Error {}

/** The runs of a process that is killed at its `step`th step, before it or with only the answer lost. */
function killedAt(runs: PayoutRuns, step: number, isDone: boolean): PayoutRuns {
  let steps = 0
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    const isLast = steps++ === step
    if (isLast && !isDone) throw new Killed()
    const answer = await work()
    if (isLast) throw new Killed()
    return answer
  }
  return {
    unfinished: () => guard(() => runs.unfinished()),
    begin: (run, at) => guard(() => runs.begin(run, at)),
    due: (run, terms) => guard(() => runs.due(run, terms)),
    pay: (run, id, terms, at) => guard(() => runs.pay(run, id, terms, at)),
    finish: (run, at, day, terms) => guard(() => runs.finish(run, at, day, terms)),
  }
}

describe('a run of payouts', function () {
  this.timeout(60_000)
  let stage: PayoutStage
  before(async () => (stage = await openPayoutStage()))
  after(() => stage.end())

  async function owed(): Promise<Account[]> {
    const sellers: Account[] = []
    for (const dollars of [30n, 40n, 50n]) sellers.push((await stage.seller(dollars * DOLLAR)).account)
    return sellers
  }
  /** What each was paid, in all runs. */
  async function paid(sellers: readonly Account[]): Promise<bigint[]> {
    const sums: bigint[] = []
    for (const { id } of sellers) {
      const { data } = await stage.storage.stores.payouts.list({ accountId: id }, { limit: 100, cursor: null })
      assert.equal(await stage.balance(id), 0n)
      sums.push(data.reduce((sum, { amountMicros }) => sum + amountMicros, 0n) / DOLLAR)
      assert.equal(data.length, 1)
    }
    return sums
  }

  it('that is cut off at any of its steps is gone on with, and pays everybody once', async () => {
    const { payoutRuns: runs } = stage.storage.stores
    let cut = 0
    for (const isDone of [false, true])
      for (let step = 0; step < 8; step++) {
        const sellers = await owed()
        const first = paySellers(killedAt(runs, step, isDone), TERMS, SCHEDULE, now)
        await assert.rejects(first, Killed, `step ${step} is one of the run’s`)
        cut++
        await paySellers(runs, TERMS, SCHEDULE, now)
        assert.deepEqual(await paid(sellers), [30n, 40n, 50n], `step ${step}`)
        assert.equal(await runs.unfinished(), null)
      }
    assert.equal(cut, 16)
    assert.deepEqual((await stage.storage.stores.ledger.verify()).unbalanced, [])
  })

  it('is one, and pays everybody once, whoever begins it at the same moment', async () => {
    const { payoutRuns: runs } = stage.storage.stores
    const sellers = await owed()
    const answers = await Promise.all(Array.from({ length: 5 }, () => paySellers(runs, TERMS, SCHEDULE, now)))
    assert.deepEqual(await paid(sellers), [30n, 40n, 50n])
    const { payouts } = stage.storage.stores
    const runsWithMoney = new Set<string>()
    for (const run of answers) if (run && (await payouts.entries(run.id)).length > 0) runsWithMoney.add(run.id)
    assert.equal(runsWithMoney.size, 1)
  })

  it('does not begin by itself: what goes on is only what was begun', async () => {
    const sellers = await owed()
    assert.equal(await finishPayouts(stage.storage.stores.payoutRuns, TERMS, SCHEDULE, now), null)
    await paySellers(stage.storage.stores.payoutRuns, TERMS, SCHEDULE, now)
    assert.deepEqual(await paid(sellers), [30n, 40n, 50n])
  })

  it('that is finished later than it was meant to gives banks as long to refuse its prenotes', async () => {
    const { payoutRuns: runs } = stage.storage.stores
    const { account } = await stage.seller(0n)
    const terms: PayoutTerms = { ...TERMS, isPrenoted: true, usableFrom: (day) => addBankingDays(day, 3) }
    const run = await runs.begin({ statementsUntil: now(), effectiveOn: '2026-01-05', currency: 'USD' }, now())
    await runs.pay(run, account.id, terms, now())
    const usable = async () =>
      (
        await stage.storage.queries.rows('select usable_from::text as day from bank_accounts where account_id = $1', [
          account.id,
        ])
      )[0]!['day']
    assert.equal(await usable(), addBankingDays('2026-01-05', 3))
    await runs.finish(run, now(), '2026-02-10', terms)
    assert.equal(await usable(), addBankingDays('2026-02-10', 3))
    await runs.finish(run, now(), '2026-03-10', terms)
    assert.equal(await usable(), addBankingDays('2026-02-10', 3), 'it is finished once')
  })

  it('has no payout without its posting: both are written or neither', async () => {
    const { payoutRuns: runs } = stage.storage.stores
    const [seller] = await owed()
    const unbalanced: PayoutTerms = {
      ...TERMS,
      createPosting(payout) {
        const posting = TERMS.createPosting(payout)
        if (payout.accountId !== seller!.id) return posting
        return { ...posting, entries: [posting.entries[0]!, { ...posting.entries[1]!, amountMicros: 1n }] }
      },
    }
    await assert.rejects(paySellers(runs, unbalanced, SCHEDULE, now))
    const rows = await stage.storage.queries.rows('select 1 from payouts where account_id = $1', [seller!.id])
    assert.deepEqual(rows, [])
    assert.equal(await stage.balance(seller!.id), 30n * DOLLAR)
    await paySellers(runs, TERMS, SCHEDULE, now)
    assert.equal(await stage.balance(seller!.id), 0n)
  })
})
