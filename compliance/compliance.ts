import type { BookChange } from '../model/book.ts'
import type { CheckRecord } from '../model/cdr.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { OutsideAnswer } from '../model/suppression-list.ts'
import type { TrafficType } from '../model/trunk.ts'
import { readHoursRules } from './calling-hours-rules.ts'
import { CallFrequency, type ConsumerCall } from './call-frequency.ts'
import { CallingHours } from './calling-hours.ts'
import { consentFor, Consents, type ConsentOptions } from './consent/consents.ts'
import { DoNotCall } from './do-not-call.ts'
import { Enforcement, type EnforcementOptions } from './enforcement.ts'
import type { ComplianceNeeds } from './needs.ts'
import type { ComplianceRule } from '../model/compliance-rule.ts'
import { consumerOf, type Consumer } from './place-evidence.ts'
import { RuleBook } from './rules/rule-book.ts'
import { CHECKS, CHECKS_OF_PLACE, screenCall, type Check, type ScreeningVerdict } from './screen-call.ts'
import type { ScreeningRequest } from './screening-request.ts'
import { bindsOutside, recordOutside } from './suppression-checks.ts'
import type { HeldList, SuppressionLists } from './suppression-lists.ts'

export interface ComplianceOptions {
  /** compliance.tcpa.enabled */
  readonly tcpaEnabled: boolean
  /** compliance.tcpa.calling_hours, minutes since local midnight, the end exclusive. */
  readonly callingHours: { readonly startMinute: number; readonly endMinute: number }
  /** compliance.unknown_location */
  readonly unknownLocation: 'block' | 'allow'
  /** compliance.enforcement; absent: as the law has it. */
  readonly enforcement?: EnforcementOptions
  /** compliance.tcpa.state_hours_file; absent or null: the table that is delivered. */
  readonly stateHoursFile?: string | null
  /** compliance.screening.collect: nothing is checked behind the first that refuses. Absent: everything is. */
  readonly stopsAtFirst?: boolean
  /** Absent: as the settings are unless said otherwise. */
  readonly consent?: ConsentOptions
}

/** What the hours alone say of calling this number then; the shape of api/needs.ts. */
interface HoursQuestion extends Omit<Consumer, 'number'> {
  readonly phoneNumber: PhoneNumber
  readonly time: Date
  readonly leg: TrafficType
}

interface HoursAnswer {
  readonly allowed: boolean
  /** What that means on this leg. */
  readonly effect: CheckRecord['effect']
  readonly rule: string
  readonly version: string
  readonly source: string
  /** What the places are known by. */
  readonly evidence: string
  readonly places: readonly { state: string; timezone: string; localTime: string; window: string }[]
  /** Null when it is allowed already, or when nobody can say. */
  readonly nextAllowedAt: Date | null
}

/** The law, in memory: every question is answered at once, from lists that `apply` keeps current. */
export interface Compliance {
  /** Takes a committed change: of do-not-call lists, and of the operator's rules. */
  apply(change: BookChange): void
  /** Every list of numbers there is, by itself. */
  readonly suppression: SuppressionLists
  /** The line of a list that somebody else keeps, by what came of asking; null: it is none of those. */
  recordOutside(list: HeldList, answer: OutsideAnswer, leg: TrafficType): CheckRecord | null
  /** Whether a list that somebody else keeps could refuse a call on this leg. */
  bindsOutside(list: HeldList, leg: TrafficType): boolean
  /** The states the consumer may be in, by all that is known of where it is; empty: nobody knows. */
  statesOf(request: ScreeningRequest): readonly string[]
  screen(request: ScreeningRequest): ScreeningVerdict
  /** What its place decides, and the operator's rules: of a call that has been screened and counted, when it is better known where it is. */
  screenAgain(request: ScreeningRequest): ScreeningVerdict
  /** The call has been made, whatever becomes of it: from now on it counts in what limits calls to its consumer. */
  count(request: ScreeningRequest): void
  /** What is to be recalled at a start: the calls of so many hours, those that consumers made themselves only where a rule asks of them. */
  lookBack(): { readonly hours: number; readonly inbound: boolean }
  /** A call of before this start counts; each is older than the one before it. */
  recall(request: ScreeningRequest): void
  /** How a rule, in force or not, would judge: null where the call is none of its, true where it would be refused or warned of. */
  tryRule(rule: ComplianceRule): (request: ScreeningRequest) => boolean | null
  /** Whether some rule may keep a call from some buyers alone. */
  mayExclude(): boolean
  /** How many more consents there is room for. */
  consentRoom(): number
  /** Rules kept, in force or not. */
  ruleCount(): number
  judgeHours(question: HoursQuestion): HoursAnswer
  stats(): ReturnType<DoNotCall['stats']>
  consentStats(): { readonly consents: number; readonly bytes: number; readonly omitted: number }
}

