import { z } from 'zod'
import { MAX_RULES, type ComplianceRule } from '../model/compliance-rule.ts'
import { WEEK } from '../model/time-zone.ts'
import { nameOf } from './suppression-import.ts'
import { ADMIN, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import type { Draft } from './needs.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state, such as LA')
const legs = z.array(z.enum(['inbound', 'transfer', 'outbound'])).max(3)

const Switch = z.strictObject({
  states: z.array(state).min(1).max(60),
  source: s.text(500).meta({ description: 'What declares it: "Proclamation 52 JML 2026"' }),
  valid_from: s.instant().nullable().default(null),
  valid_until: s.instant().nullable().default(null),
  legs: legs.default(['transfer', 'outbound']).meta({ description: 'The calls that are refused; none named: all' }),
  consent_exempts: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether calls to those who have consented go on (New York: yes; Louisiana: no)' }),
})
const Answer = z.strictObject({
  state: z.string(),
  source: z.string(),
  valid_from: s.printedTime().nullable(),
  valid_until: s.printedTime().nullable(),
  legs: z.array(z.string()),
  consent_exempts: z.boolean(),
  changed_by: z.string(),
  rule_id: s.printedId().meta({ description: 'The compliance rule that it is: its history says who did what' }),
})
const ListAnswer = z.strictObject({ data: z.array(Answer) })

/** The name of the rule that a state's emergency is: by it the switch finds it again. */
const PREFIX = 'state of emergency: '
const PAGE = 1_000

/**
 * States of emergency, during which a state forbids to call its people at all (La. R.S. 45:844.31 and General Order R-29617; N.Y.
 * Gen. Bus. Law 399-z(5-a)). A switch by state; each is one of the operator's compliance rules, in force for the next call.
 */
export function emergencyEndpoints(kit: Kit): Endpoint[] {
  const { complianceRules: rules } = kit.stores
  const common = { tag: 'compliance/emergencies', who: ADMIN } as const

  async function declared(): Promise<Map<string, ComplianceRule>> {
    const found = new Map<string, ComplianceRule>()
    const page = await rules.list({ limit: PAGE, cursor: null }, {})
    for (const rule of page.data) if (rule.name.startsWith(PREFIX)) found.set(rule.name.slice(PREFIX.length), rule)
    return found
  }

  async function turnOn(body: z.output<typeof Switch>, caller: Caller): Promise<ComplianceRule[]> {
    const before = await declared()
    const states = [...new Set(body.states)]
    const added = states.filter((each) => !before.has(each)).length
    if (kit.compliance.ruleCount() + added > MAX_RULES)
      throw new Problem('conflict', `There are ${MAX_RULES} compliance rules, the most that are kept.`)
    const made: ComplianceRule[] = []
    for (const each of states) {
      const draft = draftOf(each, body, caller)
      const known = before.get(each)
      made.push((known && (await rules.update(known.id, draft, null))) ?? (await rules.create(draft)))
    }
    return made
  }

  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/compliance/emergencies',
      summary: 'The states whose emergency is switched on, also those that are not in force yet or any more',
      answers: { 200: ListAnswer },
      async handle() {
        return { status: 200, body: { data: [...(await declared()).values()].map(print) } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/compliance/emergencies',
      summary: 'Switch on the emergency of one or more states, or change it: refuses their calls from the next one on',
      body: Switch,
      answers: { 200: ListAnswer },
      async handle({ body, caller }) {
        const { valid_from: from, valid_until: until } = body
        if (from !== null && until !== null && from >= until)
          throw invalid('/valid_until', 'must be later than valid_from', 'out_of_order')
        return { status: 200, body: { data: (await turnOn(body, caller)).map(print) } }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/compliance/emergencies/{state}',
      summary: 'Switch off the emergency of a state; what it was is kept',
      answers: { 204: 'Off' },
      async handle({ params, caller }) {
        const rule = (await declared()).get(params['state']!)
        if (!rule) throw notFound('state of emergency')
        await rules.update(rule.id, { changedBy: nameOf(caller) }, null)
        if (!(await rules.remove(rule.id))) throw notFound('state of emergency')
        return { status: 204 }
      },
    }),
  ]
}

function draftOf(named: string, body: z.output<typeof Switch>, caller: Caller): Draft<ComplianceRule> {
  return {
    accountId: caller.accountId,
    name: `${PREFIX}${named}`,
    source: body.source,
    effect: body.consent_exempts ? 'require_consent' : 'block',
    priority: 1000,
    enabled: true,
    validFrom: body.valid_from,
    validUntil: body.valid_until,
    scope: { sellers: [], numbers: [], verticals: [], states: [named], legs: body.legs, buyers: [], campaigns: [] },
    terms: { type: 'calling_hours', week: WEEK.map(() => null), callsOnHolidays: true },
    changedBy: nameOf(caller),
  }
}

function print(rule: ComplianceRule): z.input<typeof Answer> {
  return {
    state: rule.name.slice(PREFIX.length),
    source: rule.source,
    valid_from: s.printTime(rule.validFrom),
    valid_until: s.printTime(rule.validUntil),
    legs: [...rule.scope.legs],
    consent_exempts: rule.effect === 'require_consent',
    changed_by: rule.changedBy,
    rule_id: rule.id,
  }
}
