import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { reverse } from '../../accounts/reversal.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { Dispute, DisputeDecision } from '../../model/dispute.ts'
import { newId } from '../../model/ids.ts'
import type { ConversionPricing } from '../../model/tracking.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import type { PostgresIntake } from '../../storage/tracking-intake.ts'
import { Dice } from '../simulation/dice.ts'
import { SecondLedger } from '../simulation/second-ledger.ts'
import { BY_SALE, conversionRules, endedByConversion, trackedOf } from '../support/conversions.ts'
import { BUYER, insertAccounts, SELLER } from '../support/records.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const CENT = 10_000n
/** Half of what was sold, less what was refunded; $10.00 at most. */
const BY_SHARE: ConversionPricing = { type: 'sale_share', shareMillionths: 500_000, windowHours: 24, rateMillionths: 1 }
/** The second ledger's names of them. */
const NAMES: Record<string, string> = {
  [BUYER]: 'USD buyer',
  [SELLER]: 'USD seller',
  [OPERATOR_ACCOUNT_ID]: 'USD house',
}

describe('disputes of calls that are paid by conversion, in storage', function () {
  this.timeout(120_000)
  let storage: TestStorage
  let intake: PostgresIntake
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    await insertAccounts(storage.queries)
    intake = storage.intake(conversionRules().rules)
    await intake.start()
  })
  after(() => storage.close())

  /** A report, and all the money that it moves. */
  async function report(call: CallRecord, type: 'sale' | 'refund', cents: number | null): Promise<void> {
    const amount = cents === null ? { amountMicros: null, currency: null } : { amountMicros: BigInt(cents) * CENT }
    await intake.add(trackedOf(call, { type, ...amount }), true)
    await counted(call)
  }
  async function counted(call: CallRecord): Promise<void> {
    const deadline = Date.now() + 60_000
    for (;;) {
      const [sale] = await storage.queries.rows('select is_behind from conversion_sales where call_id = $1', [call.id])
      if (intake.pending === 0 && !sale!['is_behind']) return
      assert.ok(Date.now() < deadline, 'a report was not counted')
      await wait(5)
    }
  }

  async function opened(call: CallRecord): Promise<Dispute> {
    const paid = (await storage.stores.disputes.paidByConversion(call.id))!
    const { chargedMicros, paidMicros } = paid
    const dispute: Dispute = {
      id: newId(),
      callId: call.id,
      buyerId: BUYER,
      sellerId: SELLER,
      currency: 'USD',
      chargedMicros,
      paidMicros,
      reason: 'other',
      note: '',
      state: 'open',
      openedAt: new Date(),
      decidedAt: null,
      decision: null,
      creditMicros: 0n,
      clawbackMicros: 0n,
      postingId: null,
    }
    await storage.stores.disputes.open(dispute)
    return dispute
  }

  function acceptance(dispute: Dispute, creditMicros = dispute.chargedMicros) {
    const at = new Date()
    const input = { ...dispute, creditMicros, at, postingId: newId<never>(), operatorId: OPERATOR_ACCOUNT_ID }
    const { posting, clawbackMicros } = reverse(input)
    const { chargedMicros, paidMicros } = dispute
    const decision: DisputeDecision = {
      state: 'accepted',
      decidedAt: at,
      decision: null,
      chargedMicros,
      paidMicros,
      creditMicros,
      clawbackMicros,
      postingId: posting.id,
    }
    return { decision, posting }
  }
  const accept = (dispute: Dispute, credit?: bigint) => {
    const { decision, posting } = acceptance(dispute, credit)
    return storage.stores.disputes.decide(dispute.id, decision, posting)
  }

  async function balances(): Promise<Record<string, number>> {
    const rows = await storage.queries.rows('select account_id, balance_micros from account_balances')
    return Object.fromEntries(
      rows.map((row) => [NAMES[row['account_id']], Number(BigInt(row['balance_micros']) / CENT)]),
    )
  }

  it('take the charge and the payout back, once; no report moves anything after that', async () => {
    const before = await balances()
    const { call, record } = endedByConversion(BY_SALE)
    await storage.writer.write(record)
    assert.equal(await storage.stores.disputes.paidByConversion(call.id), null)
    await report(call, 'sale', null)
    const dispute = await opened(call)
    assert.deepEqual([dispute.chargedMicros, dispute.paidMicros], [10_000_000n, 8_000_000n])
    const accepts = await Promise.all([1, 2, 3].map(() => accept(dispute)))
    assert.equal(accepts.filter((one) => one !== null).length, 1)
    await report(call, 'refund', null)
    await report(call, 'sale', null)
    const after = await balances()
    for (const name of Object.values(NAMES)) assert.equal(after[name], before[name] ?? 0, name)
    assert.deepEqual((await storage.stores.ledger.verify()).faults, [])
  })

  it('are not accepted by what the call no longer costs: a refund has come between', async () => {
    const { call, record } = endedByConversion(BY_SHARE)
    await storage.writer.write(record)
    await report(call, 'sale', 1000)
    const dispute = await opened(call)
    await report(call, 'refund', 400)
    await assert.rejects(accept(dispute), { name: 'StoreConflict' })
    assert.equal((await storage.stores.disputes.find(dispute.id))!.state, 'open')
    const { chargedMicros, paidMicros } = (await storage.stores.disputes.paidByConversion(call.id))!
    assert.equal(chargedMicros, 3_000_000n)
    const decided = await accept({ ...dispute, chargedMicros, paidMicros })
    assert.deepEqual([decided!.chargedMicros, decided!.clawbackMicros], [3_000_000n, 2_400_000n])
  })

  it('agree with the second ledger, whatever is reported before and after, all or a part given back (40 calls)', async () => {
    const dice = new Dice()
    const naive = new SecondLedger()
    const start = await balances()
    for (let count = 0; count < 40; count++) {
      const isFixed = dice.onceIn(2)
      const { call, record } = endedByConversion(isFixed ? BY_SALE : BY_SHARE)
      await storage.writer.write(record)
      let [sold, hasSale, hasRefund] = [0, false, false]
      const learn = (): void => {
        const cents = isFixed ? (hasSale && !hasRefund ? 1000 : 0) : Math.min(1000, Math.max(0, Math.floor(sold / 2)))
        naive.learn({ kind: 'converted', call: call.id, buyer: 'USD buyer', seller: 'USD seller', cents, share: 80 })
      }
      for (let step = 0; step < 4; step++) {
        if (step === 2) {
          const paid = await storage.stores.disputes.paidByConversion(call.id)
          if (!paid) continue
          const most = Number(paid.chargedMicros / CENT)
          const cents = dice.onceIn(2) ? most : 1 + dice.roll(most)
          await accept(await opened(call), BigInt(cents) * CENT)
          naive.learn({ kind: 'credited', call: call.id, cents })
          continue
        }
        const isSale = !dice.onceIn(4)
        const cents = 1 + dice.roll(1500)
        await report(call, isSale ? 'sale' : 'refund', cents)
        if (isSale) hasSale = true
        else hasRefund = true
        sold += isSale ? cents : -cents
        learn()
      }
      const now = await balances()
      for (const name of Object.values(NAMES))
        assert.equal(now[name]! - (start[name] ?? 0), naive.balance(name), `DCE_TEST_SEED=${dice.seed}: ${name}`)
    }
    const verdict = await storage.stores.ledger.verify()
    assert.deepEqual([verdict.faults, verdict.unbalanced], [[], []])
  })
})
