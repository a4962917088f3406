import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Auction } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { DecisionInputs } from '../../model/decision.ts'
import { STRATEGIES } from '../../model/routing-plan.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { decisionLine, hashOf, readInputs } from '../../storage/decision-rows.ts'
import { callsOfMarket } from '../support/random-market.ts'

/** What was decided, without the ids that were given to it. */
function decided({ awards, nonBids, reservePriceMicros, priceRule, strategy, currency, decidedAt }: Auction): object {
  return {
    awards: awards.map(({ id: _id, ...award }) => award),
    nonBids: nonBids.map(({ bidId, code }) => `${bidId} ${code}`).toSorted(),
    reservePriceMicros,
    priceRule,
    strategy,
    currency,
    decidedAt,
  }
}

/** The inputs as they come back from where they are stored. */
function storedAndRead(auction: Auction): DecisionInputs {
  const stored = decisionLine(auction)!
  assert.doesNotMatch(stored.line + stored.parts.join(''), /\n/)
  const parts = new Map(stored.parts.map((part) => [hashOf(part), part.slice(hashOf(part).length + 1)]))
  const [id, callId] = stored.line.split(' ', 2)
  assert.deepEqual([id, callId], [auction.id, auction.callId])
  return readInputs(auction.callId, stored.line.slice(`${id} ${callId} `.length), parts)
}

describe('an auction held again', () => {
  it('comes out the same to the bit by its stored inputs, whatever the market was and has become since', () => {
    let auctions = 0
    let awards = 0
    const codes = new Set<NonBidCode>()
    const strategies = new Set<string>()
    let factored = 0
    let paced = 0
    let performed = 0
    let competed = 0
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
        for (const { auction } of callsOfMarket(seed, 4)) {
          if (auction.awards.length > 1) strategies.add(auction.strategy ?? 'none')
          assert.deepEqual(decided(rerunAuction(storedAndRead(auction), auction.id)), decided(auction))
          auctions++
          awards += auction.awards.length
          for (const { code } of auction.nonBids) codes.add(code)
          for (const { effective } of auction.awards) {
            if (effective) factored++
            if (effective && effective.factors.pacing < 1000) paced++
            if (effective && effective.factors.performance !== 1000) performed++
            if (effective && effective.factors.competition < 1000) competed++
          }
        }
      }),
      { numRuns: 1000 },
    )
    // The markets were not all alike.
    assert.equal(strategies.size, STRATEGIES.length + 1)
    const seen = { auctions, awards, factored, paced, performed, competed }
    assert.ok(
      auctions === 4000 && awards > 4000 && factored > 250 && paced > 0 && performed > 50 && competed > 10,
      JSON.stringify(seen),
    )
    for (const code of [
      'outbid',
      'below_reserve',
      'modified_away',
      'paced',
      'frequency_cap',
      'budget_exhausted',
    ] as const)
      assert.ok(codes.has(code), code)
  })
})
