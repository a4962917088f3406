import assert from 'node:assert/strict'
import type { Account } from '../../model/account.ts'
import type { Campaign, NonBidCode } from '../../model/bid.ts'
import type { Caps } from '../../model/caps.ts'
import type { CallId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting, type Reservation } from '../../routing/route-call.ts'
import { aBid, aCampaign, aNumber, anAccount, aRequest, aTarget, change, dollars } from '../support/market.ts'
import { Dice } from './dice.ts'

const STEPS = 10_000
const HOUR = 3_600_000
const CALLERS = Array.from({ length: 12 }, (_, i) => `+1212555010${i}` as PhoneNumber)
const ZONES = ['America/New_York', 'Asia/Kolkata', 'Pacific/Apia']

interface Sold {
  readonly bid: string
  readonly target: string
  readonly campaign: string
  readonly buyer: string
  readonly seller: string
  readonly ani: PhoneNumber | null
  readonly atMs: number
  /** When it was in each zone, `2026-06-17 12`, as Intl writes it. */
  readonly local: ReadonlyMap<string, string>
  readonly reservation: Reservation
  micros: number
  up: boolean
}

function count(list: readonly Sold[], key: 'bid' | 'target' | 'campaign' | 'buyer' | 'seller', id: string): number {
  return list.filter((one) => one[key] === id).length
}

