import type { CheckRecord } from '../model/cdr.ts'
import type { Exclusion } from '../model/exclusion.ts'
import type { CallFrequency } from './call-frequency.ts'
import type { CallingHours } from './calling-hours.ts'
import type { DoNotCall } from './do-not-call.ts'
import type { RuleBook } from './rules/rule-book.ts'
import type { ScreeningRequest } from './screening-request.ts'

/** What screening says: all checks, and the rule that decided, in a word for programs and a `text` for people. */
export type ScreeningVerdict = {
  readonly text: string
  readonly checks: readonly CheckRecord[]
  /** Whose bids are none for this call; null: nobody's. */
  readonly exclusions: readonly Exclusion[] | null
} & (
  | { readonly allowed: false; readonly effect: 'block'; readonly rule: string }
  /** `rule`: the first that would have refused on another leg; null when nothing speaks against the call. */
  | { readonly allowed: true; readonly effect: 'allow' | 'advisory'; readonly rule: string | null }
)

/** What the checks consult. */
export interface ScreeningBook {
  readonly doNotCall: DoNotCall
  readonly hours: CallingHours
  /** False: hours are not judged. */
  readonly hoursEnabled: boolean
  readonly frequency: CallFrequency
  readonly rules: RuleBook
  /** Nothing is checked behind the first that blocks. */
  readonly stopsAtFirst?: boolean
}

/** One check: a question with a name. `against` is what it found; the leg decides whether that blocks or only advises. */
export interface Check {
  readonly name: string
  /** `always`: whatever the leg. `by-leg`: the law binds whoever calls the consumer, so not a call the consumer made. */
  readonly binds: 'always' | 'by-leg'
  /** Null: the question does not arise. */
  judge(request: ScreeningRequest, book: ScreeningBook): Finding | null
}

interface Finding {
  readonly against: boolean
  readonly rule: string
  readonly source: string
  readonly detail: string
}

/** A transfer said to have begun longer ago than this is judged on arrival: a stale or mistaken time proves nothing. */
export const MAX_TRANSFER_AGE_MS = 4 * 3_600_000

const blockedCaller: Check = {
  name: 'blocked-caller',
  binds: 'always',
  judge({ ani }, { doNotCall }) {
    const against = ani !== null && doNotCall.has('blocked', ani)
    return {
      against,
      rule: 'blocked-caller',
      source: 'blocked callers list',
      detail: against ? 'the caller is blocked' : NOT_LISTED,
    }
  },
}

const internalDoNotCall: Check = {
  name: 'internal-do-not-call',
  binds: 'by-leg',
  judge({ ani }, { doNotCall }) {
    const against = ani !== null && doNotCall.has('internal', ani)
    const detail = against ? 'the consumer asked not to be called' : NOT_LISTED
    return { against, rule: 'internal-do-not-call', source: '47 CFR 64.1200(d)', detail }
  },
}

const callingHours: Check = {
  name: 'calling-hours',
  binds: 'by-leg',
  judge(request, { hours, hoursEnabled }) {
    if (!hoursEnabled)
      return {
        against: false,
        rule: 'calling-hours',
        source: 'compliance.tcpa.enabled',
        detail: 'calling hours are turned off',
      }
    const atMs = judgedAt(request)
    const { allowed, rule, source, places, against } = hours.judge({ number: request.ani, zip: request.zip }, atMs)
    const spoke = against ?? places[0]
    if (spoke === undefined) return { against: !allowed, rule, source, detail: 'the place of the consumer is unknown' }
    const { state, timezone } = spoke.place
    // In ASCII: it stands in every call's record, and one letter beyond would make each batch of records twice as large in memory.
    const window = spoke.window(atMs).replace('–', ' to ')
    const detail = `${state}, ${timezone}: ${spoke.wallClock(atMs)}, calls ${window}`
    return { against: !allowed, rule, source, detail }
  },
}

/** The states' limits on calls to one person: of those that were made to it, on the same subject (here: of the same vertical). */
const callFrequency: Check = {
  name: 'call-frequency',
  binds: 'by-leg',
  judge({ ani, zip, atMs, offer }, { hours, frequency }) {
    const rule = 'call-frequency'
    const limiting = ani === null ? [] : hours.placesOf({ number: ani, zip }).filter(({ law }) => law.frequency)
    for (const { place, law } of limiting) {
      const { calls, hours: within, source } = law.frequency!
      const made = frequency.count(
        ani!,
        within,
        atMs,
        (call) => call.leg !== 'inbound' && (offer === undefined || call.vertical === offer.vertical),
      )
      if (made < calls) continue
      return { against: true, rule: `${rule}:${place.state}`, source, detail: `${made} calls in ${within} hours` }
    }
    if (limiting.length === 0) return null
    const [{ law }] = limiting as [(typeof limiting)[0]]
    return { against: false, rule, source: law.frequency!.source, detail: 'fewer calls than the limit' }
  },
}

/**
 * The policy: every check is made and recorded, and the first that blocks is the one reported, the operator's own rules
 * after the law's. A new check is a line here.
 */
export const CHECKS: readonly Check[] = [blockedCaller, internalDoNotCall, callingHours, callFrequency]

const NOT_LISTED = 'not listed'

/**
 * May this call be sold? Hours and do-not-call lists bind on `transfer` and `outbound` legs and advise on `inbound` ones, where
 * the consumer dialled; blocked callers never get through.
 */
export function screenCall(
  request: ScreeningRequest,
  book: ScreeningBook,
  checks: readonly Check[] = CHECKS,
): ScreeningVerdict {
  const enforced = request.trafficType !== 'inbound'
  const records: CheckRecord[] = []
  let decided: CheckRecord | null = null
  for (const check of checks) {
    const finding = check.judge(request, book)
    if (finding === null) continue
    const { against, rule, source, detail } = finding
    const effect = !against ? 'allow' : enforced || check.binds === 'always' ? 'block' : 'advisory'
    const record: CheckRecord = { check: check.name, effect, rule, source, detail }
    records.push(record)
    if (effect === 'block' ? decided?.effect !== 'block' : effect === 'advisory' && decided === null) decided = record
    if (effect === 'block' && book.stopsAtFirst) break
  }
  let exclusions: readonly Exclusion[] | null = null
  if (!book.rules.isEmpty && !(book.stopsAtFirst && decided?.effect === 'block')) {
    const places = book.hours.placesOf({ number: request.ani, zip: request.zip })
    const said = book.rules.judge({ request, places })
    exclusions = said.exclusions
    for (const record of said.checks) {
      records.push(record)
      const { effect } = record
      if (effect === 'block' ? decided?.effect !== 'block' : effect === 'advisory' && decided === null) decided = record
    }
  }
  const made = { checks: records, exclusions }
  if (decided === null)
    return { allowed: true, effect: 'allow', rule: null, text: 'nothing speaks against it', ...made }
  const { effect, rule, detail: text } = decided
  if (effect === 'block') return { allowed: false, effect, rule, text, ...made }
  return { allowed: true, effect: 'advisory', rule, text, ...made }
}

/** The moment whose hours count: a transfer's origination when the seller gives a credible one, else its arrival. */
function judgedAt({ trafficType, atMs, originatedAtMs }: ScreeningRequest): number {
  if (trafficType !== 'transfer' || originatedAtMs === null || originatedAtMs === undefined) return atMs
  return originatedAtMs <= atMs && originatedAtMs >= atMs - MAX_TRANSFER_AGE_MS ? originatedAtMs : atMs
}
