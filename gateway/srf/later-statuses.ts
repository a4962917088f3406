import { createRequire } from 'node:module'

/** Statuses that are younger than drachtio-srf's table of them, which it sends no answer without: RFC 5393, 6086, 8599, 8197, 8688. */
const LATER_STATUSES: Readonly<Record<number, string>> = {
  440: 'Max-Breadth Exceeded',
  469: 'Bad Info Package',
  555: 'Push Notification Service Not Supported',
  607: 'Unwanted',
  608: 'Rejected',
}

/** Teaches drachtio-srf the statuses it does not know, with their reason phrases, and answers which they are. */
export function teachStatuses(): number[] {
  // The table is a package of its own, found from where drachtio-srf is.
  const theirs = createRequire(createRequire(import.meta.url).resolve('drachtio-srf'))
  const table = theirs('sip-status') as Record<number, string>
  for (const [status, phrase] of Object.entries(LATER_STATUSES)) table[Number(status)] ??= phrase
  return Object.keys(LATER_STATUSES).map(Number)
}
