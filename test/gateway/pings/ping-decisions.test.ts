import assert from 'node:assert/strict'
import { PingDecisions, type PingDecision } from '../../../gateway/pings/ping-decisions.ts'
import type { AuctionId } from '../../../model/ids.ts'

const decision = (id: number, nonBids = 0): PingDecision =>
  ({ auction: { id: String(id), nonBids: Array.from({ length: nonBids }) } }) as unknown as PingDecision
const id = (of: number) => String(of) as AuctionId

describe('decisions about pings', () => {
  it('are kept for the latest, as many as there is room for', () => {
    const decisions = new PingDecisions(3, 100)
    for (let i = 0; i < 5; i++) decisions.add(decision(i))
    assert.equal(decisions.size, 3)
    assert.equal(decisions.find(id(1)), undefined)
    assert.ok(decisions.find(id(2)))
  })

  it('that name many bids push out more of the old ones', () => {
    const decisions = new PingDecisions(100, 10)
    for (let i = 0; i < 4; i++) decisions.add(decision(i, 4))
    assert.equal(decisions.size, 2)
    decisions.add(decision(9, 11))
    assert.equal(decisions.size, 0, 'one that is too long by itself is not kept')
  })
})
