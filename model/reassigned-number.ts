import type { PhoneNumber } from './phone-number.ts'
import { DAY_MS } from './time-zone.ts'

/**
 * What the Reassigned Numbers Database says of a number and a day: `yes`, it was permanently disconnected on that day or later; `no`, it was
 * not; `no_data`, it cannot tell (FCC DA-21-1649).
 */
export const REASSIGNED_WORDS = ['yes', 'no', 'no_data'] as const

/** One answer of the database, as it was asked. */
export interface ReassignedAnswer {
  readonly number: PhoneNumber
  /** The day it was asked about, of the consent or later: `2026-01-31`. */
  readonly consentDate: string
  readonly answer: (typeof REASSIGNED_WORDS)[number]
  readonly askedAt: Date
}

/** Answers kept of one number that are looked at, the latest first. */
export const MOST_REASSIGNED_ANSWERS = 100
/**
 * The safe harbour is for who has asked the latest edition of the database, which carriers add to once a month: a `no` older than this is of
 * no use.
 */
export const RECENT_ANSWER_DAYS = 31
/** No American clock is farther behind UTC (Samoa's): a consent of this evening there has tomorrow's day in UTC. */
const FARTHEST_BEHIND_MS = 11 * 3_600_000

/** What the answers kept of a number are worth for a consent of a day. */
export type ReassignedStanding =
  /** It belongs to somebody else since. */
  | { readonly standing: 'reassigned'; readonly by: ReassignedAnswer }
  /** It was said recently that it does not (47 CFR 64.1200(m)). */
  | { readonly standing: 'safe_harbour'; readonly by: ReassignedAnswer }
  | { readonly standing: 'unknown'; readonly by: null }

/**
 * A `yes` about the consent's day or a later one says that the number has changed hands since the consent; a `no` about that day or an earlier
 * one that it has not, as long as it is recent. Whatever else was answered says nothing of this consent. The database is asked about the day
 * on the consumer's own calendar, so a `yes` counts from the first day that it may have been anywhere in America.
 */
export function standingOf(
  answers: readonly ReassignedAnswer[],
  consentAtMs: number,
  atMs: number,
): ReassignedStanding {
  const day = dayOf(consentAtMs)
  const earliest = dayOf(consentAtMs - FARTHEST_BEHIND_MS)
  const yes = answers.find(({ answer, consentDate }) => answer === 'yes' && consentDate >= earliest)
  if (yes) return { standing: 'reassigned', by: yes }
  const oldest = atMs - RECENT_ANSWER_DAYS * DAY_MS
  const no = answers.find(
    ({ answer, consentDate, askedAt }) =>
      answer === 'no' && consentDate <= day && askedAt.getTime() >= oldest && askedAt.getTime() <= atMs,
  )
  return no ? { standing: 'safe_harbour', by: no } : { standing: 'unknown', by: null }
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
