import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import type { CampaignId } from '../../model/ids.ts'
import {
  BUYER,
  callRecord,
  endedRecord,
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
    const awardedAt = (call: ReturnType<typeof callRecord>, heldAt: Date) => {
      const record = soldRecord(call)
      return { ...record, hold: { ...record.hold, heldAt } }
    }
    const [old, billed, open, unanswered] = Array.from({ length: 4 }, () => callRecord({ campaignId })) as [
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
    const { calls, totals } = await storage.campaignUsage(new Date(5_000))
    const common = { campaignId, ani: billed.ani }
    assert.deepEqual(calls, [
      { ...common, awardedAt: new Date(5_000), priceMicros: 10_000_000n, answered: true, open: false },
      { ...common, awardedAt: new Date(6_000), priceMicros: 10_000_000n, answered: false, open: true },
      { ...common, awardedAt: new Date(7_000), priceMicros: 0n, answered: false, open: false },
    ])
    assert.deepEqual(totals, [{ campaignId, calls: 2, spentMicros: 20_000_000n }])
    const balances = new Map((await storage.balances()).map((row) => [row.accountId, row.balanceMicros]))
    assert.deepEqual(
      [balances.get(BUYER), balances.get(SELLER), balances.get(OPERATOR_ACCOUNT_ID)],
      [-20_000_000n, 16_000_000n, 4_000_000n],
    )
    await storage.close()
  })
})
