import type { Compliance } from '../../compliance/compliance.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { ScreeningVerdict } from '../../compliance/screen-call.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import type { GivenConsent } from '../../model/consent.ts'
import type { Exclusion } from '../../model/exclusion.ts'
import type { Arrival } from './arrival.ts'
import type { Contribution, Evidence, Judge, ScreeningRefusal } from './evidence.ts'
import { Gatherings, NOTHING, type Gathered, type GatheringNeeds, type Waiting } from './gathering.ts'

/** What is known of a call once it has been screened. */
export interface Screened {
  /** In the order of precedence. */
  readonly checks: readonly CheckRecord[]
  /** Whose bids are none for this call; null: nobody's. */
  readonly exclusions: readonly Exclusion[] | null
  /** The consumer's that are good for this call; null: none is known. */
  readonly consents: readonly GivenConsent[] | null
  /** The rule that decided; of a call that may be sold the first that advises against, or null. */
  readonly rule: string | null
  readonly text: string
  /** Null: it may be sold. */
  readonly refusal: ScreeningRefusal | null
  /** What it was judged by. */
  readonly request: ScreeningRequest
  /** Those of `checks` that evidence behind the law has brought. */
  readonly fromOutside: readonly CheckRecord[]
}

/** What screening is made of; every list is in the order of precedence. */
export interface ScreeningParts extends GatheringNeeds {
  readonly compliance: Pick<Compliance, 'screen' | 'screenAgain' | 'count' | 'mayExclude'>
  readonly evidence: readonly Evidence[]
  readonly judges: readonly Judge[]
  /** What comes behind the first block is not asked for; else everything is, for the record. */
  readonly stopsAtFirst: boolean
}

/**
 * May this call be sold? One fixed precedence decides which rule is reported, however long each answer took: evidence that comes before
 * the law (a signature that is wrong), the law, the operator's rules, evidence behind the law, and judges (fraud). Synchronous, unless
 * evidence must be waited for.
 */
export class Screening {
  readonly #parts: ScreeningParts
  readonly #gatherings: Gatherings
  readonly #first: readonly Evidence[]
  readonly #last: readonly Evidence[]

  constructor(parts: ScreeningParts) {
    this.#parts = parts
    this.#gatherings = new Gatherings(parts)
    this.#first = parts.evidence.filter(({ order }) => order === 'before-law')
    this.#last = parts.evidence.filter(({ order }) => order === 'after-law')
  }

  /** Calls and pings that wait for evidence at this moment. */
  get waiting(): number {
    return this.#gatherings.waiting
  }

  /**
   * `gone`: aborted when the caller hangs up: then the answer comes at once and is of no use. A call counts from now on in what limits calls to
   * its consumer, a ping does not. `meanwhile` is called where evidence is waited for and buyers may hear of the call by then: nothing known
   * speaks against selling it, to any of them, and what is asked for is none that keeps it from them.
   */
  screen(
    arrival: Arrival,
    gone: AbortSignal | null,
    meanwhile?: (consents: Screened['consents']) => void,
  ): Screened | Promise<Screened> {
    const first = this.#gather(this.#first, arrival, gone)
    if (!('pending' in first)) return this.#judge(arrival, first, gone)
    const shown = meanwhile ? this.#showable(arrival, first) : null
    if (shown) meanwhile?.(shown.consents ?? null)
    return first.found.then((found) => this.#judge(arrival, found, gone))
  }

  /** What is known of a call that buyers may hear of before all is; null: they may not. */
  #showable(arrival: Arrival, { pending, known }: Waiting): ScreeningVerdict | null {
    const { compliance } = this.#parts
    if (pending.some(({ keepsFromBuyers }) => keepsFromBuyers)) return null
    if (this.#last.some(({ keepsFromBuyers }) => keepsFromBuyers)) return null
    if (compliance.mayExclude() || new Findings(known).isBlocked) return null
    const verdict = compliance.screen(requestOf(arrival, known))
    return verdict.allowed && verdict.exclusions === null ? verdict : null
  }

  /**
   * A call that was screened and counted, now that its caller has said where it is, or has not: what its place decides, the operator's rules,
   * and evidence behind the law, since other lists may be of that place. `arrival`: with that place; `gone` as above.
   */
  screenAgain(request: ScreeningRequest, arrival: Arrival, gone: AbortSignal | null): Screened | Promise<Screened> {
    const { compliance, stopsAtFirst } = this.#parts
    const findings = new Findings(NOTHING)
    findings.add(compliance.screenAgain(request))
    if (stopsAtFirst && findings.isBlocked) return findings.conclude(request)
    const last = this.#gather(this.#last, arrival, gone)
    if ('pending' in last) return last.found.then((found) => findings.takeOutside(found).conclude(request))
    return findings.takeOutside(last).conclude(request)
  }

  #gather(evidence: readonly Evidence[], arrival: Arrival, gone: AbortSignal | null): ReturnType<Gatherings['gather']> {
    return evidence.length === 0 ? NOTHING : this.#gatherings.gather(evidence, arrival, gone)
  }

