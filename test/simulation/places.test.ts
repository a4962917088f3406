import assert from 'node:assert/strict'
import type { Campaign, NonBidCode } from '../../model/bid.ts'
import type { AccountId, CallId, CampaignId, TargetId } from '../../model/ids.ts'
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
  readonly ani: PhoneNumber | null
  readonly atMs: number
  /** `2026-06-17, 12`: the campaign's day and hour, as Intl writes them. */
  readonly local: string
  readonly reservation: Reservation
  micros: number
  up: boolean
}

function count(list: readonly Sold[], key: 'bid' | 'target' | 'campaign', id: string): number {
  return list.filter((one) => one[key] === id).length
}

describe('places, caps and budgets over many random calls', function () {
  this.timeout(120_000)

  it('are never oversold nor undersold: a naive count of all calls ever agrees on every verdict', () => {
    const dice = new Dice()
    let now = Date.parse('2026-10-20T00:00:00Z') // The clocks change on the way.
    const routing = createRouting({ availableMicros: () => dollars(1e6), clock: { now: () => now }, newId })
    const buyer = 'buyer' as AccountId
    routing.apply(change.account(anAccount(buyer)))
    const targets = ['t0', 't1'].map((id) => aTarget(id, buyer, { maxConcurrentCalls: 2 + dice.roll(5) }))
    const cap = (most: number): number | null => (dice.onceIn(2) ? null : 1 + dice.roll(most))
    const campaigns: Campaign[] = ZONES.map((timezone, i) =>
      aCampaign(`c${i}`, buyer, {
        timezone,
        caps: { hourly: cap(8), daily: cap(60), monthly: cap(900), total: cap(4000), concurrent: cap(5) },
        budget: { dailyMicros: dice.onceIn(2) ? null : dollars(20 + dice.roll(200)), totalMicros: null },
        frequency: dice.onceIn(2) ? null : { calls: 1 + dice.roll(4), hours: 1 + dice.roll(30) },
      }),
    )
    const bids = Array.from({ length: 6 }, (_, i) =>
      aBid(`b${i}`, 1 + dice.roll(5), {
        accountId: buyer,
        campaignId: `c${i % 3}` as CampaignId,
        targetId: `t${i % 2}` as TargetId,
        maxConcurrentCalls: dice.onceIn(2) ? null : 1 + dice.roll(4),
      }),
    )
    for (const one of [...targets.map(change.target), ...campaigns.map(change.campaign), ...bids.map(change.bid)])
      routing.apply(one)
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

    /** The rules, by looking at every call that was not given back. */
    function verdict(bid: (typeof bids)[number], ani: PhoneNumber | null, price: number): NonBidCode | 'reserved' {
      const campaign = campaigns.find(({ id }) => id === bid.campaignId)!
      const target = targets.find(({ id }) => id === bid.targetId)!
      const up = sold.filter((one) => one.up)
      if (count(up, 'bid', bid.id) >= (bid.maxConcurrentCalls ?? Infinity)) return 'bid_concurrency'
      if (count(up, 'target', target.id) >= target.maxConcurrentCalls!) return 'target_concurrency'
      const { caps, budget, frequency } = campaign
      if (count(up, 'campaign', campaign.id) >= (caps.concurrent ?? Infinity)) return 'campaign_concurrency'
      const own = sold.filter((one) => one.campaign === campaign.id)
      const local = formats.get(campaign.timezone)!.format(now)
      const since = (length: number): Sold[] =>
        own.filter((one) => one.local.slice(0, length) === local.slice(0, length))
      if (
        own.length >= (caps.total ?? Infinity) ||
        since(13).length >= (caps.hourly ?? Infinity) ||
        since(10).length >= (caps.daily ?? Infinity) ||
        since(7).length >= (caps.monthly ?? Infinity)
      ) {
        return 'campaign_cap'
      }
      if (frequency !== null && ani !== null) {
        const calls = own.filter((one) => one.ani === ani && one.atMs > now - frequency.hours * HOUR).length
        if (calls >= frequency.calls) return 'frequency_cap'
      }
      const spent = since(10).reduce((sum, one) => sum + one.micros, 0)
      return spent + price > Number(budget.dailyMicros ?? Infinity) ? 'budget_exhausted' : 'reserved'
    }

    const seen = new Set<string>()
    dice.tell(STEPS, (step) => {
      now += dice.roll(4 * 60_000)
      const ringing = sold.filter((one) => one.up)
      if (dice.onceIn(2) || ringing.length === 0) {
        const ani = dice.onceIn(9) ? null : dice.pick(CALLERS)
        const number = aNumber({ priceRule: 'first' })
        const { awards } = routing.auction(aRequest({ number, ani, receivedAtMs: now }))
        const bid = dice.pick(bids)
        const award = awards.find(({ bidId }) => bidId === bid.id)
        const price = Number(bid.amountMicros)
        const expected = verdict(bid, ani, price)
        assert.equal(award !== undefined, expected === 'reserved', `the auction's word on ${bid.id}`)
        const base = awards[0] ?? { rank: 1, score: 0n, billableAfter: 0, id: newId() }
        const asked = { ...base, bidId: bid.id, campaignId: bid.campaignId, buyerId: buyer, targetId: bid.targetId }
        const reservation = routing.reserve(
          { ...asked, amountMicros: bid.amountMicros, priceMicros: bid.amountMicros },
          `call ${step}` as CallId,
          ani,
          now,
        )
        assert.equal(typeof reservation === 'string' ? reservation : 'reserved', expected)
        seen.add(expected)
        if (typeof reservation === 'string') return
        const { timezone } = campaigns.find(({ id }) => id === bid.campaignId)!
        const local = formats.get(timezone)!.format(now)
        const { campaignId: campaign, targetId: target } = bid
        sold.push({ bid: bid.id, target, campaign, ani, atMs: now, local, reservation, micros: price, up: true })
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
