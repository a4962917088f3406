import { Environment, type ASTNode } from '@marcbachmann/cel-js'
import { MAX_EXPRESSION } from '../../model/compliance-rule.ts'

/**
 * What an expression may speak of. Whatever is not known is empty, never absent, so that none fails for want of it. `hour` is the
 * hour of the day, 0 to 23, at the first place the consumer may be, −1 without one; `calls_24h` the consumer's calls before this one.
 */
export interface ExpressionFacts {
  readonly caller: string
  readonly zip: string
  readonly states: readonly string[]
  readonly leg: string
  readonly vertical: string
  readonly seller_id: string
  readonly number_id: string
  readonly tags: ReadonlyMap<string, string>
  readonly attestation: string
  readonly has_consent: boolean
  readonly hour: bigint
  readonly calls_24h: bigint
}

const environment = new Environment({
  limits: { maxAstNodes: 200, maxDepth: 20, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
})
  .registerVariable('caller', 'string')
  .registerVariable('zip', 'string')
  .registerVariable('states', 'list<string>')
  .registerVariable('leg', 'string')
  .registerVariable('vertical', 'string')
  .registerVariable('seller_id', 'string')
  .registerVariable('number_id', 'string')
  .registerVariable('tags', 'map<string, string>')
  .registerVariable('attestation', 'string')
  .registerVariable('has_consent', 'bool')
  .registerVariable('hour', 'int')
  .registerVariable('calls_24h', 'int')

/** An expression cannot be used; the message says where it goes wrong, in a line. */
export class BadExpression extends Error {
  override readonly name = 'BadExpression'
}

/**
 * All that may be called. Patterns run as JavaScript's, and a bad one would hold up every call; loops may be nested; what joins and
 * splits makes long texts of short ones.
 */
const OFFERED = new Set(['size', 'startsWith', 'endsWith', 'contains', 'has', 'int', 'double', 'string'])

/**
 * Compiles an expression of the Common Expression Language (github.com/google/cel-spec), less all functions that
 * make more of what they are given: what is left takes time in proportion to its length and its tags'. Throws BadExpression when it cannot be read, names what there is not, or is no condition.
 */
export function compileExpression(text: string): (facts: ExpressionFacts) => boolean {
  if (text.length > MAX_EXPRESSION) throw new BadExpression(`is longer than ${MAX_EXPRESSION} characters`)
  try {
    const checked = environment.check(text)
    if (!checked.valid) throw checked.error ?? new Error('is not valid')
    if (checked.type !== 'bool') throw new Error(`is a ${checked.type}, and must be true or false`)
    const evaluate = environment.parse(text)
    const refused = firstNotOffered(evaluate.ast)
    if (refused !== null) throw new Error(`uses ${refused}, which is not offered`)
    return (facts) => evaluate(facts) === true
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n')
    throw new BadExpression(line)
  }
}

function firstNotOffered(value: unknown): string | null {
  if (Array.isArray(value)) {
    for (const each of value) {
      const found = firstNotOffered(each)
      if (found !== null) return found
    }
    return null
  }
  if (!isNode(value)) return null
  if (value.op === 'call' || value.op === 'rcall') {
    const [name] = value.args
    if (!OFFERED.has(name)) return name
  }
  return firstNotOffered(value.args)
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