describe('places, caps and budgets over many random calls', function () {
  this.timeout(120_000)

  it('are never oversold nor undersold: a naive count of all calls ever agrees on every verdict', () => {
    const dice = new Dice()
    let now = Date.parse('2026-10-20T00:00:00Z') // The clocks change on the way.
    const routing = createRouting({ availableMicros: () => dollars(1e6), clock: { now: () => now }, newId })
    const cap = (most: number): number | null => (dice.onceIn(2) ? null : 1 + dice.roll(most))
    const caps = (size: number): Caps => ({
      hourly: cap(8 * size),
      daily: cap(60 * size),
      monthly: cap(900 * size),
      total: cap(4000 * size),
      concurrent: cap(5 * size),
    })
    const accounts = ['buyer0', 'buyer1', 'seller0', 'seller1'].map((id) =>
      anAccount(id, {
        type: id.startsWith('buyer') ? 'buyer' : 'seller',
        timezone: dice.pick(ZONES),
        caps: dice.onceIn(3) ? null : caps(3),
      }),
    )
    const accountOf = (id: string): Account => accounts.find((account) => account.id === id)!
    const targets = ['t0', 't1', 't2', 't3'].map((id, i) =>
      aTarget(id, `buyer${i >> 1}`, {
        maxConcurrentCalls: 2 + dice.roll(5),
        caps: dice.onceIn(2) ? null : caps(2),
      }),
    )
    const campaigns: Campaign[] = ZONES.map((timezone, i) =>
      aCampaign(`c${i}`, `buyer${i % 2}`, {
        timezone,
        caps: caps(1),
        budget: { dailyMicros: dice.onceIn(2) ? null : dollars(20 + dice.roll(200)), totalMicros: null },
        frequency: dice.onceIn(3)
          ? null
          : {
              calls: 1 + dice.roll(4),
              hours: 1 + dice.roll(30),
              after: dice.pick(['connected', 'converted']),
              per: dice.pick(['campaign', 'target', 'buyer']),
            },
      }),
    )
    const bids = Array.from({ length: 6 }, (_, i) => {
      const { id, accountId } = campaigns[i % 3]!
      return aBid(`b${i}`, 1 + dice.roll(5), {
        accountId,
        campaignId: id,
        targetId: dice.pick(targets.filter((target) => target.accountId === accountId)).id,
        maxConcurrentCalls: dice.onceIn(2) ? null : 1 + dice.roll(4),
      })
    })
    const changes = [
      ...accounts.map(change.account),
      ...targets.map(change.target),
      ...campaigns.map(change.campaign),
      ...bids.map(change.bid),
    ]
    while (changes.length > 0) routing.apply(changes.splice(dice.roll(changes.length), 1)[0]!)
    const formats = new Map(
      ZONES.map((timeZone) => [
        timeZone,
        new Intl.DateTimeFormat('sv-SE', {
          timeZone,
          year: 'numeric',
          month: '2-digit',
          day: '2-digit',
          hour: '2-digit',
        }),
      ]),
    )
    const sold: Sold[] = []

    /** The calls of those in the same hour (13), day (10) or month (7), in a zone. */
    function within(those: readonly Sold[], timezone: string, length: number): Sold[] {
      const period = formats.get(timezone)!.format(now).slice(0, length)
      return those.filter((one) => one.local.get(timezone)!.slice(0, length) === period)
    }

    function isCapped(those: readonly Sold[], timezone: string, most: Caps | null | undefined): boolean {
      if (!most) return false
      return (
        those.length >= (most.total ?? Infinity) ||
        (most.hourly !== null && within(those, timezone, 13).length >= most.hourly) ||
        (most.daily !== null && within(those, timezone, 10).length >= most.daily) ||
        (most.monthly !== null && within(those, timezone, 7).length >= most.monthly)
      )
    }

    /** The rules, by looking at every call that was not given back. */
    function verdict(
      bid: (typeof bids)[number],
      seller: Account,
      ani: PhoneNumber | null,
      price: number,
    ): NonBidCode | 'reserved' {
      const campaign = campaigns.find(({ id }) => id === bid.campaignId)!
      const target = targets.find(({ id }) => id === bid.targetId)!
      const buyer = accountOf(bid.accountId)
      const up = sold.filter((one) => one.up)
      const of = (key: 'target' | 'campaign' | 'buyer' | 'seller', id: string): Sold[] =>
        sold.filter((one) => one[key] === id)
      if (count(up, 'seller', seller.id) >= (seller.caps?.concurrent ?? Infinity)) return 'seller_concurrency'
      if (isCapped(of('seller', seller.id), seller.timezone, seller.caps)) return 'seller_cap'
      if (count(up, 'bid', bid.id) >= (bid.maxConcurrentCalls ?? Infinity)) return 'bid_concurrency'
      if (count(up, 'target', target.id) >= target.maxConcurrentCalls!) return 'target_concurrency'
      const targetCaps = target.caps ? { ...target.caps, concurrent: null } : null
      if (isCapped(of('target', target.id), buyer.timezone, targetCaps)) return 'target_cap'
      const { caps: most, budget, frequency } = campaign
      const own = of('campaign', campaign.id)
      if (count(up, 'campaign', campaign.id) >= (most.concurrent ?? Infinity)) return 'campaign_concurrency'
      if (isCapped(own, campaign.timezone, most)) return 'campaign_cap'
      if (count(up, 'buyer', buyer.id) >= (buyer.caps?.concurrent ?? Infinity)) return 'buyer_concurrency'
      if (isCapped(of('buyer', buyer.id), buyer.timezone, buyer.caps)) return 'buyer_cap'
      if (frequency !== null && ani !== null) {
        const { per = 'campaign', after, hours } = frequency
        const calls = of(per, { campaign: campaign.id, target: target.id, buyer: buyer.id }[per]).filter(
          (one) =>
            one.ani === ani && one.atMs > now - hours * HOUR && (after !== 'converted' || (!one.up && one.micros > 0)),
        )
        if (calls.length >= frequency.calls) return 'frequency_cap'
      }
      const spent = within(own, campaign.timezone, 10).reduce((sum, one) => sum + one.micros, 0)
      return spent + price > Number(budget.dailyMicros ?? Infinity) ? 'budget_exhausted' : 'reserved'
    }

    const seen = new Set<string>()
    dice.tell(STEPS, (step) => {
      now += dice.roll(4 * 60_000)
      const ringing = sold.filter((one) => one.up)
      if (dice.onceIn(2) || ringing.length === 0) {
        const ani = dice.onceIn(9) ? null : dice.pick(CALLERS)
        const seller = accountOf(dice.pick(['seller0', 'seller1']))
        const number = aNumber({ priceRule: 'first', accountId: seller.id })
        const { awards } = routing.auction(aRequest({ number, ani, receivedAtMs: now }))
        const bid = dice.pick(bids)
        const award = awards.find(({ bidId }) => bidId === bid.id)
        const price = Number(bid.amountMicros)
        const expected = verdict(bid, seller, ani, price)
        assert.equal(award !== undefined, expected === 'reserved', `the auction's word on ${bid.id}`)
        const base = awards[0] ?? { rank: 1, score: 0n, billableAfter: 0, id: newId() }
        const asked = {
          ...base,
          bidId: bid.id,
          campaignId: bid.campaignId,
          buyerId: bid.accountId,
          targetId: bid.targetId,
        }
        const reservation = routing.reserve(
          { ...asked, amountMicros: bid.amountMicros, priceMicros: bid.amountMicros },
          `call ${step}` as CallId,
          ani,
          now,
          seller.id,
        )
        assert.equal(typeof reservation === 'string' ? reservation : 'reserved', expected)
        seen.add(expected)
        if (typeof reservation === 'string') return
        const { campaignId: campaign, targetId: target, accountId } = bid
        const parties = { bid: bid.id, target, campaign, buyer: accountId, seller: seller.id }
        const local = new Map(ZONES.map((zone) => [zone, formats.get(zone)!.format(now)]))
        sold.push({ ...parties, local, ani, atMs: now, reservation, micros: price, up: true })
      } else {
        const call = dice.pick(ringing)
        if (dice.onceIn(3)) {
          call.reservation.release()
          sold.splice(sold.indexOf(call), 1)
        } else {
          call.up = false
          call.micros = dice.onceIn(3) ? 0 : call.micros
          call.reservation.settle(BigInt(call.micros))
        }
      }
    })
    assert.ok(seen.size >= 2, `only ${[...seen].join()} in DCE_TEST_SEED=${dice.seed}`)
    assert.equal(routing.stats().reservations, sold.filter((one) => one.up).length)
  })
})
