import assert from 'node:assert/strict'
import { auctionToWrite, forgetInputs } from '../../gateway/losers.ts'
import type { Call } from '../../gateway/live-call.ts'

const award = (id: string, rank: number) => ({ id, rank, bidId: `bid-${id}`, campaignId: 'c', buyerId: 'b' })

/** As much of a call as the question needs: three awards, the first being rung. */
function ringing(): Call {
  const awards = [award('a', 1), award('b', 2), award('c', 3)]
  const call = {
    auction: { awards, nonBids: [{ bidId: 'bid-x', code: 'location_mismatch' }] },
    auctionWritten: null,
    soldAttempt: { award: awards[0] },
    lost: new Map<string, string>(),
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a call is read
  return call as unknown as Call
}

const codes = (auction: ReturnType<typeof auctionToWrite>) =>
  auction?.nonBids.map(({ bidId, code }) => `${bidId} ${code}`) ?? null

describe('auctionToWrite', () => {
  it('writes the auction once when the award rung first is the one answered', () => {
    const call = ringing()
    assert.deepEqual(codes(auctionToWrite(call)), ['bid-b outbid', 'bid-c outbid', 'bid-x location_mismatch'])
    assert.equal(auctionToWrite(call), null)
  })

  it('keeps what it was decided by no longer than it has to be written', () => {
    const call = ringing()
    Object.assign(call.auction!, { inputs: {} })
    forgetInputs(call)
    assert.ok(call.auction!.inputs !== undefined && auctionToWrite(call)!.inputs !== undefined)
    forgetInputs(call)
    assert.equal(call.auction!.inputs, undefined)
    assert.equal(auctionToWrite(call), null)
  })

  it('writes it again when another award came to win', () => {
    const call = ringing()
    auctionToWrite(call)
    call.lost.set(call.auction!.awards[0]!.id, 'ring_failed')
    call.soldAttempt = { ...call.soldAttempt!, award: call.auction!.awards[1]! }
    assert.deepEqual(codes(auctionToWrite(call)), ['bid-a ring_failed', 'bid-c outbid', 'bid-x location_mismatch'])
  })

  it('writes it again when nobody answered', () => {
    const call = ringing()
    auctionToWrite(call)
    call.lost.set(call.auction!.awards[0]!.id, 'ring_failed')
    call.soldAttempt = null
    assert.deepEqual(codes(auctionToWrite(call)), [
      'bid-a ring_failed',
      'bid-b not_reached',
      'bid-c not_reached',
      'bid-x location_mismatch',
    ])
  })

  it('writes it again when more has been found out about the bids', () => {
    const call = ringing()
    auctionToWrite(call)
    call.auction = { ...call.auction!, nonBids: [] }
    assert.deepEqual(codes(auctionToWrite(call)), ['bid-b outbid', 'bid-c outbid'])
  })
})
