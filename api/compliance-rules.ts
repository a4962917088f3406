import { z } from 'zod'
import { MAX_RULES, RULE_EFFECTS, type ComplianceRule, type RuleTerms } from '../model/compliance-rule.ts'
import { isHouseList } from '../model/dnc.ts'
import { newId, type RuleId } from '../model/ids.ts'
import { crud, given } from './crud.ts'
import { ADMIN, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import type { Draft } from './needs.ts'
import { invalid, Problem } from './problems.ts'
import { printedScope, printedTerms, printScope, printTerms, ScopeInput, TermsInput } from './rule-terms.ts'
import * as s from './schemas.ts'
import { nameOf } from './suppression-import.ts'
import { createTurns } from './turns.ts'

const DAY_MS = 86_400_000
/** Days of calls one trial may judge. */
const MAX_TRIAL_DAYS = 31
/** Calls one trial judges at most; the answer says when there were more. */
export const MAX_TRIAL_CALLS = 1_000_000
/** Calls a trial names. */
const NAMED = 20
/** Calls judged before others have the thread again. */
const AT_ONCE = 1_000
/** Trials that may wait for the one under way. */
const MOST_WAITING = 3

const fields = {
  name: s.text(200),
  source: s.text(500).meta({ description: 'The statute, contract or decision it stands on' }),
  effect: z.enum(RULE_EFFECTS),
  priority: z.int().min(-1000).max(1000).meta({ description: 'Of several that refuse, the highest is reported' }),
  enabled: z.boolean(),
  valid_from: s.instant().nullable(),
  valid_until: s.instant().nullable(),
  scope: ScopeInput,
  terms: TermsInput,
}
const Create = z.strictObject({
  ...fields,
  priority: fields.priority.default(0),
  enabled: fields.enabled.default(true),
  valid_from: fields.valid_from.default(null),
  valid_until: fields.valid_until.default(null),
  scope: ScopeInput.default(() => ScopeInput.parse({})),
})
const Patch = z.strictObject(fields).partial()

const Printed = {
  name: z.string(),
  source: z.string(),
  effect: z.enum(RULE_EFFECTS),
  priority: z.int(),
  enabled: z.boolean(),
  valid_from: s.printedTime().nullable(),
  valid_until: s.printedTime().nullable(),
  scope: printedScope,
  terms: printedTerms,
  changed_by: z.string(),
}
const Answer = z.strictObject({ id: s.printedId(), ...Printed, ...s.printedStored })
const HistoryAnswer = z.strictObject({
  data: z.array(
    z.strictObject({
      deed: z.enum(['created', 'changed', 'deleted']),
      at: s.printedTime(),
      version: z.int(),
      changed_by: z.string(),
      rule: z.looseObject({}),
    }),
  ),
})
const TrialAnswer = z.strictObject({
  from: s.printedTime(),
  until: s.printedTime(),
  calls: z.int(),
  in_scope: z.int(),
  against: z.int(),
  against_sold: z.int().meta({ description: 'Of those, calls that were answered by a buyer' }),
  truncated: z.boolean(),
  examples: z.array(s.printedId()),
})

function print(rule: ComplianceRule): z.input<typeof Answer> {
  const { id, name, source, effect, priority, enabled } = rule
  return {
    id,
    name,
    source,
    effect,
    priority,
    enabled,
    valid_from: s.printTime(rule.validFrom),
    valid_until: s.printTime(rule.validUntil),
    scope: printScope(rule.scope),
    terms: printTerms(rule.terms),
    changed_by: rule.changedBy,
    ...s.printStored(rule),
  }
}

function requireOrder(from: Date | null, until: Date | null): void {
  if (from !== null && until !== null && from >= until)
    throw invalid('/valid_until', 'must be later than valid_from', 'out_of_order')
}

/** Every list a rule asks is there. */
function requireLists(
  { terms }: { readonly terms?: RuleTerms | undefined },
  { compliance }: Pick<Kit, 'compliance'>,
): void {
  if (terms?.type !== 'dnc') return
  for (const [i, name] of terms.lists.entries()) {
    if (isHouseList(name)) continue
    const held = compliance.suppression.find(name)
    if (held === undefined) throw invalid(`/terms/lists/${i}`, `there is no list ${name}`, 'not_found')
    if (held.list.lookup !== null)
      throw invalid(`/terms/lists/${i}`, `${name} is asked by HTTP, when the rules have spoken`, 'not_here')
  }
}

function draftOf(body: z.output<typeof Create>, caller: Caller): Draft<ComplianceRule> {
  const { valid_from: validFrom, valid_until: validUntil, ...rest } = body
  requireOrder(validFrom, validUntil)
  return { ...rest, accountId: caller.accountId, validFrom, validUntil, changedBy: nameOf(caller) }
}

/** The operator's own compliance rules: each change is in force for the next call, and kept for ever. */
export function complianceRuleEndpoints(kit: Kit): Endpoint[] {
  const { stores, compliance } = kit
  const common = { tag: 'compliance/rules', who: ADMIN } as const
  const inTurn = createTurns(1, MOST_WAITING)

  async function tryOut(rule: ComplianceRule, from: Date, until: Date): Promise<z.input<typeof TrialAnswer>> {
    const judge = compliance.tryRule(rule)
    const figures = { calls: 0, in_scope: 0, against: 0, against_sold: 0 }
    const examples: string[] = []
    // A frequency counts the calls of before: they are judged too, and not told of.
    const back = rule.terms.type === 'frequency' ? rule.terms.hours * 3_600_000 : 0
    let isTruncated = false
    let judged = 0
    for await (const call of stores.screenedCalls(new Date(from.getTime() - back), until)) {
      if (++judged > MAX_TRIAL_CALLS) {
        isTruncated = true
        break
      }
      const against = judge(call.request)
      if (judged % AT_ONCE === 0) await new Promise((resolve) => void setImmediate(resolve))
      if (call.request.atMs < from.getTime()) continue
      figures.calls++
      if (against !== null) figures.in_scope++
      if (against !== true) continue
      figures.against++
      if (call.isAnswered) figures.against_sold++
      if (examples.length < NAMED) examples.push(call.id)
    }
    return { from: s.printTime(from), until: s.printTime(until), ...figures, truncated: isTruncated, examples }
  }

  // Those of a fixed address before those of an id.
  return [
    endpoint({
      ...common,
      method: 'get',
      path: '/compliance/rules/{id}/history',
      summary: 'Every version of a rule there ever was, oldest first; also of one that is gone',
      answers: { 200: HistoryAnswer },
      async handle({ params }) {
        const versions = await stores.ruleHistory(params['id'] as RuleId)
        if (versions.length === 0) throw notFound('compliance rule')
        const data = versions.map(({ deed, at, version, changedBy, rule }) => ({
          deed,
          at: s.printTime(at),
          version,
          changed_by: changedBy,
          rule,
        }))
        return { status: 200, body: { data } }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/compliance/rules/dry-run',
      summary: 'Judge the calls of a past time by a rule that is not in force; yesterday unless said otherwise',
      body: z.strictObject({ rule: Create, from: s.instant().optional(), until: s.instant().optional() }),
      answers: { 200: TrialAnswer },
      async handle({ body, caller }) {
        const until = body.until ?? new Date()
        const from = body.from ?? new Date(until.getTime() - DAY_MS)
        if (from >= until) throw invalid('/until', 'must be later than from', 'out_of_order')
        if (until.getTime() - from.getTime() > MAX_TRIAL_DAYS * DAY_MS)
          throw invalid('/from', `must be at most ${MAX_TRIAL_DAYS} days before until`, 'too_long')
        const now = new Date()
        requireLists(body.rule, kit)
        const rule = { ...draftOf(body.rule, caller), id: newId<RuleId>(), version: 1, createdAt: now, updatedAt: now }
        return { status: 200, body: await inTurn(() => tryOut(rule, from, until)) }
      },
    }),
    ...crud(kit, {
      name: 'compliance/rules',
      noun: 'compliance rule',
      store: stores.complianceRules,
      who: ADMIN,
      ownerTypes: ['operator'],
      create: Create,
      patch: Patch,
      answer: Answer,
      owner: async (_body, caller) => (await stores.accounts.find(caller.accountId))!,
      draft(body, _owner, caller) {
        if (compliance.ruleCount() >= MAX_RULES)
          throw new Problem('conflict', `There are ${MAX_RULES} rules, the most that are kept.`)
        requireLists(body, kit)
        return draftOf(body, caller)
      },
      changes(body, current, caller) {
        requireLists(body, kit)
        const { valid_from: validFrom, valid_until: validUntil, ...rest } = body
        requireOrder(
          validFrom === undefined ? current.validFrom : validFrom,
          validUntil === undefined ? current.validUntil : validUntil,
        )
        return given({ ...rest, validFrom, validUntil, changedBy: nameOf(caller) })
      },
      async removing(rule, caller) {
        await stores.complianceRules.update(rule.id, { changedBy: nameOf(caller) }, null)
      },
      print,
    }),
  ]
}
