import type { z } from 'zod'
import { Problem, type Fault } from './problems.ts'

/** The most faults one answer lists: a body of thousands of bad values is not worth echoing. */
const MAX_FAULTS = 50

type Issue = z.core.$ZodIssue

/** Checks `input` against `schema`; throws a 422 that names each fault by its JSON pointer under `root` ('' for a body). */
export function check<T extends z.ZodType>(schema: T, input: unknown, root = ''): z.output<T> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const errors = result.error.issues.flatMap((issue) => faultsOf(issue, root)).slice(0, MAX_FAULTS)
  const [first] = errors
  throw new Problem('invalid', `${first?.pointer || 'The body'}: ${first?.detail ?? 'not valid'}`, { errors })
}

function faultsOf(issue: Issue, root: string): Fault[] {
  const pointer = root + issue.path.map((step) => `/${escapeStep(String(step))}`).join('')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${pointer}/${escapeStep(key.slice(0, 100))}`,
      detail: 'is not a property known here',
      code: 'unknown_property',
    }))
  }
  if (issue.code === 'custom') {
    const code: unknown = issue.params?.['code']
    return [{ pointer, detail: issue.message, code: typeof code === 'string' ? code : 'invalid' }]
  }
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined && issue.message.endsWith('undefined')
    return [{ pointer, detail: missing ? 'is required' : issue.message, code: missing ? 'required' : 'invalid_type' }]
  }
  return [{ pointer, detail: issue.message, code: issue.code }]
}

/** RFC 6901 §3. */
function escapeStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1')
}
