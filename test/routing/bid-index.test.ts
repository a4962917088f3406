import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Bid, Campaign, Criteria, Day, TimeWindow } from '../../model/bid.ts'
import type { AccountId, CampaignId, TargetId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { ZipPlace } from '../../model/places.ts'
import { distanceMiles } from '../../routing/area.ts'
import { createRouting, type AuctionRequest } from '../../routing/route-call.ts'
import { aBid, aCampaign, aNumber, anAccount, aRequest, aTarget, change, dollars } from '../support/market.ts'

// Everything from a few values, so that bids and calls meet often.
const VERTICALS = ['insurance', 'legal', 'solar']
const STATES = ['NY', 'NJ', 'TX', 'AK']
const ZIPS: ZipPlace[] = [
  { zip: '10001', city: 'New York', state: 'NY', timezone: 'America/New_York', lat: 40.7484, lon: -73.9967 },
  { zip: '07030', city: 'Hoboken', state: 'NJ', timezone: 'America/New_York', lat: 40.7453, lon: -74.0279 },
  { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.2711, lon: -97.7437 },
  { zip: '99546', city: 'Adak', state: 'AK', timezone: 'America/Adak', lat: 51.8772, lon: -176.6309 },
  { zip: '99547', city: 'Atka', state: 'AK', timezone: 'America/Adak', lat: 52.1961, lon: 179.9 },
]
const ZONES = ['America/New_York', 'America/Chicago', 'Asia/Kolkata', 'Pacific/Apia']
const DAYS: Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

const some = <T>(values: readonly T[], maxLength = 2): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { maxLength })
const timeWindow: fc.Arbitrary<TimeWindow> = fc.record({
  startMinute: fc.integer({ min: 0, max: 1439 }),
  endMinute: fc.integer({ min: 0, max: 1440 }),
  days: some(DAYS, 4),
  timezone: fc.constantFrom(...ZONES),
})
const criteria: fc.Arbitrary<Criteria> = fc.record({
  verticals: some(VERTICALS),
  geography: fc.option(
    fc.record({
      states: some(STATES, 3),
      cities: fc.oneof(fc.constant([]), some(['austin', 'New York', 'Hoboken, NJ', 'Adak, TX'])),
      zips: fc.oneof(fc.constant([]), some(ZIPS.map(({ zip }) => zip))),
      circle: fc.option(
        fc.record({
          lat: fc.constantFrom(40.7, 30, 52),
          lon: fc.constantFrom(-74, -97, 179.95, -179.95),
          radiusMiles: fc.constantFrom(1, 5, 40, 150, 500, 2000, 13_000),
        }),
        { freq: 3 },
      ),
    }),
  ),
  timeWindow: fc.option(timeWindow),
})
const buyer = 'buyer' as AccountId
const bids = fc
  .array(
    fc.record({
      criteria,
      campaign: fc.nat({ max: 2 }),
      status: fc.constantFrom('active' as const, 'active' as const, 'paused' as const),
    }),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((list) =>
    list.map(({ campaign, ...rest }, i) =>
      aBid(`b${i}`, 5, {
        ...rest,
        accountId: buyer,
        campaignId: `c${campaign}` as CampaignId,
        targetId: 'target' as TargetId,
      }),
    ),
  )
const campaigns = fc
  .tuple(
    ...[0, 1, 2].map(() => fc.record({ criteria: fc.option(criteria, { freq: 1 }), schedule: fc.option(timeWindow) })),
  )
  .map((list) =>
    list.map((one, i) =>
      aCampaign(`c${i}`, buyer, {
        schedule: one.schedule,
        ...(one.criteria === null ? {} : { criteria: one.criteria }),
      }),
    ),
  )
const requests = fc
  .record({
    vertical: fc.constantFrom(...VERTICALS),
    zip: fc.option(fc.constantFrom(...ZIPS)),
    states: some(STATES, 3),
    receivedAtMs: fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') }),
  })
  .map(({ vertical, zip, states, receivedAtMs }) =>
    aRequest({
      number: aNumber({ vertical }),
      zip,
      places: states.map((state) => ({ state, timezone: 'UTC' })),
      receivedAtMs,
    }),
  )

/** What the criteria say, read slowly: strings, Intl and a distance. */
function meets(wanted: Criteria, { number, zip, places, receivedAtMs }: AuctionRequest): boolean {
  if (wanted.verticals.length > 0 && !wanted.verticals.includes(number.vertical)) return false
  if (wanted.timeWindow && !isOpenSlowly(wanted.timeWindow, receivedAtMs)) return false
  const { geography } = wanted
  if (!geography) return true
  const states = zip ? [zip.state] : places.map(({ state }) => state)
  if (
    geography.states.length > 0 &&
    (states.length === 0 || !states.every((state) => geography.states.includes(state)))
  ) {
    return false
  }
  const names = zip ? [zip.city, `${zip.city}, ${zip.state}`].map((name) => name.toLowerCase()) : []
  if (geography.cities.length > 0 && !geography.cities.some((city) => names.includes(city.toLowerCase()))) return false
  if (geography.zips.length > 0 && !(zip && geography.zips.includes(zip.zip))) return false
  const { circle } = geography
  return !circle || (zip !== null && distanceMiles(circle.lat, circle.lon, zip.lat, zip.lon) <= circle.radiusMiles)
}

const FORMATS = new Map(
  ZONES.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit' }),
  ]),
)

