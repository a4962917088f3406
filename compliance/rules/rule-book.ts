import type { CheckRecord } from '../../model/cdr.ts'
import type { ComplianceRule, RuleScope } from '../../model/compliance-rule.ts'
import type { Exclusion } from '../../model/exclusion.ts'
import type { RuleId } from '../../model/ids.ts'
import { compileTerms, type Judge, type RuleNeeds, type RuleSubject } from './rule-terms.ts'

/** What the rules in force say of one call. */
export interface RulesVerdict {
  /** One line of each rule that is for this call, in the order of precedence. */
  readonly checks: readonly CheckRecord[]
  /** Whose bids are none; null, as nearly always: nobody's. */
  readonly exclusions: readonly Exclusion[] | null
}

const NONE: RulesVerdict = { checks: [], exclusions: null }

interface Compiled {
  readonly rule: ComplianceRule
  /** What stands in every record of it. */
  readonly name: string
  readonly version: string
  readonly isPartial: boolean
  readonly judge: Judge
  readonly isFor: (subject: RuleSubject) => boolean
}

/** The operator's rules, compiled as they come: a change is in force for the next call. Applying one twice leaves the same rules. */
export class RuleBook {
  readonly #needs: RuleNeeds
  readonly #rules = new Map<RuleId, Compiled>()
  /** Enabled ones, in the order of precedence. */
  #inOrder: readonly Compiled[] = []

  constructor(needs: RuleNeeds) {
    this.#needs = needs
  }

  get size(): number {
    return this.#rules.size
  }

  apply(id: RuleId, rule: ComplianceRule | null): void {
    if (rule === null) this.#rules.delete(id)
    else this.#rules.set(id, compile(rule, this.#needs))
    this.#inOrder = [...this.#rules.values()].filter((each) => each.rule.enabled).toSorted(byPrecedence)
  }

  /** Whether one in force, or yet to be, is for some buyers' or campaigns' bids alone. */
  get excludes(): boolean {
    return this.#inOrder.some(({ isPartial }) => isPartial)
  }

  /** Whether any rule is in force at all: most exchanges have none. */
  get isEmpty(): boolean {
    return this.#inOrder.length === 0
  }

  /** `stopsAtFirst`: nothing is asked behind the first that blocks the call. */
  judge(subject: RuleSubject, stopsAtFirst = false): RulesVerdict {
    if (this.#inOrder.length === 0) return NONE
    const { atMs } = subject.request
    const checks: CheckRecord[] = []
    let exclusions: Exclusion[] | null = null
    for (const { rule, judge, isFor, name, version, isPartial } of this.#inOrder) {
      if (!isInForce(rule, atMs) || !isFor(subject)) continue
      const { against, detail } = judge(subject)
      const effect = against ? effectOf(rule, subject) : 'allow'
      if (effect === 'block' && isPartial) {
        exclusions ??= []
        exclusions.push({ buyers: rule.scope.buyers, campaigns: rule.scope.campaigns })
      }
      checks.push({
        check: 'rule',
        effect: effect === 'block' && isPartial ? 'advisory' : effect,
        rule: name,
        source: rule.source,
        detail: against && rule.effect === 'log' ? `noted: ${detail}` : detail,
        version,
      })
      if (stopsAtFirst && effect === 'block' && !isPartial) break
    }
    return { checks, exclusions }
  }

  /** One rule's word on one call, whether in force or not; null when the call is none of its. For trying rules out. */
  static try(rule: ComplianceRule, needs: RuleNeeds): (subject: RuleSubject) => boolean | null {
    const judge = compileTerms(rule.terms, needs)
    const isFor = scopeOf(rule.scope)
    return (subject) => (isFor(subject) ? judge(subject).against && effectOf(rule, subject) !== 'allow' : null)
  }
}

function compile(rule: ComplianceRule, needs: RuleNeeds): Compiled {
  const { name, version, terms, scope } = rule
  return {
    rule,
    judge: compileTerms(terms, needs),
    isFor: scopeOf(scope),
    name: `rule:${name}`,
    version: String(version),
    isPartial: scope.buyers.length > 0 || scope.campaigns.length > 0,
  }
}

function byPrecedence(a: Compiled, b: Compiled): number {
  return b.rule.priority - a.rule.priority || (a.rule.id < b.rule.id ? -1 : 1)
}

function isInForce({ validFrom, validUntil }: ComplianceRule, atMs: number): boolean {
  return (validFrom === null || atMs >= validFrom.getTime()) && (validUntil === null || atMs < validUntil.getTime())
}

/** What follows of a rule that speaks against the call. */
function effectOf({ effect }: ComplianceRule, { request }: RuleSubject): CheckRecord['effect'] {
  if (effect === 'block') return 'block'
  if (effect === 'require_consent') return (request.consent ?? null) === null ? 'block' : 'allow'
  return effect === 'warn' ? 'advisory' : 'allow'
}

/** Buyers and campaigns are not asked for here: they are known when the bids are. */
function scopeOf(scope: RuleScope): (subject: RuleSubject) => boolean {
  const [sellers, numbers, states, legs] = [scope.sellers, scope.numbers, scope.states, scope.legs].map(
    (list) => new Set<string>(list),
  ) as [Set<string>, Set<string>, Set<string>, Set<string>]
  if (sellers.size + numbers.size + states.size + legs.size + scope.verticals.length === 0) return () => true
  const verticals = new Set(scope.verticals.map((each) => each.toLowerCase()))
  return ({ request: { offer = null, trafficType }, places }) => {
    if (legs.size > 0 && !legs.has(trafficType)) return false
    if (sellers.size > 0 && !sellers.has(offer?.sellerId ?? '')) return false
    if (numbers.size > 0 && !numbers.has(offer?.numberId ?? '')) return false
    if (verticals.size > 0 && !verticals.has((offer?.vertical ?? '').toLowerCase())) return false
    return states.size === 0 || places.some(({ place }) => states.has(place.state))
  }
}
