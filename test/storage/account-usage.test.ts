import assert from 'node:assert/strict'
import { newId, type BidId, type CampaignId, type TargetId } from '../../model/ids.ts'
import { BY_SALE, endedByConversion } from '../support/conversions.ts'
import { BUYER, callRecord, endedRecord, holdOf, insertAccounts, SELLER, soldRecord } from '../support/records.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

describe('what an account’s shared counters are rebuilt from', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
  })
  after(() => storage.close())

  it('is its balance, its ended calls and those in progress, each once and of one moment', async () => {
    const aCall = () => {
      const [campaignId, targetId, bidId] = [newId<CampaignId>(), newId<TargetId>(), newId<BidId>()]
      return callRecord({ campaignId, targetId, bidId, buyerId: BUYER, sellerId: SELLER, answeredAt: new Date() })
    }
    const [ended, old, open] = [aCall(), aCall(), aCall()]
    const hold = holdOf(open)
    await storage.writer.write(soldRecord(open, { hold }))
    const long = new Date(Date.now() - 90 * 86_400_000)
    for (const [call, heldAt] of [
      [ended, new Date()],
      [old, long],
    ] as const) {
      await storage.writer.write(soldRecord(call, { hold: { ...holdOf(call), heldAt } }))
      await storage.writer.write(endedRecord(call))
    }
    const since = new Date(Date.now() - 33 * 86_400_000)
    const ofBuyer = await storage.accountUsage(BUYER, since, since)
    assert.equal(ofBuyer.balanceMicros, -20_000_000n)
    const calls = ofBuyer.calls.map(({ campaignId, calls: count = 1, awardedAtMs }) => [
      campaignId,
      count,
      awardedAtMs > 0,
    ])
    assert.deepEqual(calls, [
      [old.campaignId, 1, false],
      [ended.campaignId, 1, true],
    ])
    assert.deepEqual(
      ofBuyer.contacts.map(({ id }) => id),
      [ended.id],
    )
    const [one] = ofBuyer.open
    assert.deepEqual(
      [ofBuyer.open.length, one?.holdId, one?.bidId, one?.targetId, one?.fundsMicros, one?.buyerId, one?.sellerId],
      [1, hold.id, open.bidId, open.targetId, hold.amountMicros, BUYER, SELLER],
    )
    assert.deepEqual(
      ofBuyer.contacts.map(({ isConverted }) => isConverted),
      [true],
    )
    const ofSeller = await storage.accountUsage(SELLER, since, null)
    assert.deepEqual([ofSeller.calls.length, ofSeller.open.length, ofSeller.contacts.length], [2, 1, 0])
  })

  it('has calls paid by conversion at what they were to bring, then at what they brought, and as converted calls', async () => {
    const campaignId = newId<CampaignId>()
    const since = new Date(Date.now() - 33 * 86_400_000)
    const aCall = () => callRecord({ campaignId, targetId: newId<TargetId>(), buyerId: BUYER, sellerId: SELLER })
    for (const [heldAt, until] of [
      [new Date(), new Date(Date.now() + 3_600_000)],
      [new Date(), new Date(Date.now() - 1)],
      [new Date(since.getTime() - 1000), new Date(Date.now() + 3_600_000)],
    ] as const) {
      const call = aCall()
      await storage.writer.write(soldRecord(call, { hold: { ...holdOf(call), heldAt } }))
      await storage.writer.write(endedByConversion(BY_SALE, { until }, call).record)
    }
    const { calls, contacts } = await storage.accountUsage(BUYER, since, since)
    const ofIt = calls.filter((each) => each.campaignId === campaignId)
    const sums = ofIt.map(({ priceMicros, awardedAtMs }) => [awardedAtMs > 0, priceMicros])
    assert.deepEqual(
      sums.toSorted((a, b) => Number(BigInt(a[1]!) - BigInt(b[1]!)) || Number(a[0]) - Number(b[0])),
      [
        [true, 0n],
        [false, 2_500_000n],
        [true, 2_500_000n],
      ],
    )
    const converted = contacts.filter((each) => each.campaignId === campaignId).map(({ isConverted }) => isConverted)
    assert.deepEqual(converted, [true, true])
  })
})
