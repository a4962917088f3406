import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { BookChange } from '../../model/book.ts'
import type { ComplianceRule, RuleScope, RuleTerms } from '../../model/compliance-rule.ts'
import type { AccountId, RuleId } from '../../model/ids.ts'
import { numberIn } from '../compliance/support.ts'

export const EVERY_CALL: RuleScope = {
  sellers: [],
  numbers: [],
  verticals: [],
  states: [],
  legs: [],
  buyers: [],
  campaigns: [],
}

/** A rule in force; named by its id. */
export function aRule(
  id: string,
  terms: RuleTerms,
  over: Partial<Omit<ComplianceRule, 'scope' | 'terms' | 'id'>> & { scope?: Partial<RuleScope> } = {},
): ComplianceRule {
  const { scope, ...rest } = over
  return {
    id: id as RuleId,
    accountId: 'house' as AccountId,
    name: id,
    source: 'house policy',
    effect: 'block',
    priority: 0,
    enabled: true,
    validFrom: null,
    validUntil: null,
    changedBy: 'user 1',
    version: 1,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    ...rest,
    scope: { ...EVERY_CALL, ...scope },
    terms,
  }
}

export function ruleChange(rule: ComplianceRule): BookChange {
  return { kind: 'compliance-rule', id: rule.id, value: rule }
}

/** Noon of a Friday in New York, from a number there. */
export const NOON_MS = Date.parse('2026-11-20T17:00:00Z')

export function anOffer(over: Partial<ScreeningRequest> = {}): ScreeningRequest {
  return {
    ani: numberIn('NY'),
    zip: null,
    trafficType: 'inbound',
    atMs: NOON_MS,
    offer: { sellerId: 'seller', numberId: 'number', vertical: 'insurance', tags: {} },
    ...over,
  }
}
