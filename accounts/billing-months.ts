import type { BillingMonth } from '../model/invoice.ts'
import { DAY_MS, getZone, localMonth } from '../model/time-zone.ts'

/** Months closed in one go for an account: one that nobody closed for ten years takes several goes. */
const MOST_MONTHS = 120

/**
 * The months of `zone` that are over at `now`, oldest first, from the one `since` lies in. Throws RangeError for an unknown
 * zone.
 */
export function monthsEnded(since: Date, now: Date, zone: string): BillingMonth[] {
  const months: BillingMonth[] = []
  for (let month = localMonth(zone, since.getTime()); months.length < MOST_MONTHS; month++) {
    const until = new Date(startOf(month + 1, zone))
    if (until > now) break
    const [year, number] = [Math.floor(month / 12), (month % 12) + 1]
    const period = `${String(year).padStart(4, '0')}-${String(number).padStart(2, '0')}`
    months.push({ period, from: new Date(startOf(month, zone)), until })
  }
  return months
}

/** The first instant that `localMonth` counts to this month, whether or not its midnight exists on the clocks there. */
function startOf(month: number, zone: string): number {
  const wallMs = Date.UTC(Math.floor(month / 12), month % 12, 1)
  const clocks = getZone(zone)
  // The offset holds on one side of a change of clocks or on the other: of both instants the first that is in the month.
  const around = [wallMs - clocks.offsetMs(wallMs - DAY_MS), wallMs - clocks.offsetMs(wallMs + DAY_MS)].toSorted(
    (a, b) => a - b,
  )
  return around.find((instant) => localMonth(zone, instant) === month) ?? around[1]!
}
