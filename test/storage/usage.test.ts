import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { CampaignId, TargetId } from '../../model/ids.ts'
import { usageRows } from '../../gateway/start/usage-rows.ts'
import { BY_SALE, endedByConversion } from '../support/conversions.ts'
import { campaignDraft } from '../support/drafts.ts'
import {
  BUYER,
  callRecord,
  endedRecord,
  holdOf,
  insertAccounts,
  OPERATOR_ACCOUNT_ID,
  SELLER,
  soldRecord,
} from '../support/records.ts'
import { openTestStorage } from '../support/storage.ts'

describe('what a restart begins from', () => {
  it('has each campaign’s calls since a moment, open holds included, totals of all time, and balances', async () => {
    const storage = await openTestStorage()
    await insertAccounts(storage.queries)
    const campaignId = newId<CampaignId>()
    const targetId = newId<TargetId>()
    const awardedAt = (call: ReturnType<typeof callRecord>, heldAt: Date) => {
      const record = soldRecord(call)
      return { ...record, hold: { ...record.hold, heldAt } }
    }
    const [old, billed, open, unanswered] = Array.from({ length: 4 }, () => callRecord({ campaignId, targetId })) as [
      ReturnType<typeof callRecord>,
      ReturnType<typeof callRecord>,
      ReturnType<typeof callRecord>,
      ReturnType<typeof callRecord>,
    ]
    await storage.writer.write(awardedAt(old, new Date(1_000)))
    await storage.writer.write(endedRecord(old))
    await storage.writer.write(awardedAt(billed, new Date(5_000)))
    await storage.writer.write(endedRecord(billed))
    await storage.writer.write(awardedAt(open, new Date(6_000)))
    await storage.writer.write(awardedAt(unanswered, new Date(7_000)))
    const noAnswer = endedRecord(unanswered, { posting: null })
    await storage.writer.write({
      ...noAnswer,
      call: { ...noAnswer.call, outcome: 'no_answer', answeredAt: null, priceMicros: 0n },
    })
    const { calls, totals, contacts } = await storage.campaignUsage(new Date(5_000))
    const counted = { campaignId, targetId, sellerId: SELLER }
    const common = { ...counted, ani: billed.ani }
    assert.deepEqual(calls, [
      {
        ...common,
        awardedAt: new Date(5_000),
        priceMicros: 10_000_000n,
        isConverted: true,
        answered: true,
        open: false,
      },
      {
        ...common,
        awardedAt: new Date(6_000),
        priceMicros: 10_000_000n,
        isConverted: true,
        answered: false,
        open: true,
      },
      { ...common, awardedAt: new Date(7_000), priceMicros: 0n, isConverted: false, answered: false, open: false },
    ])
    assert.deepEqual(totals, [{ ...counted, calls: 2, spentMicros: 20_000_000n }])
    assert.deepEqual(contacts, []) // No rule looks back farther.
    const balances = new Map((await storage.balances()).map((row) => [row.accountId, row.balanceMicros]))
    assert.deepEqual(
      [balances.get(BUYER), balances.get(SELLER), balances.get(OPERATOR_ACCOUNT_ID)],
      [-20_000_000n, 16_000_000n, 4_000_000n],
    )
    await storage.close()
  })

  it('has the callers of before that moment, of buyers with a rule that looks back so far', async () => {
    const storage = await openTestStorage()
    await insertAccounts(storage.queries)
    const asking = await storage.stores.campaigns.create(
      campaignDraft(BUYER, { frequency: { calls: 1, hours: 100 * 24 } }),
    )
    const other = await storage.stores.campaigns.create(campaignDraft(BUYER, { frequency: null })) // Of the same buyer.
    const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000)
    const sold = async (
      campaignId: CampaignId,
      days: number,
      changes: Partial<CallRecord> = {},
    ): Promise<CallRecord> => {
      const call = callRecord({ campaignId })
      const record = soldRecord(call)
      await storage.writer.write({ ...record, hold: { ...record.hold, heldAt: daysAgo(days) } })
      const ended = endedRecord(call)
      await storage.writer.write({ ...ended, call: { ...ended.call, ...changes } })
      return call
    }
    const old = await sold(asking.id, 90)
    const unbilled = await sold(other.id, 50, { priceMicros: 0n })
    const paidLater = callRecord({ campaignId: asking.id })
    const ended = endedByConversion(BY_SALE, {}, paidLater).record
    await storage.writer.write(soldRecord(paidLater, { hold: { ...holdOf(paidLater), heldAt: daysAgo(40) } }))
    await storage.writer.write(ended)
    await sold(asking.id, 120) // Before any rule.
    await sold(asking.id, 10) // Within the window.
    await sold(asking.id, 60, { answeredAt: null, outcome: 'no_answer' })
    const { contacts } = await storage.campaignUsage(daysAgo(33))
    assert.deepEqual(
      contacts.map(({ campaignId, ani, isConverted }) => [campaignId, ani, isConverted]),
      [
        [asking.id, old.ani, true],
        [other.id, unbilled.ani, false],
        [asking.id, paidLater.ani, true],
      ],
    )
    const rows = usageRows(await storage.campaignUsage(daysAgo(33)))
    assert.deepEqual(
      rows.map(({ calls = 1 }) => calls).toSorted((a, b) => a - b),
      [0, 0, 0, 1, 1, 1, 1, 1],
    )
    await storage.close()
  })
})