/** Builds compliance. Throws when config/reference/calling-hours.json, or the operator's own table, cannot be read. */
export function createCompliance(needs: ComplianceNeeds, options: ComplianceOptions): Compliance {
  const doNotCall = new DoNotCall()
  const hours = new CallingHours(
    readHoursRules(options.callingHours, options.stateHoursFile),
    needs.places,
    options.unknownLocation,
  )
  hours.warm(needs.clock.now())
  const frequency = new CallFrequency()
  const asked = { hours, holidays: hours.holidays, doNotCall, frequency }
  const rules = new RuleBook(asked)
  const enforcement = new Enforcement(options.enforcement)
  const { tcpaEnabled: hoursEnabled, stopsAtFirst = false } = options
  const consents = new Consents(options.consent)
  const book = { doNotCall, hours, hoursEnabled, enforcement, frequency, rules, stopsAtFirst, consents }
  const screenBy = (request: ScreeningRequest, checks: readonly Check[]): ScreeningVerdict => {
    const good = consents.goodFor(request)
    if (good.length === 0) return screenCall(request, book, checks)
    const consent = consentFor(good, request.offer?.sellerId ?? null)
    return screenCall({ ...request, consent }, book, checks, good)
  }
  return {
    suppression: doNotCall.suppression,
    recordOutside: (held, answer, leg) => recordOutside(held, answer, leg, enforcement),
    bindsOutside: (held, leg) => bindsOutside(held, leg, enforcement),
    statesOf(request) {
      const consent = consentFor(consents.goodFor(request), request.offer?.sellerId ?? null)
      const { places } = hours.locate(consumerOf({ ...request, consent }), request.atMs)
      return places.map(({ place }) => place.state)
    },
    apply(change) {
      if (change.kind === 'dnc' || change.kind === 'suppression-list') doNotCall.apply(change)
      if (change.kind === 'consent') consents.apply(change)
      if (change.kind === 'compliance-rule') rules.apply(change.id, change.value)
    },
    screen: (request) => screenBy(request, CHECKS),
    screenAgain: (request) => screenBy({ ...request, isAgain: true }, CHECKS_OF_PLACE),
    lookBack: () => ({ hours: frequency.keptHours, inbound: rules.size > 0 }),
    recall: (request) => withCall(request, (ani, call) => frequency.recall(ani, call)),
    count: (request) => withCall(request, (ani, call) => frequency.add(ani, call)),
    tryRule(rule) {
      const tried = new CallFrequency()
      const judge = RuleBook.try(rule, { ...asked, frequency: tried })
      return (request) => {
        const said = judge({ request, places: hours.locate(consumerOf(request), request.atMs).places })
        withCall(request, (ani, call) => tried.add(ani, call))
        return said
      }
    },
    mayExclude: () => rules.excludes,
    ruleCount: () => rules.size,
    consentRoom: () => Math.max(0, consents.index.most - consents.index.size),
    judgeHours({ phoneNumber, time, leg, ...evidence }) {
      const atMs = time.getTime()
      const located = hours.locate({ number: phoneNumber, ...evidence }, atMs)
      const { places } = located
      const { allowed, law } = hours.judge(located, atMs)
      const { rule, version, source } = law
      const isEnforced = enforcement.isEnforced('calling_hours', leg)
      const next = allowed ? null : hours.nextAllowedAt(places, atMs)
      return {
        allowed,
        effect: allowed || !options.tcpaEnabled ? 'allow' : isEnforced ? 'block' : 'advisory',
        rule,
        version,
        source,
        evidence: located.evidence,
        places: places.map((each) => ({ ...each.place, localTime: each.localTime(atMs), window: each.window(atMs) })),
        nextAllowedAt: next === null ? null : new Date(next),
      }
    },
    stats: () => doNotCall.stats(),
    consentStats: () => ({
      consents: consents.index.size,
      bytes: consents.index.bytes,
      omitted: consents.index.omitted,
    }),
  }
}

/** What counts of a call: nothing where its consumer is not known. */
function withCall(request: ScreeningRequest, take: (consumer: PhoneNumber, call: ConsumerCall) => void): void {
  const { ani, atMs, trafficType: leg, offer } = request
  if (ani === null || offer === undefined) return
  const { vertical, sellerId, numberId } = offer
  take(ani, { atMs, leg, vertical, sellerId, numberId })
}
