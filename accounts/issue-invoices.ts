import { monthsEnded } from './billing-months.ts'
import type { InvoiceIssuer } from './needs.ts'

/** How long after its end a month is left open for calls that were still being written. What comes later is in the next. */
const GRACE_MS = 3_600_000

/**
 * Closes the months that are over, of every account with something unbilled. Returns how many invoices that made. An account that fails
 * leaves the others theirs: rejects with the first failure after all of them.
 */
export async function issueInvoices(store: InvoiceIssuer, now: Date): Promise<number> {
  let count = 0
  const failures: unknown[] = []
  for (const account of await store.unbilled()) {
    try {
      for (const month of monthsEnded(account.since, new Date(now.getTime() - GRACE_MS), account.timezone))
        if (await store.issue(account, month, now)) count++
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return count
}