  #judge(arrival: Arrival, first: readonly Gathered[], gone: AbortSignal | null): Screened | Promise<Screened> {
    const { compliance, judges, stopsAtFirst } = this.#parts
    const request = requestOf(arrival, first)
    const isCall = arrival.invite !== null
    if (isCall) for (const judge of judges) judge.observe?.(arrival, request)
    const findings = new Findings(first)
    if (stopsAtFirst && findings.isBlocked) {
      if (isCall) compliance.count(request)
      return findings.conclude(request)
    }
    const verdict = compliance.screen(request)
    if (isCall) compliance.count(request)
    findings.add(verdict)
    if (stopsAtFirst && findings.isBlocked) return findings.conclude(request)
    const last = this.#gather(this.#last, arrival, gone)
    if ('pending' in last) return last.found.then((found) => this.#conclude(arrival, request, findings, found))
    return this.#conclude(arrival, request, findings, last)
  }

  #conclude(arrival: Arrival, request: ScreeningRequest, findings: Findings, last: readonly Gathered[]): Screened {
    const { judges, stopsAtFirst } = this.#parts
    findings.takeOutside(last)
    for (const judge of judges) {
      if (stopsAtFirst && findings.isBlocked) break
      findings.contribute(judge.judge(arrival, request))
    }
    return findings.conclude(request)
  }
}

/** What all who were asked have said so far, in the order of precedence. */
class Findings {
  #checks: readonly CheckRecord[] = []
  #exclusions: readonly Exclusion[] | null = null
  #consents: readonly GivenConsent[] | null = null
  /** The first that blocks; else the first that advises against. */
  #decided: CheckRecord | null = null
  #refusal: ScreeningRefusal | null = null
  #fromOutside: readonly CheckRecord[] = []

  constructor(first: readonly Gathered[]) {
    for (const { contribution } of first) this.contribute(contribution)
  }

  get isBlocked(): boolean {
    return this.#refusal !== null
  }

  contribute(said: Contribution | null): void {
    if (!said?.checks) return
    this.#take(said.checks, said.refusal)
  }

  takeOutside(last: readonly Gathered[]): this {
    for (const { contribution } of last) this.contribute(contribution)
    if (last.length > 0) this.#fromOutside = last.flatMap(({ contribution }) => contribution.checks ?? [])
    return this
  }

  add({ checks, exclusions, consents = null }: ScreeningVerdict): void {
    this.#take(checks)
    this.#exclusions = exclusions
    this.#consents = consents
  }

  conclude(request: ScreeningRequest): Screened {
    const decided = this.#decided
    return {
      checks: this.#checks,
      exclusions: this.#exclusions,
      consents: this.#consents,
      rule: decided?.rule ?? null,
      text: decided?.detail ?? 'nothing speaks against it',
      refusal: this.#refusal,
      request,
      fromOutside: this.#fromOutside,
    }
  }

  #take(checks: readonly CheckRecord[], refusal?: ScreeningRefusal): void {
    this.#checks = this.#checks.length === 0 ? checks : [...this.#checks, ...checks]
    if (this.#refusal !== null) return
    for (const check of checks) {
      if (check.effect === 'block') {
        this.#decided = check
        this.#refusal = refusal ?? { reason: 'compliance', text: check.rule }
        return
      }
      if (check.effect === 'advisory') this.#decided ??= check
    }
  }
}

function requestOf(arrival: Arrival, found: readonly Gathered[]): ScreeningRequest {
  const { ani, zip, number, atMs, originatedAtMs, offer, brought } = arrival
  const { trafficType } = number
  const said: ScreeningRequest = { ani, zip: zip?.zip ?? null, trafficType, atMs, originatedAtMs, offer, brought }
  if (arrival.invite === null) Object.assign(said, { isPing: true } satisfies Partial<ScreeningRequest>)
  if (arrival.placeIsAsked) Object.assign(said, { placeIsAsked: true } satisfies Partial<ScreeningRequest>)
  if (found.length === 0) return said
  return Object.assign(said, ...found.map(({ contribution }) => contribution.request)) as ScreeningRequest
}
