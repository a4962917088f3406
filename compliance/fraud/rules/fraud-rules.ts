import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { FRAUD_BLOCK_KINDS, type FraudBlockKind, type FraudReason } from '../../../model/fraud.ts'
import { placeOfFeature } from '../features/feature-names.ts'

/** Most rules, and most features one of them looks at besides its own. */
const MAX_RULES = 200
const MAX_CONDITIONS = 10
/** A day: longer blocks are for people to make. */
const MAX_BLOCK_MINUTES = 1_440

const Step = z.strictObject({ at: z.number(), score: z.number().min(0).max(1) })
const Rule = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be a name in lower case with hyphens'),
    feature: z.string(),
    /** It speaks only where each of these features is as large at least. */
    when: z.record(z.string(), z.number()).default({}),
    /** Beyond a review only where each of these is as large at least, too; else it ends just below a block. */
    certain: z.record(z.string(), z.number()).default({}),
    /** It speaks against what is small, not what is large. */
    below: z.boolean().default(false),
    warning: Step,
    critical: Step,
    /** What is blocked when it is critical, and for how long; only where blocks are enforced. */
    blocks: z
      .strictObject({ kind: z.enum(FRAUD_BLOCK_KINDS), minutes: z.int().min(1).max(MAX_BLOCK_MINUTES) })
      .nullable()
      .default(null),
    text: z.string().min(1).max(200),
  })
  .refine(({ below, warning, critical }) => (below ? critical.at <= warning.at : critical.at >= warning.at), {
    message: 'critical must be beyond warning',
  })
  .refine(({ warning, critical }) => critical.score >= warning.score, {
    message: 'the score of critical must be that of warning at least',
  })
  .refine(({ when, certain }) => [when, certain].every((each) => Object.keys(each).length <= MAX_CONDITIONS), {
    message: `at most ${MAX_CONDITIONS} in when, and in certain`,
  })
const File = z.strictObject({ rules: z.array(Rule).max(MAX_RULES) })

interface Condition {
  readonly place: number
  readonly atLeast: number
}

interface Threshold {
  readonly at: number
  readonly score: number
}

/** One line of the table, as it is judged by. */
export interface FraudRule {
  readonly name: string
  readonly text: string
  readonly place: number
  /** Its feature is of the number, the seller or another that many calls have in common: it speaks of all of them, not of this one. */
  readonly isOfMany: boolean
  readonly isBelow: boolean
  readonly warning: Threshold
  readonly critical: Threshold
  readonly conditions: readonly Condition[]
  /** What must hold besides for a block. */
  readonly certain: readonly Condition[]
  /** What it blocks for was shown by calls of whoever is behind the number: see `identityOf`. */
  readonly isOfIdentity: boolean
  readonly blocks: { readonly kind: FraudBlockKind; readonly minutes: number } | null
}

/** Rules that cannot be read: the message names the file, the rule and what is wrong with it. */
export class FraudRulesError extends Error {
  override readonly name = 'FraudRulesError'
}

const OF_IDENTITY = /^(?:identity|call)\./
const OF_MANY = /^(?:number|seller|trunk|target)\./

/** The rules we bring: config/reference/fraud-rules.json. */
const OWN_RULES = new URL('../../../config/reference/fraud-rules.json', import.meta.url)

/** Reads the rules of a file; null: our own. Throws FraudRulesError. */
export function readFraudRules(path: string | null): readonly FraudRule[] {
  const shown = path ?? 'config/reference/fraud-rules.json'
  let read: unknown
  try {
    read = JSON.parse(readFileSync(path ?? OWN_RULES, 'utf8'))
  } catch (error) {
    throw new FraudRulesError(`${shown}: ${(error as Error).message}`)
  }
  const file = File.safeParse(read)
  if (!file.success) {
    const issue = file.error.issues[0]!
    throw new FraudRulesError(`${shown}: ${issue.path.join('.') || 'the file'}: ${issue.message}`)
  }
  const names = new Set<string>()
  return file.data.rules.map((rule) => {
    if (names.has(rule.name)) throw new FraudRulesError(`${shown}: ${rule.name} stands there twice`)
    names.add(rule.name)
    const placeOf = (feature: string): number => {
      const place = placeOfFeature(feature)
      if (place === null) throw new FraudRulesError(`${shown}: ${rule.name}: there is no feature ${feature}`)
      return place
    }
    const { name, text, below: isBelow, warning, critical, blocks } = rule
    const [conditions, certain] = [rule.when, rule.certain].map((record) =>
      Object.entries(record).map(([feature, atLeast]) => ({ place: placeOf(feature), atLeast })),
    ) as [Condition[], Condition[]]
    const isOfIdentity = [rule.feature, ...Object.keys(rule.certain)].some((feature) => OF_IDENTITY.test(feature))
    const isOfMany = OF_MANY.test(rule.feature)
    return {
      name,
      text,
      place: placeOf(rule.feature),
      isOfMany,
      isBelow,
      warning,
      critical,
      conditions,
      certain,
      isOfIdentity,
      blocks,
    }
  })
}

/** What a rule says of a call's features: 0 below its warning, from there in a straight line up to critical, and no more. */
export function scoreByRule(rule: FraudRule, features: Float64Array): number {
  const value = features[rule.place]!
  const { warning, critical, isBelow } = rule
  if (isBelow ? value > warning.at : value < warning.at) return 0
  if (!holds(rule.conditions, features)) return 0
  if (isBelow ? value <= critical.at : value >= critical.at) return critical.score
  const share = (value - warning.at) / (critical.at - warning.at)
  return warning.score + (critical.score - warning.score) * share
}

/** Whether the rule may go beyond a review for this call. */
export function isCertain({ certain }: FraudRule, features: Float64Array): boolean {
  return holds(certain, features)
}

function holds(conditions: readonly Condition[], features: Float64Array): boolean {
  for (const { place, atLeast } of conditions) if (features[place]! < atLeast) return false
  return true
}

/** The rule's reason in words: `42 calls of this caller in an hour`. */
export function reasonOf(rule: FraudRule, features: Float64Array, score: number): FraudReason {
  const value = features[rule.place]!
  const shown = Math.abs(value) >= 10 ? value.toFixed(0) : Number(value.toPrecision(2)).toString()
  return { rule: rule.name, score, text: `${rule.text}: ${shown}` }
}
