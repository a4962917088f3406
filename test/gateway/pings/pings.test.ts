import assert from 'node:assert/strict'
import type { AccountId, AuctionId } from '../../../model/ids.ts'
import type { Micros } from '../../../model/money.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { Refusal } from '../../../model/refusal.ts'
import {
  aBid,
  aCampaign,
  anAccount,
  aNumber,
  aTarget,
  aTrunk,
  CALLER,
  change,
  criteria,
  dollars,
  marketOf,
} from '../../support/market.ts'
import { NUMBER, PingStage, SELLER } from '../../support/ping-stage.ts'

const OTHER = '+13125550123' as PhoneNumber

/** Two buyers with a hundred dollars each; the first bids 5, the second 3, so that the first pays 3.01. */
function market(limits: ConstructorParameters<typeof PingStage>[0] = {}): PingStage {
  const stage = new PingStage(limits)
  for (const [id, amount] of [
    ['high', 5],
    ['low', 3],
  ] as const) {
    stage.apply(...marketOf(aBid(id, amount)))
    stage.apply(change.account(anAccount(`${id}-buyer`, { creditLimitMicros: dollars(100) })))
  }
  return stage
}
const heldOf = (stage: PingStage, buyer: string): Micros => stage.parts.balances.heldMicros(buyer as AccountId)
const codesOf = (answer: ReturnType<PingStage['ask']>): string[] =>
  answer.kind === 'rejected' ? answer.reasons.map(({ code }) => code) : [answer.kind]

