import { z } from 'zod'
import type { Caps as CapsModel } from '../model/caps.ts'
import { invalid } from './problems.ts'

// The most calls of a period: the same words for campaigns, targets and accounts.

const cap = z.int().min(0).max(1_000_000_000).nullish()
const count = z.int().nullable()

export const Caps = z.strictObject({ hourly: cap, daily: cap, monthly: cap, total: cap, concurrent: cap })
export const CapsAnswer = z.strictObject({
  hourly: count,
  daily: count,
  monthly: count,
  total: count,
  concurrent: count,
})

const PERIODS = ['hourly', 'daily', 'monthly', 'total'] as const

/** A cap above one of a longer period (or more calls at once than ever) is never reached: a slip, refused by name. */
function requireOrder(caps: CapsModel): void {
  for (const [i, longer] of PERIODS.entries()) {
    const most = caps[longer]
    if (most === null) continue
    const shorterOnes = longer === 'total' ? ([...PERIODS.slice(0, i), 'concurrent'] as const) : PERIODS.slice(0, i)
    for (const shorter of shorterOnes) {
      const own = caps[shorter]
      if (own !== null && own > most)
        throw invalid(`/caps/${shorter}`, `${own} is above the ${longer} cap of ${most}`, 'overlapping_caps')
    }
  }
}

/** The caps a body names, over those there are: what it leaves out stays. Throws 422 for those that contradict each other. */
export function mergeCaps(body: z.output<typeof Caps>, current: CapsModel): CapsModel {
  const merged = { ...current }
  for (const [name, most] of Object.entries(body)) if (most !== undefined) merged[name as keyof CapsModel] = most
  requireOrder(merged)
  return merged
}
