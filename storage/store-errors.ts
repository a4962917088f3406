import { StoreConflict, StoreUnavailable } from '../api/needs.ts'

/** What pg puts on the errors a server sends (and Node on those of a socket). */
interface DatabaseError extends Error {
  readonly code?: string
  readonly detail?: string
  readonly column?: string
  readonly table?: string
  readonly constraint?: string
}

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNABORTED',
])
// pg reports a lost or unreachable server by words alone in these cases.
const LOST =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|not queryable|connection error|Cannot use a pool after/i

/**
 * Whether an error says that Postgres is away (as against: refuses this statement). Classes of PostgreSQL's appendix A: 08 connection
 * exception, 53 insufficient resources (53100 is a full disk), 57P operator intervention, 58 system error, 25006 read-only, 26000 a prepared
 * statement that is not there: what was to prepare it has failed, and another connection begins anew.
 */
export function isAway(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true
  if (!(error instanceof Error)) return false
  const code = (error as DatabaseError).code
  if (code !== undefined && SOCKET_CODES.has(code)) return true
  if (code !== undefined && /^(08|53|57P|58)...?|^25006$|^26000$|^57014$/.test(code)) return true
  if (error instanceof AggregateError) return error.errors.some(isAway)
  return LOST.test(error.message)
}

/**
 * Whether an error says that the tables, functions or types are not those of this version, as while gateways of two versions run, or that
 * they are not ours to use: no fault of what was to be written. Class 42 of the same appendix.
 */
export function isOtherSchema(error: unknown): boolean {
  const code = error instanceof Error ? (error as DatabaseError).code : undefined
  return code?.startsWith('42') === true
}

/** Whether the same statement may succeed when simply tried again: serialization failure, deadlock. */
export function isRetryable(error: unknown): boolean {
  const code = error instanceof Error ? (error as DatabaseError).code : undefined
  return code === '40001' || code === '40P01'
}

/** Turns what pg throws into what the stores promise: StoreUnavailable, StoreConflict with the model's property name, else the error itself. */
export function storeError(error: unknown): unknown {
  if (isAway(error))
    return new StoreUnavailable(`the database cannot be reached: ${(error as Error).message || String(error)}`, {
      cause: error,
    })
  const { code, detail, constraint } = error as DatabaseError
  if (code === '23505') return new StoreConflict(propertyOf(detail, constraint), 'already taken')
  if (code === '23503') {
    if (detail?.includes('is still referenced'))
      return new StoreConflict('id', 'still in use by something that refers to it')
    return new StoreConflict(propertyOf(detail, constraint), 'refers to nothing that exists')
  }
  // A text that is no UUID names nothing.
  if (code === '22P02') return new StoreConflict('id', 'not an id')
  return error
}

/** `Key (lower(email))=(a@b) already exists.` → `email`; `Key (account_id, reference)=…` → the last column, `reference`. */
function propertyOf(detail: string | undefined, constraint: string | undefined): string {
  const columns = /^Key \((.*)\)=\(/.exec(detail ?? '')?.[1]
  const column =
    columns
      ?.split(',')
      .at(-1)
      ?.replace(/^.*\(|\).*$/g, '')
      .replace(/::.*$/, '')
      .trim() ??
    constraint ??
    'id'
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
