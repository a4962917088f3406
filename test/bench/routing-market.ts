import type { BookChange } from '../../model/book.ts'
import type { Bid, Day, TimeWindow } from '../../model/bid.ts'
import type { AccountId, BidId, CampaignId, TargetId } from '../../model/ids.ts'
import { aBid, aCampaign, anAccount, aTarget, change, criteria, dollars, geography } from '../support/market.ts'

const STATES =
  'AL AZ AR CA CO CT DE FL GA IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY'.split(
    ' ',
  )
const ZONES = ['America/New_York', 'America/Chicago', 'America/Denver', 'America/Los_Angeles']
const WEEKDAYS: Day[] = ['mon', 'tue', 'wed', 'thu', 'fri']
const BUYERS = 200

/** A number that looks random and is the same in every run. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export interface BenchMarket {
  readonly changes: BookChange[]
  readonly bids: Bid[]
}

/**
 * `total` standing bids of 200 buyers over 8 verticals, of which exactly `eligible` fit an `insurance` call from New York on
 * a Wednesday at noon there; the others ask for another vertical, another state or another hour. Budgets, caps and
 * concurrency limits are set on every campaign and target, as they would be, and are wide enough not to be reached.
 */
export function buildMarket(total: number, eligible: number): BenchMarket {
  const next = chance(42)
  const changes: BookChange[] = []
  for (let b = 0; b < BUYERS; b++) {
    const buyer = `buyer-${b}`
    changes.push(change.account(anAccount(buyer, { creditLimitMicros: dollars(1_000_000) })))
    changes.push(change.target(aTarget(`target-${b}`, buyer, { maxConcurrentCalls: 1000 })))
    changes.push(
      change.campaign(
        aCampaign(`campaign-${b}`, buyer, {
          budget: { dailyMicros: dollars(5_000_000), totalMicros: null },
          caps: { hourly: null, daily: 1_000_000, monthly: null, total: null, concurrent: 1000 },
        }),
      ),
    )
  }
  const bids: Bid[] = []
  for (let i = 0; i < total; i++) {
    const fits = i % Math.floor(total / eligible) === 0 && i / Math.floor(total / eligible) < eligible
    const buyer = i % BUYERS
    bids.push(
      aBid(`bid-${String(i).padStart(6, '0')}`, Math.round((2 + next() * 48) * 100) / 100, {
        accountId: `buyer-${buyer}` as AccountId,
        campaignId: `campaign-${buyer}` as CampaignId,
        targetId: `target-${buyer}` as TargetId,
        id: `bid-${String(i).padStart(6, '0')}` as BidId,
        createdAt: new Date(1_750_000_000_000 + i),
        maxConcurrentCalls: 500,
        criteria: fits ? fitting(next) : other(next),
      }),
    )
  }
  for (const bid of bids) changes.push(change.bid(bid))
  return { changes, bids }
}

function fitting(next: () => number): Bid['criteria'] {
  return criteria({
    verticals: ['insurance'],
    geography: geography({ states: ['NY', pick(STATES, next)] }),
    timeWindow: office(ZONES[0]!),
  })
}

function other(next: () => number): Bid['criteria'] {
  const kind = next()
  if (kind < 0.5) {
    const states = Array.from({ length: 1 + Math.floor(next() * 8) }, () => pick(STATES, next))
    return criteria({
      verticals: [`vertical-${Math.floor(next() * 7)}`],
      geography: geography({ states }),
      timeWindow: office(pick(ZONES, next)),
    })
  }
  const states = Array.from({ length: 1 + Math.floor(next() * 8) }, () => pick(STATES, next)).filter((s) => s !== 'NY')
  if (kind < 0.9) return criteria({ verticals: ['insurance'], geography: geography({ states: [...states, 'TX'] }) })
  return criteria({ verticals: ['insurance'], timeWindow: night(ZONES[0]!) })
}

function pick<T>(list: readonly T[], next: () => number): T {
  return list[Math.floor(next() * list.length)]!
}
const office = (timezone: string): TimeWindow => ({ startMinute: 480, endMinute: 1200, days: WEEKDAYS, timezone })
const night = (timezone: string): TimeWindow => ({ startMinute: 1260, endMinute: 360, days: WEEKDAYS, timezone })