describe('a ping', () => {
  it('is quoted what the seller is paid, keeps the price and one place, and says where to call until when', () => {
    const stage = market()
    const answer = stage.accepted()
    assert.equal(answer.payoutMicros, dollars(2.4), '80 % of 3.01, floored to the cent')
    assert.match(answer.token, /^ping-[0-9a-f]{32}$/)
    assert.equal(answer.sipUri, `sip:${NUMBER.slice(1)}-${answer.token}@dce.example`)
    assert.equal(answer.expiresAt.getTime(), stage.clock.nowMs + 30_000)
    assert.equal(heldOf(stage, 'high-buyer'), dollars(3.01))
    assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 })
  })

  it('asked again before it expires hears the same bid and token, and keeps nothing more', () => {
    const stage = market()
    const first = stage.accepted({ tags: { a: '1', b: '2' } })
    stage.apply(change.bid(aBid('low', 4.5)))
    stage.pass(10_000)
    const again = stage.accepted({ tags: { b: '2', a: '1' } })
    assert.deepEqual([again.token, again.payoutMicros, again.isRepeated], [first.token, first.payoutMicros, true])
    assert.deepEqual([again.secondsLeft, again.expiresAt], [20, first.expiresAt])
    assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 })
    const another = stage.accepted({ tags: { a: '1', b: '3' } })
    assert.notEqual(another.token, first.token)
  })

  it('that expires gives back what it kept, and its token is worth nothing any more', () => {
    const stage = market()
    const { sipUri, token } = stage.accepted()
    stage.pass(29_999)
    assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 })
    stage.pass(1)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
    assert.notEqual(stage.accepted().token, token)
    stage.pass(30_000)

    stage.apply(change.bid(aBid('low', 4)))
    const late = stage.call({ uri: sipUri })
    assert.equal(late.awards[0]?.priceMicros, dollars(4.01), 'an auction of its own, at today’s bids')
    assert.ok(late.call.trace.some(({ step }) => step === 'ping'))
  })

  it('is refused by compliance as its call would be, and has kept nothing', () => {
    const stage = market()
    stage.apply({ kind: 'dnc', list: 'blocked', add: [CALLER], remove: [] })
    const answer = stage.ask()
    assert.deepEqual(codesOf(answer), ['compliance'])
    assert.match(answer.kind === 'rejected' ? answer.reasons[0]!.reason : '', /blocked-caller/)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('that nobody buys says why as far as it is the seller’s business', () => {
    const stage = new PingStage()
    assert.deepEqual(codesOf(stage.ask()), ['no_bid'])
    stage.apply(...marketOf(aBid('poor', 5)))
    assert.deepEqual(codesOf(stage.ask()), ['no_capacity'], 'not that the buyer has no money')
    stage.apply(...marketOf(aBid('cheap', 0.5)), ...marketOf(aBid('cheaper', 0.25)))
    const both = stage.ask()
    assert.deepEqual(codesOf(both), ['below_reserve', 'no_capacity'], 'the most frequent first')
    assert.deepEqual(both.kind === 'rejected' && both.reasons.map(({ number }) => number), [101, 731])
  })

  it('is judged by the vertical, the ZIP and the tags it names', () => {
    const stage = new PingStage()
    const bid = aBid('roof', 5, {
      criteria: {
        ...criteria({ verticals: ['roofing'] }),
        geography: { states: [], cities: [], zips: ['78701'], circle: null },
        tags: [{ key: 'age', values: ['old'], isNot: false }],
      },
    })
    stage.apply(...marketOf(bid), change.account(anAccount('roof-buyer', { creditLimitMicros: dollars(100) })))
    assert.equal(stage.ask().kind, 'rejected')
    assert.equal(stage.ask({ vertical: 'roofing', zip: '78701' }).kind, 'rejected')
    const open = stage.accepted({ vertical: 'roofing', zip: '78701', tags: { age: 'old' } })
    const { call, awards } = stage.call({ uri: open.sipUri })
    assert.equal(awards.length, 1)
    assert.equal(call.facts?.number?.vertical, 'roofing', 'the call is what its ping said')
    assert.equal(call.facts?.zip?.zip, '78701')
  })

  it('of a seller who asks too often is limited, of another not', () => {
    const stage = market({ maxPerSecond: 2 })
    stage.ask()
    stage.ask()
    assert.deepEqual(stage.ask(), { kind: 'limited', retryAfterSeconds: 1, perSecond: 2 })
    assert.equal(stage.ask({ sellerId: 'other' as AccountId }).kind, 'rejected')
    stage.pass(500)
    assert.equal(stage.ask().kind, 'accepted')
  })

  it('is refused while its seller, or all sellers together, have the most open', () => {
    const stage = market({ maxOpenPerSeller: 2, maxOpen: 3 })
    const other = aNumber({
      id: 'second' as never,
      number: '+18005550101' as PhoneNumber,
      accountId: 'other' as AccountId,
    })
    stage.apply(change.account(anAccount('other', { type: 'seller' })), { kind: 'number', id: other.id, value: other })
    stage.accepted({ zip: '78701' })
    const second = stage.accepted({ zip: '10001' })
    assert.deepEqual(codesOf(stage.ask({ zip: '60601' })), ['too_many_open_pings'])
    const elsewhere = { sellerId: 'other' as AccountId, number: other.number }
    stage.accepted(elsewhere)
    assert.deepEqual(codesOf(stage.ask({ ...elsewhere, caller: OTHER })), ['exchange_full'])
    stage.call({ uri: second.sipUri }).end()
    stage.accepted({ ...elsewhere, caller: OTHER })
  })

  it('is refused for a number of somebody else’s, by a seller who is suspended, and while no calls are taken', () => {
    const stage = market()
    assert.deepEqual(codesOf(stage.ask({ sellerId: 'stranger' as AccountId })), ['unknown_number'])
    stage.draining = true
    assert.deepEqual(codesOf(stage.ask()), ['not_taking_calls'])
    stage.draining = false
    stage.apply(change.account(anAccount(SELLER, { type: 'seller', status: 'suspended' })))
    assert.deepEqual(codesOf(stage.ask()), ['seller_inactive'])
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('can be asked after by its token, by its seller and while it is open', () => {
    const stage = market()
    const { token, auctionId } = stage.accepted()
    const told = stage.pings.quoted(token, SELLER)
    assert.ok(told?.kind === 'accepted' && told.auctionId === auctionId && told.isRepeated)
    assert.equal(stage.pings.quoted(token, 'other' as AccountId), null)
    stage.pass(30_000)
    assert.equal(stage.pings.quoted(token, SELLER), null)
  })

  it('finds the number of a seller who has but one', () => {
    const { directory } = new PingStage().parts
    assert.equal(directory.onlyNumberOf(SELLER), NUMBER)
    const second = aNumber({ id: 'second' as never, number: '+18005550101' as PhoneNumber })
    directory.apply({ kind: 'number', id: second.id, value: second })
    assert.equal(directory.onlyNumberOf(SELLER), null)
    directory.apply({ kind: 'number', id: second.id, value: { ...second, accountId: 'other' as AccountId } })
    assert.equal(directory.onlyNumberOf(SELLER), NUMBER)
    directory.apply({ kind: 'number', id: second.id, value: null })
    assert.equal(directory.onlyNumberOf('other' as AccountId), null)
  })

  it('leaves its places to nobody else: one place is one open ping', () => {
    const stage = market()
    stage.apply(change.bid(aBid('high', 5, { maxConcurrentCalls: 1 })))
    assert.equal(stage.accepted().payoutMicros, dollars(2.4))
    assert.equal(stage.accepted({ caller: OTHER }).payoutMicros, dollars(0.8), 'the other buyer’s, at the reserve')
    assert.equal(stage.call({ from: '+14155550123' as PhoneNumber }).awards[0]?.buyerId, 'low-buyer')
  })

  it('can be read afterwards: whether accepted, refused or expired, but not what has become a call', () => {
    const stage = market()
    const open = stage.accepted()
    assert.equal(stage.pings.decision(open.auctionId)?.payoutMicros, dollars(2.4))
    const call = stage.call({ uri: open.sipUri })
    assert.equal(stage.pings.decision(open.auctionId), null)
    assert.deepEqual([call.call.auction?.id, call.call.auction?.callId], [open.auctionId, call.call.id])
    const expiring = stage.accepted({ caller: OTHER })
    stage.pass(30_000)
    assert.equal(stage.pings.decision(expiring.auctionId)?.auction.awards.length, 2)
    stage.apply(change.bid(aBid('high', 0.5)), change.bid(aBid('low', 0.5)))
    const refused = stage.ask()
    const decision = stage.pings.decision((refused.kind === 'rejected' ? refused.auctionId : null) as AuctionId)
    assert.deepEqual([decision?.sellerId, decision?.payoutMicros, decision?.auction.nonBids.length], [SELLER, null, 2])
  })
})

describe('the call of a ping', () => {
  const ways: [way: string, options: (token: string, uri: string) => Parameters<PingStage['call']>[0]][] = [
    ['the SIP URI it was given', (_, uri) => ({ uri, from: OTHER })],
    ['a parameter of the URI', (token) => ({ uri: `sip:${NUMBER}@dce.example;dce-token=${token}`, from: OTHER })],
    ['the header X-DCE-Token', (token) => ({ token, from: OTHER })],
    ['its caller and number alone', () => ({})],
    ['its token, the caller withheld', (_, uri) => ({ uri, from: null })],
  ]
  for (const [way, options] of ways)
    it(`is known by ${way}, gets that price whatever bids have become, and spends it`, () => {
      const stage = market()
      const { token, sipUri } = stage.accepted()
      stage.apply(change.bid(aBid('high', 1.5)), change.bid(aBid('low', 2)), ...marketOf(aBid('new', 9)))
      stage.apply({
        kind: 'number',
        id: aNumber().id,
        value: aNumber({ payout: { type: 'fixed', amountMicros: 10_000n } }),
      })
      const sold = stage.call(options(token, sipUri))
      const [award] = sold.awards
      assert.deepEqual([award?.buyerId, award?.priceMicros], ['high-buyer', dollars(3.01)])
      const taken = sold.take(award!)
      assert.ok(typeof taken !== 'string')
      assert.deepEqual([taken.hold.callId, taken.hold.amountMicros], [sold.call.id, dollars(3.01)])
      assert.deepEqual(sold.call.sold?.payout, { type: 'share', shareMillionths: 800_000n }, 'the terms it was quoted')
      assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 }, 'what was kept, not as much again')
      const second = stage.call(options(token, sipUri)).call
      assert.notEqual(second.auction?.id, sold.call.auction?.id)
      sold.end()
      assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
    })

  it('is not bound by another seller’s token, or for another number', () => {
    const stage = market()
    const trunk = aTrunk('other', 'other', { addresses: ['192.0.2.99'] })
    const theirs = aNumber({
      id: 'theirs' as never,
      number: '+18005550199' as PhoneNumber,
      accountId: 'other' as AccountId,
    })
    stage.apply(
      change.account(anAccount('other', { type: 'seller' })),
      { kind: 'trunk', id: trunk.id, value: trunk },
      { kind: 'number', id: theirs.id, value: theirs },
    )
    const { token, sipUri } = stage.accepted()
    assert.throws(
      () => stage.call({ uri: sipUri, source: '192.0.2.99' }),
      (error) => error instanceof Refusal && error.reason === 'unknown_number',
    )
    const thief = stage.call({ uri: `sip:${theirs.number}@dce.example`, token, source: '192.0.2.99' })
    assert.equal(thief.call.promised, null)
    assert.equal(stage.pings.openCount, 1)
  })

  it('with the token of another caller’s ping is auctioned afresh where the operator wants the same caller', () => {
    const stage = market({ sameCaller: true })
    const { sipUri } = stage.accepted()
    assert.equal(stage.call({ uri: sipUri, from: OTHER }).call.promised, null)
    assert.notEqual(stage.call({ uri: sipUri }).call.promised, null)
  })

  it('of a caller with several open pings is the newest one’s', () => {
    const stage = market()
    stage.accepted({ zip: '78701' })
    const newest = stage.accepted({ zip: '10001' })
    assert.equal(stage.call().call.auction?.id, newest.auctionId)
  })

  it('goes to the next award at its own price when the buyer that was kept does not take it', () => {
    const stage = market()
    const sold = stage.call({ uri: stage.accepted().sipUri })
    sold.take(sold.awards[0]!)
    sold.fail()
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
    const next = sold.take(sold.awards[1]!)
    assert.ok(typeof next !== 'string')
    assert.deepEqual([next.hold.accountId, next.hold.amountMicros], ['low-buyer', dollars(1)])
    sold.end(true)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('does not charge a later buyer more than its bid has been lowered to', () => {
    const stage = market()
    stage.apply(...marketOf(aBid('floor', 2.5)))
    stage.apply(change.account(anAccount('floor-buyer', { creditLimitMicros: dollars(100) })))
    const sold = stage.call({ uri: stage.accepted().sipUri })
    stage.apply(change.bid(aBid('low', 2)))
    sold.take(sold.awards[0]!)
    sold.fail()
    assert.equal(sold.take(sold.awards[1]!), 'bid_lowered')
  })

  it('does not ring a buyer who has been suspended since, and keeps nothing of it', () => {
    const stage = market()
    const sold = stage.call({ uri: stage.accepted().sipUri })
    stage.apply(change.account(anAccount('high-buyer', { status: 'suspended' })))
    assert.equal(sold.take(sold.awards[0]!), 'account_inactive')
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('gives back what was kept when the award is passed over, and when the call ends before anybody was rung', () => {
    const stage = market()
    const passed = stage.call({ uri: stage.accepted().sipUri })
    assert.ok(typeof passed.take(passed.awards[1]!) !== 'string')
    assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 })
    passed.end()
    const gone = stage.call({ uri: stage.accepted().sipUri })
    assert.deepEqual(stage.kept(), { holds: 1, reservations: 1 })
    gone.end()
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('is paid for out of what was kept, though the buyer’s credit has gone meanwhile', () => {
    const stage = market()
    const { sipUri } = stage.accepted()
    stage.apply(change.account(anAccount('high-buyer', { creditLimitMicros: 0n })))
    const sold = stage.call({ uri: sipUri })
    assert.ok(typeof sold.take(sold.awards[0]!) !== 'string')
    assert.equal(heldOf(stage, 'high-buyer'), dollars(3.01))
  })

  it('that compliance refuses meanwhile leaves the ping open until it expires', () => {
    const stage = market()
    const { sipUri } = stage.accepted()
    stage.apply({ kind: 'dnc', list: 'blocked', add: [CALLER], remove: [] })
    assert.throws(() => stage.call({ uri: sipUri }), Refusal)
    assert.equal(stage.pings.openCount, 1)
    stage.pass(30_000)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  /** One call a day of each caller: as the first buyer wants it, in all its campaigns. */
  function onceADay(stage: PingStage): void {
    const frequency = { calls: 1, hours: 24, per: 'buyer' } as const
    stage.apply(change.campaign(aCampaign('high-campaign', 'high-buyer', { frequency })))
  }

  for (const caller of [null, OTHER])
    it(`is counted as its own caller’s, whose share the buyer has had: the ping named ${caller ?? 'nobody'}`, () => {
      const stage = market()
      onceADay(stage)
      const first = stage.call({ uri: stage.accepted({ caller }).sipUri })
      assert.ok(typeof first.take(first.awards[0]!) !== 'string')
      first.end(true)
      const second = stage.call({ uri: stage.accepted({ caller: null }).sipUri })
      assert.equal(second.take(second.awards[0]!), 'frequency_cap')
      assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
      assert.ok(typeof second.take(second.awards[1]!) !== 'string', 'the next award is rung')
      second.end(true)
      assert.equal(stage.accepted({ caller: OTHER }).payoutMicros, dollars(2.4), 'whoever has not called may')
    })

  it('whose number is withheld counts as the caller’s whom the ping named', () => {
    const stage = market()
    onceADay(stage)
    const sold = stage.call({ uri: stage.accepted().sipUri, from: null })
    assert.ok(typeof sold.take(sold.awards[0]!) !== 'string')
    sold.end(true)
    assert.equal(stage.accepted().payoutMicros, dollars(0.8), 'the other buyer’s')
  })

  for (const isCalled of [false, true])
    it(`teaches even pacing when calls come, and a ping without a call does not: ${isCalled ? 'with' : 'without'} them`, () => {
      const HOUR_MS = 3_600_000
      const stage = market()
      const budget = { dailyMicros: dollars(100), totalMicros: null }
      stage.apply(change.campaign(aCampaign('high-campaign', 'high-buyer', { pacing: 'even', budget })))
      stage.pass(12 * HOUR_MS) // Midnight in New York.
      stage.call().end()
      stage.pass(23 * HOUR_MS)
      for (let i = 0; i < 100; i++) {
        const { sipUri } = stage.accepted({ tags: { i: String(i) } })
        if (isCalled) stage.call({ uri: sipUri }).end()
      }
      stage.pass(13 * HOUR_MS)
      let bought = 0
      for (; bought < 10; bought++) {
        const sold = stage.call()
        if (sold.awards[0]!.buyerId !== 'high-buyer') break
        sold.take(sold.awards[0]!)
        sold.end(true)
      }
      assert.equal(bought === 10, !isCalled, `${bought} calls by noon: it waits for the evening that it has learned of`)
    })

  it('counts once towards the campaign’s caps, at the time of its ping', () => {
    const stage = market()
    const campaign = aCampaign('high-campaign', 'high-buyer', {
      caps: { hourly: 1, daily: null, monthly: null, total: null, concurrent: null },
    })
    stage.apply(change.campaign(campaign), change.target(aTarget('high-target', 'high-buyer')))
    const sold = stage.call({ uri: stage.accepted().sipUri })
    assert.ok(typeof sold.take(sold.awards[0]!) !== 'string', 'the cap is taken by the ping, not by the call once more')
    sold.end(true)
    assert.equal(stage.accepted({ caller: OTHER }).payoutMicros, dollars(0.8), 'the other buyer’s')
  })
})
