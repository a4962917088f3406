import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Auction } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { DecisionInputs } from '../../model/decision.ts'
import { STRATEGIES } from '../../model/routing-plan.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { decisionLine, hashOf, partsNamedBy, readInputs } from '../../storage/decision-rows.ts'
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

interface Stored {
  readonly body: string
  readonly parts: ReadonlyMap<string, string>
}

function stored(auction: Auction): Stored {
  const { line, parts } = decisionLine(auction)!
  assert.doesNotMatch(line + parts.join(''), /\n/)
  const [id, callId] = line.split(' ', 2)
  assert.deepEqual([id, callId], [auction.id, auction.callId])
  return {
    body: line.slice(`${id} ${callId} `.length),
    parts: new Map(parts.map((part) => [hashOf(part), part.slice(hashOf(part).length + 1)])),
  }
}

/** The inputs as they come back from where they are stored. */
function storedAndRead(auction: Auction): DecisionInputs {
  const { body, parts } = stored(auction)
  return readInputs(auction.callId, body, parts)
}

/** The same body as versions before 2026-11-22 stored it: a row for each candidate. */
function asRows(body: string, { bids }: DecisionInputs): string {
  const { hashes, amounts: _a, unit: _u, buyer: _b, target: _t, campaign: _c, inUse: _i, ...rest } = JSON.parse(body)
  const rows = bids.map(({ bid, buyer, target, campaign, inUse }, i) => {
    return [hashes.slice(22 * i, 22 * i + 22), String(bid.amountMicros), buyer, target, campaign, inUse]
  })
  return JSON.stringify({ ...rest, v: 1, bids: rows })
}

describe('an auction held again', () => {
  it('is read as it was stored, now by the column and once by the row, with amounts of less than a cent', () => {
    let candidates = 0
    for (let seed = 1; seed <= 200; seed++) {
      for (const { auction } of callsOfMarket(seed, 2)) {
        const { body, parts } = stored(auction)
        const inputs = readInputs(auction.callId, body, parts)
        assert.deepEqual(readInputs(auction.callId, asRows(body, inputs), parts), inputs)
        assert.deepEqual(partsNamedBy(asRows(body, inputs)), partsNamedBy(body))
        const { bids } = auction.inputs!
        const places = (then: DecisionInputs): unknown[] =>
          then.bids.map(({ bid, ...rest }) => ({ ...rest, id: bid.id, amountMicros: bid.amountMicros }))
        assert.deepEqual(places(inputs), places(auction.inputs!))
        const finer = bids.map((one) => ({ ...one, bid: { ...one.bid, amountMicros: one.bid.amountMicros + 1n } }))
        const fine = { ...auction.inputs!, bids: finer }
        assert.deepEqual(places(storedAndRead({ ...auction, inputs: fine })), places(fine))
        candidates += bids.length
      }
    }
    assert.ok(candidates > 1000, `${candidates} candidates`)
  })

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