function isOpenSlowly({ startMinute, endMinute, days, timezone }: TimeWindow, atMs: number): boolean {
  const text = FORMATS.get(timezone)!.format(atMs)
  const [, name, hour, minute] = /^(\w+),? (\d+):(\d+)$/.exec(text)!
  const today = DAYS.indexOf(name!.toLowerCase() as Day)
  const time = Number(hour) * 60 + Number(minute)
  const names = (day: number): boolean => days.length === 0 || days.includes(DAYS[(day + 7) % 7]!)
  if (startMinute < endMinute) return names(today) && startMinute <= time && time < endMinute
  return (names(today) && time >= startMinute) || (names(today - 1) && time < endMinute)
}

function bought(bid: Bid, campaign: Campaign, request: AuctionRequest): boolean {
  const open = !campaign.schedule || isOpenSlowly(campaign.schedule, request.receivedAtMs)
  return bid.status === 'active' && open && meets(bid.criteria, request) && meets(campaign.criteria, request)
}

function newRouting(): ReturnType<typeof createRouting> {
  const needs = { availableMicros: () => dollars(1000), clock: { now: () => Date.parse('2027-01-01') }, newId }
  const routing = createRouting(needs, { maxAwards: 1000, maxNonBids: 1000 })
  routing.apply(change.account(anAccount(buyer)))
  routing.apply(change.target(aTarget('target', buyer)))
  return routing
}

describe('the index of bids', () => {
  it('finds exactly those that a look at every bid would, and explains every other', () => {
    fc.assert(
      fc.property(bids, campaigns, fc.array(requests, { minLength: 1, maxLength: 8 }), (all, owners, calls) => {
        const routing = newRouting()
        for (const bid of all) routing.apply(change.bid(bid))
        for (const campaign of owners) routing.apply(change.campaign(campaign))
        for (const request of calls) {
          const auction = routing.explain(request, routing.auction(request))
          const expected = all.filter((bid) => bought(bid, owners[Number(bid.campaignId.slice(1))]!, request))
          assert.deepEqual(auction.awards.map(({ bidId }) => bidId).toSorted(), expected.map(({ id }) => id).toSorted())
          assert.equal(auction.awards.length + auction.nonBids.length, all.length)
          assert.equal(auction.nonBidsOmitted, 0)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is as good after any number of changes as one built afresh', () => {
    fc.assert(
      fc.property(
        bids,
        bids,
        campaigns,
        campaigns,
        fc.array(requests, { minLength: 1, maxLength: 4 }),
        (before, after, c1, c2, calls) => {
          const changed = newRouting()
          for (const campaign of c1) changed.apply(change.campaign(campaign))
          for (const bid of before) changed.apply(change.bid(bid))
          for (const campaign of c2) changed.apply(change.campaign(campaign))
          for (const bid of after) changed.apply(change.bid(bid))
          for (const { id } of before.slice(after.length)) changed.apply({ kind: 'bid', id, value: null })
          const fresh = newRouting()
          for (const one of [...c2.map(change.campaign), ...after.map(change.bid)]) fresh.apply(one)
          assert.deepEqual(changed.stats(), fresh.stats())
          for (const request of calls) {
            const ids = (routing: typeof fresh): string[] => routing.auction(request).awards.map(({ bidId }) => bidId)
            assert.deepEqual(ids(changed), ids(fresh))
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('stays right where bitmaps take over from lists', () => {
    const routing = newRouting()
    routing.apply(change.campaign(aCampaign('c0', buyer)))
    const wanted = (i: number): Bid =>
      aBid(`b${String(i).padStart(4, '0')}`, 5, {
        accountId: buyer,
        campaignId: 'c0' as CampaignId,
        targetId: 'target' as TargetId,
        criteria: {
          verticals: [],
          geography: null,
          timeWindow: {
            startMinute: (i * 37) % 1440,
            endMinute: (i * 91) % 1441,
            days: [DAYS[i % 7]!],
            timezone: ZONES[i % 2]!,
          },
        },
      })
    const standing = new Map<string, Bid>()
    const check = (seed: number): void => {
      const request = aRequest({ receivedAtMs: Date.parse('2026-06-01') + seed * 4_567_891 })
      const expected = [...standing.values()].filter(({ criteria: asked }) => meets(asked, request)).map(({ id }) => id)
      assert.deepEqual(
        routing
          .auction(request)
          .awards.map(({ bidId }) => bidId)
          .toSorted(),
        expected.toSorted(),
      )
    }
    for (let i = 0; i < 300; i++) {
      standing.set(wanted(i).id, wanted(i))
      routing.apply(change.bid(wanted(i)))
      if (i % 9 === 0) check(i)
    }
    for (let i = 0; i < 300; i += i % 5 === 0 ? 1 : 2) {
      standing.delete(wanted(i).id)
      routing.apply({ kind: 'bid', id: wanted(i).id, value: null })
      if (i % 3 === 0) check(i)
    }
    for (let i = 0; i < 400; i++) check(i)
  })
})
