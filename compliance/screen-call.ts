import type { CheckRecord } from '../model/cdr.ts'
import type { GivenConsent } from '../model/consent.ts'
import type { Exclusion } from '../model/exclusion.ts'
import type { CallFrequency } from './call-frequency.ts'
import type { CallingHours, Located } from './calling-hours.ts'
import { judgeConsent } from './consent/consent-check.ts'
import type { Consents } from './consent/consents.ts'
import type { DoNotCall } from './do-not-call.ts'
import type { Enforcement, LegLaw } from './enforcement.ts'
import type { HoursRule } from './calling-hours-rules.ts'
import { consumerOf } from './place-evidence.ts'
import type { PlaceHours } from './place-hours.ts'
import { judgeReassigned } from './reassigned-check.ts'
import type { RuleBook } from './rules/rule-book.ts'
import type { ScreeningRequest } from './screening-request.ts'
import { judgeBuyersLists, judgeLists, KIND_CHECKS } from './suppression-checks.ts'

/** What screening says: all checks, and the rule that decided, in a word for programs and a `text` for people. */
export type ScreeningVerdict = {
  readonly text: string
  readonly checks: readonly CheckRecord[]
  /** Whose bids are none for this call; null: nobody's. */
  readonly exclusions: readonly Exclusion[] | null
  /** Those that are good for this call, for buyers that ask for one; null: none is known. */
  readonly consents?: readonly GivenConsent[] | null
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
  readonly enforcement: Enforcement
  readonly frequency: CallFrequency
  readonly rules: RuleBook
  /** Nothing is checked behind the first that blocks. */
  readonly stopsAtFirst?: boolean
  readonly consents: Consents
}

/** One check: a question with a name. `against` is what it found; the leg decides whether that blocks or only advises. */
export interface Check {
  readonly name: string
  /** `always`: whatever the leg. A law: where that is enforced, which is a setting and by default the law's own (enforcement.ts). */
  readonly binds: 'always' | LegLaw
  /** Null: the question does not arise. `located`: everywhere the consumer may be at the moment that is judged. */
  judge(request: ScreeningRequest, book: ScreeningBook, located: Located): Finding | null
}

type Finding = Omit<CheckRecord, 'check' | 'effect'> & {
  readonly against: boolean
  /** It is only noted, whatever the leg. */
  readonly warns?: boolean
}

/** A transfer said to have begun longer ago than this is judged on arrival: a stale or mistaken time proves nothing. */
export const MAX_TRANSFER_AGE_MS = 4 * 3_600_000

