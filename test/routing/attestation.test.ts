import assert from 'node:assert/strict'
import { ATTESTATIONS, parseAttestation, type Attestation } from '../../model/stir.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { decisionLine, hashOf, readInputs } from '../../storage/decision-rows.ts'
import { market, verdict } from '../support/auctions.ts'
import { aBid, aCampaign, aRequest, change, criteria } from '../support/market.ts'

const asking = (minAttestation: Attestation) => aBid('b', 5, { criteria: criteria({ minAttestation }) })

describe('a bid that asks for an attested caller', () => {
  it('is none for a call with less, or without, and is one for as much or more', () => {
    for (const wanted of ATTESTATIONS)
      for (const attestation of [...ATTESTATIONS, null]) {
        const expected =
          attestation === null ? 'attestation_missing' : attestation > wanted ? 'attestation_too_low' : 'awarded'
        assert.equal(
          verdict(asking(wanted), aRequest({ attestation })),
          expected,
          `${wanted} asked, ${attestation} there`,
        )
      }
    assert.equal(verdict(asking('C')), 'attestation_missing', 'nobody has looked')
    assert.equal(verdict(aBid('b', 5), aRequest({ attestation: null })), 'awarded', 'who asks for none')
  })

  it('may have its campaign ask; the stricter of the two holds, and a change counts for the next call', () => {
    const campaign = (minAttestation: Attestation | null) =>
      change.campaign(aCampaign('b-campaign', 'b-buyer', { criteria: criteria({ minAttestation }) }))
    const sold = (attestation: Attestation, own = asking('B')) =>
      verdict(own, aRequest({ attestation }), (routing) => routing.apply(campaign('A')))
    assert.equal(sold('B'), 'attestation_too_low')
    assert.equal(sold('A'), 'awarded')
    assert.equal(sold('B', aBid('b', 5)), 'attestation_too_low')
    assert.equal(
      verdict(aBid('b', 5), aRequest(), (routing) => {
        routing.apply(campaign('A'))
        routing.apply(campaign(null))
      }),
      'awarded',
    )
  })

  it('is decided the same again from what was kept of it', () => {
    const routing = market([asking('A'), aBid('c', 3)], { keepsInputs: true })
    for (const attestation of [...ATTESTATIONS, null]) {
      const auction = routing.auction(aRequest({ attestation }))
      const { line, parts } = decisionLine(auction)!
      const stored = new Map(parts.map((part) => [hashOf(part), part.slice(hashOf(part).length + 1)]))
      const read = readInputs(auction.callId, line.slice(`${auction.id} ${auction.callId} `.length), stored)
      const told = ({ awards, nonBids }: typeof auction) => [awards.map(({ bidId }) => bidId), nonBids]
      assert.deepEqual(told(rerunAuction(read, auction.id)), told(auction), String(attestation))
      assert.equal(auction.awards[0]!.bidId, attestation === 'A' ? 'b' : 'c')
    }
  })

  it('reads an attestation in either case, and nothing else', () => {
    assert.deepEqual(['a', ' B ', 'C', 'D', 'AA', '', undefined].map(parseAttestation), [
      'A',
      'B',
      'C',
      null,
      null,
      null,
      null,
    ])
  })
})
