import assert from 'node:assert/strict'
import { newId, type AuctionId, type CallId } from '../../model/ids.ts'
import type { Auction } from '../../model/auction.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import type { StoredDecision } from '../../api/needs.ts'
import { decisionLine } from '../../storage/decision-rows.ts'
import { callsOfMarket } from '../support/random-market.ts'
import { auctionOf, callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

/** Auctions of one market, under ids that the tables take. */
function auctions(seed: number, count: number): Auction[] {
  return callsOfMarket(seed, count).map(({ auction }) => ({ ...auction, numberId: auctionOf(callRecord()).numberId }))
}

describe('what auctions were decided by', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
  })
  after(() => storage.close())

  async function write(auction: Auction): Promise<Auction> {
    await storage.writer.write(soldRecord(callRecord({ id: auction.callId, auctionId: auction.id }), { auction }))
    return auction
  }

  it('is stored with them, and by it they come out the same', async () => {
    for (const auction of auctions(7, 20)) {
      const { callId, inputs } = await write(auction)
      const stored = (await storage.stores.decisions.findByCall(callId))!
      assert.equal(stored.damage, null)
      assert.deepEqual(
        rerunAuction(stored.inputs!, auction.id).awards.map(({ id: _id, ...award }) => award),
        auction.awards.map(({ id: _id, ...award }) => award),
      )
      assert.deepEqual(stored.inputs!.bids.length, inputs!.bids.length)
    }
  })

  it('is read by the period, a page at a time, each once and the oldest first', async () => {
    const from = new Date()
    const ids: AuctionId[] = []
    for (const auction of auctions(11, 130)) ids.push((await write({ ...auction, id: newId<AuctionId>() })).id)
    const read: StoredDecision[] = []
    // The ids of one millisecond may be counted into the next.
    for await (const one of storage.stores.decisions.between(from, new Date(Date.now() + 1000))) read.push(one)
    assert.deepEqual(
      read.map(({ auction }) => auction.id).filter((id) => ids.includes(id)),
      ids,
    )
    assert.ok(read.every(({ damage, call }) => damage === null && call === null))
    for await (const one of storage.stores.decisions.between(new Date(0), from))
      assert.ok(!ids.includes(one.auction.id))
  })

  it('says how the call came out once that is known', async () => {
    const [auction] = auctions(13, 1)
    const { callId, id } = await write(auction!)
    const { call, ...ended } = endedRecord(callRecord({ id: callId, auctionId: id }))
    await storage.writer.write({ ...ended, call })
    const stored = await storage.stores.decisions.findByCall(callId)
    assert.deepEqual(stored!.call, {
      bidId: call.bidId,
      wasAnswered: true,
      durationMs: call.durationMs,
      billedMicros: call.priceMicros,
    })
  })

  it('has each part once, and says which one is missing', async () => {
    const count = async (): Promise<number> =>
      (await storage.queries.rows('select count(*)::int as n from decision_parts'))[0]!['n']
    const [auction] = auctions(17, 1)
    await write(auction!)
    const before = await count()
    const { callId } = await write({ ...auction!, id: newId<AuctionId>() })
    assert.equal(await count(), before)
    const hash = decisionLine(auction!)!.parts[0]!.slice(0, 22)
    await storage.queries.rows('delete from decision_parts where hash = $1', [hash])
    const stored = await storage.stores.decisions.findByCall(callId)
    assert.equal(stored!.inputs, null)
    assert.equal(stored!.damage, `it names a part that is not stored: ${hash}`)
  })

  it('is absent for a call that has none, such as an earlier version wrote', async () => {
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    assert.equal(await storage.stores.decisions.findByCall(call.id), null)
    assert.equal(await storage.stores.decisions.findByCall(newId<CallId>()), null)
  })
})