const blockedCaller: Check = {
  name: 'blocked-caller',
  binds: 'always',
  judge(request, book, located) {
    const against = request.ani !== null && book.doNotCall.has('blocked', request.ani)
    const found = against ? null : judgeLists('blocked', request, book, located)
    if (found !== null) return found
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
  binds: 'do_not_call',
  judge(request, book, located) {
    const against = request.ani !== null && book.doNotCall.has('internal', request.ani)
    const found = against ? null : judgeLists('internal', request, book, located)
    if (found !== null) return found
    const detail = against ? 'the consumer asked not to be called' : NOT_LISTED
    return { against, rule: 'internal-do-not-call', source: '47 CFR 64.1200(d)', detail }
  },
}

/** Who is known to sue over calls is not called, and its own calls are not sold either. */
const litigator: Check = {
  ...KIND_CHECKS.litigator,
  judge: (...asked) => judgeLists('litigator', ...asked),
}

/** The national registry, as imported. Who calls by one older than 31 days does so without safe harbour. */
const nationalDoNotCall: Check = {
  ...KIND_CHECKS.national,
  judge: (...asked) => judgeLists('national', ...asked),
}

/** The lists of the states the consumer may be in. */
const stateDoNotCall: Check = {
  ...KIND_CHECKS.state,
  judge: (...asked) => judgeLists('state', ...asked),
}

const callingHours: Check = {
  name: 'calling-hours',
  binds: 'calling_hours',
  judge(request, { hours, hoursEnabled }, located) {
    if (!hoursEnabled)
      return {
        against: false,
        rule: 'calling-hours',
        source: 'compliance.tcpa.enabled',
        detail: 'calling hours are turned off',
      }
    const atMs = judgedAt(request)
    const { allowed, law, place } = hours.judge(located, atMs)
    const { rule, version, source } = law
    const { evidence } = located
    if (!allowed && request.placeIsAsked && !evidence.includes('zip'))
      return { against: false, rule, version, source, detail: 'judged when the caller has said where it is', evidence }
    const detail = place === null ? 'the place of the consumer is unknown' : wordsOf(place, atMs)
    return { against: !allowed, rule, version, source, detail, evidence }
  },
}

/** In ASCII: it stands in every call's record, and one letter beyond would make each batch of records twice as large in memory. */
function wordsOf(hours: PlaceHours, atMs: number): string {
  const { state, timezone } = hours.place
  return `${state}, ${timezone}: ${hours.wallClock(atMs)}, calls ${hours.window(atMs, ' to ')}`
}

/** The states' limits on calls to one person: of those that were made to it, on the same subject (here: of the same vertical). */
const callFrequency: Check = {
  name: 'call-frequency',
  binds: 'call_frequency',
  judge({ ani, atMs, offer, trafficType, isAgain = false }, { frequency }, { places, evidence }) {
    if (ani === null) return null
    const itself = isAgain && offer !== undefined && trafficType !== 'inbound' ? 1 : 0
    let limiting: HoursRule | null = null
    for (const place of places) {
      const law = place.lawAt(atMs)
      if (law.frequency === undefined) continue
      limiting ??= law
      const { calls, hours: within, source } = law.frequency
      const counted = frequency.count(
        ani,
        within,
        atMs,
        (call) => call.leg !== 'inbound' && (offer === undefined || call.vertical === offer.vertical),
      )
      const made = Math.max(0, counted - itself)
      if (made < calls) continue
      const { version } = law
      const rule = `call-frequency:${place.place.state}`
      return { against: true, rule, version, source, detail: `${made} calls in ${within} hours`, evidence }
    }
    if (limiting === null) return null
    const { version, frequency: law } = limiting
    const detail = 'fewer calls than the limit'
    return { against: false, rule: 'call-frequency', version, source: law!.source, detail, evidence }
  },
}

const consent: Check = { name: 'consent', binds: 'consent', judge: judgeConsent }

/** Who consented may have another number by now. */
const reassignedNumber: Check = { name: 'reassigned-number', binds: 'consent', judge: judgeReassigned }

/**
 * The policy: every check is made and recorded, and the first that blocks is the one reported, the operator's own rules
 * after the law's. A new check is a line here.
 */
export const CHECKS: readonly Check[] = [
  blockedCaller,
  litigator,
  internalDoNotCall,
  nationalDoNotCall,
  stateDoNotCall,
  callingHours,
  callFrequency,
  consent,
  reassignedNumber,
]

/** What a call's place decides: judged again when its caller has said where it is. */
export const CHECKS_OF_PLACE: readonly Check[] = [stateDoNotCall, callingHours, callFrequency]

const NOT_LISTED = 'not listed'

/**
 * May this call be sold? Unless the settings say otherwise, hours and do-not-call lists bind on `transfer` and `outbound` legs
 * and advise on `inbound` ones, where the consumer dialled; blocked callers never get through.
 */
export function screenCall(
  request: ScreeningRequest,
  book: ScreeningBook,
  checks: readonly Check[] = CHECKS,
  consents: readonly GivenConsent[] | null = null,
): ScreeningVerdict {
  const located = book.hours.locate(consumerOf(request), judgedAt(request))
  const records: CheckRecord[] = []
  let decided: CheckRecord | null = null
  for (const check of checks) {
    const finding = check.judge(request, book, located)
    if (finding === null) continue
    const record = recordOf(check, finding, request, book)
    const { effect } = record
    records.push(record)
    if (effect === 'block' ? decided?.effect !== 'block' : effect === 'advisory' && decided === null) decided = record
    if (effect === 'block' && book.stopsAtFirst) break
  }
  let exclusions: readonly Exclusion[] | null = null
  const buyers = judgeBuyersLists(request, book)
  if (buyers !== null) {
    records.push(buyers.check)
    if (buyers.exclusions.length > 0) exclusions = buyers.exclusions
  }
  if (!book.rules.isEmpty && !(book.stopsAtFirst && decided?.effect === 'block')) {
    const said = book.rules.judge({ request, places: located.places }, book.stopsAtFirst)
    if (said.exclusions !== null)
      exclusions = exclusions === null ? said.exclusions : [...exclusions, ...said.exclusions]
    for (const record of said.checks) {
      records.push(record)
      const { effect } = record
      if (effect === 'block' ? decided?.effect !== 'block' : effect === 'advisory' && decided === null) decided = record
    }
  }
  const made = consents === null ? { checks: records, exclusions } : { checks: records, exclusions, consents }
  if (decided === null)
    return { allowed: true, effect: 'allow', rule: null, text: 'nothing speaks against it', ...made }
  const { effect, rule, detail: text } = decided
  if (effect === 'block') return { allowed: false, effect, rule, text, ...made }
  return { allowed: true, effect: 'advisory', rule, text, ...made }
}

function recordOf(
  { name: check, binds }: Check,
  { against, warns = false, rule, version, source, detail, evidence }: Finding,
  { trafficType }: ScreeningRequest,
  { enforcement }: ScreeningBook,
): CheckRecord {
  let effect: CheckRecord['effect'] = 'allow'
  if (against) {
    const isEnforced = !warns && (binds === 'always' || enforcement.isEnforced(binds, trafficType))
    effect = isEnforced ? 'block' : 'advisory'
  }
  if (version === undefined) return { check, effect, rule, source, detail }
  if (evidence === undefined) return { check, effect, rule, version, source, detail }
  return { check, effect, rule, version, source, detail, evidence }
}

/** The moment whose hours count: a transfer's origination when the seller gives a credible one, else its arrival. */
function judgedAt({ trafficType, atMs, originatedAtMs }: ScreeningRequest): number {
  if (trafficType !== 'transfer' || originatedAtMs === null || originatedAtMs === undefined) return atMs
  return originatedAtMs <= atMs && originatedAtMs >= atMs - MAX_TRANSFER_AGE_MS ? originatedAtMs : atMs
}
