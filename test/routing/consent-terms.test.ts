import assert from 'node:assert/strict'
import type { ConsentDemand, GivenConsent } from '../../model/consent.ts'
import type { AccountId } from '../../model/ids.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { decisionLine, hashOf, readInputs } from '../../storage/decision-rows.ts'
import { market, verdict } from '../support/auctions.ts'
import { givenConsent } from '../support/consents.ts'
import { aBid, aCampaign, aRequest, change, criteria, NOON } from '../support/market.ts'

const HOUR_MS = 3_600_000
const SELLER = 'seller' as AccountId
const BUYER = 'b-buyer' as AccountId
const OTHER = 'other' as AccountId

const demand = (asked: Partial<ConsentDemand> = {}): ConsentDemand => ({
  isOneToOne: false,
  isOnRecord: false,
  certificate: null,
  maxAgeHours: null,
  maxCertificateAgeHours: null,
  ...asked,
})
const given = (one: Partial<GivenConsent> = {}): GivenConsent =>
  givenConsent({ accounts: [SELLER], givenAtMs: NOON - HOUR_MS, certifiedAtMs: NOON - HOUR_MS, ...one })
const judged = (asked: Partial<ConsentDemand>, ...consents: GivenConsent[]) =>
  verdict(aBid('b', 5, { criteria: criteria({ consent: demand(asked) }) }), aRequest({ consents }))
const BROUGHT = given({ id: null, accounts: [], sellers: 0, certificates: ['trustedform'] })

describe('a bid that asks for the consumer’s consent', () => {
  it('is none without one, or with one to others; one to the seller or to the buyer is enough', () => {
    assert.equal(judged({}), 'consent_missing')
    assert.equal(judged({}, given({ accounts: [OTHER] })), 'consent_missing')
    assert.equal(judged({}, given()), 'awarded')
    assert.equal(judged({}, given({ accounts: [OTHER, BUYER] })), 'awarded')
    assert.equal(judged({}, given({ accounts: [OTHER] }), given()), 'awarded', 'any of them')
    assert.equal(verdict(aBid('b', 5, { criteria: criteria({ consent: demand() }) })), 'consent_missing')
    assert.equal(verdict(aBid('b', 5)), 'awarded', 'who asks for none')
  })

  it('one to one is for a record that names this buyer and nobody else', () => {
    assert.equal(judged({ isOneToOne: true }, given()), 'consent_not_one_to_one')
    assert.equal(judged({ isOneToOne: true }, given({ accounts: [BUYER], sellers: 2 })), 'consent_not_one_to_one')
    assert.equal(judged({ isOneToOne: true }, BROUGHT), 'consent_not_one_to_one', 'nobody knows whom it names')
    assert.equal(judged({ isOneToOne: true }, given({ accounts: [BUYER], sellers: 1 })), 'awarded')
  })

  it('takes a certificate that the call brings, unless it must be on record', () => {
    assert.equal(judged({}, BROUGHT), 'awarded')
    assert.equal(judged({ isOnRecord: true }, BROUGHT), 'consent_missing')
  })

  it('may ask whose certificate it has, and how old each may be', () => {
    assert.equal(judged({ certificate: 'any' }, given()), 'consent_uncertified')
    assert.equal(judged({ certificate: 'any' }, given({ certificates: ['jornaya'] })), 'awarded')
    assert.equal(judged({ certificate: 'trustedform' }, given({ certificates: ['jornaya'] })), 'consent_uncertified')
    assert.equal(judged({ maxAgeHours: 1 }, given()), 'awarded')
    assert.equal(judged({ maxAgeHours: 1 }, given({ givenAtMs: NOON - HOUR_MS - 1 })), 'consent_too_old')
    assert.equal(judged({ maxAgeHours: 1 }, given({ givenAtMs: null })), 'consent_too_old')
    assert.equal(
      judged({ maxCertificateAgeHours: 1 }, given({ certifiedAtMs: NOON - 2 * HOUR_MS })),
      'certificate_too_old',
    )
    assert.equal(judged({ maxCertificateAgeHours: 1 }, given({ certifiedAtMs: null })), 'certificate_too_old')
  })

  it('hears what the one that comes closest lacks', () => {
    const asked = { certificate: 'any', maxAgeHours: 1 } as const
    const old = given({ certificates: ['jornaya'], givenAtMs: NOON - 9 * HOUR_MS })
    assert.equal(judged(asked, given({ accounts: [OTHER] }), old, given()), 'consent_too_old')
  })

  it('may have its campaign ask', () => {
    const asked = criteria({ consent: demand({ certificate: 'jornaya' }) })
    const sold = (consents: GivenConsent[]) =>
      verdict(aBid('b', 5), aRequest({ consents }), (routing) =>
        routing.apply(change.campaign(aCampaign('b-campaign', 'b-buyer', { criteria: asked }))),
      )
    assert.equal(sold([given()]), 'consent_uncertified')
    assert.equal(sold([given({ certificates: ['jornaya'] })]), 'awarded')
  })

  it('is decided again as it was by what is stored of the consents, which does not say whose they are', () => {
    const bids = [
      aBid('b', 5, { criteria: criteria({ consent: demand({ isOnRecord: true, certificate: 'any' }) }) }),
      aBid('c', 4, { criteria: criteria({ consent: demand({ isOneToOne: true }) }) }),
      aBid('d', 3),
    ]
    const consents = [given({ zip: '02134', certificates: ['jornaya'] }), BROUGHT]
    const auction = market(bids, { keepsInputs: true }).auction(aRequest({ consents }))
    const { line, parts } = decisionLine(auction)!
    assert.ok(!line.includes('02134') && !parts.join('').includes('02134'))
    const stored = new Map(parts.map((part) => [hashOf(part), part.slice(hashOf(part).length + 1)]))
    const read = readInputs(auction.callId, line.slice(`${auction.id} ${auction.callId} `.length), stored)
    const again = rerunAuction(read, auction.id)
    const told = ({ awards, nonBids }: typeof auction) => [awards.map(({ bidId }) => bidId), nonBids]
    assert.deepEqual(told(again), told(auction))
    assert.deepEqual(told(auction)[0], ['b', 'd'])
  })
})
