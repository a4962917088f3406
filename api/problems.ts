import { BadCursor, ImportRefused, StoreConflict, StoreFull, StoreUnavailable, VersionMismatch } from './needs.ts'

/** One thing wrong with a request: where (RFC 6901 JSON pointer into the body, or a parameter), what, and a code for programs. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
  readonly code: string
}

/** Every problem the API answers with: its HTTP status and its title. Clients may rely on the codes. */
export const PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is not JSON' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A valid access token or API key is needed' },
  forbidden: { status: 403, title: 'Your role does not allow this' },
  account_suspended: { status: 403, title: 'The account is suspended' },
  not_found: { status: 404, title: 'There is no such thing' },
  no_recording: { status: 404, title: 'There is no recording' },
  unknown_route: { status: 404, title: 'There is no such address' },
  method_not_allowed: { status: 405, title: 'This address does not take that method' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'It collides with something that exists' },
  auction_closed: { status: 409, title: 'The auction takes no bids' },
  insufficient_funds: { status: 409, title: 'The available balance does not cover it' },
  cannot_dispute: { status: 409, title: 'The call cannot be disputed' },
  dispute_decided: { status: 409, title: 'The dispute is decided' },
  nothing_to_pay: { status: 409, title: 'There is nobody to pay' },
  call_not_up: { status: 409, title: 'The call is not up' },
  cannot_monitor: { status: 409, title: 'Nobody can listen to this call' },
  too_many_monitors: { status: 409, title: 'The call is monitored by as many as can' },
  monitor_over: { status: 409, title: 'The monitoring is over' },
  not_recording: { status: 409, title: 'The call is not being recorded' },
  recording_under_way: { status: 409, title: 'The recording goes on' },
  recording_unreadable: { status: 409, title: 'The recording cannot be opened' },
  number_in_use: { status: 409, title: 'The number is in use' },
  request_in_progress: { status: 409, title: 'A request with this Idempotency-Key is under way' },
  version_mismatch: { status: 412, title: 'It has changed since you read it' },
  recording_erased: { status: 410, title: 'The recording has been erased' },
  sip_trace_gone: { status: 410, title: 'The SIP messages are no longer kept' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body has a content type this address does not take' },
  no_such_range: { status: 416, title: 'It has no such range' },
  invalid: { status: 422, title: 'The request is not valid' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used with another body' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The request line or headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  not_available: { status: 501, title: 'Not built yet' },
  no_sip_trace: { status: 501, title: 'This exchange keeps no SIP messages' },
  store_unavailable: { status: 503, title: 'The database cannot be reached' },
  payment_provider_unavailable: { status: 503, title: 'The payment provider cannot be asked now' },
  not_configured: { status: 503, title: 'This exchange is not set up for it' },
  media_unavailable: { status: 503, title: 'The media engine cannot do it now' },
  too_many_reports: { status: 503, title: 'Too many reports are being counted' },
  too_many_waiting: { status: 503, title: 'Too much waits to be stored' },
  too_many_tokens: { status: 503, title: 'No room for another click-to-call token' },
  too_many_clients: { status: 503, title: 'No room for another client' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** A request that ends in an RFC 9457 answer: thrown by handlers, written by the pipeline. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly errors: readonly Fault[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: readonly Fault[]; headers?: Record<string, string> } = {},
  ) {
    super(detail)
    this.code = code
    this.status = PROBLEMS[code].status
    this.errors = more.errors ?? []
    this.headers = more.headers ?? {}
  }
}

export const PROBLEM_TYPE = 'application/problem+json'

/** The body of a problem (RFC 9457 §3.1); `type` is a relative URI (§3.1.1), told apart by `code`. */
export function problemBody(problem: Problem): string {
  return JSON.stringify({
    type: `/problems/${problem.code.replaceAll('_', '-')}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    errors: problem.errors,
  })
}

/** A 422 with one fault. */
export function invalid(pointer: string, detail: string, code = 'invalid'): Problem {
  return new Problem('invalid', detail, { errors: [{ pointer, detail, code }] })
}

/** The problem an error thrown while answering amounts to; null when it is a bug, to be logged and answered with 500. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error
  if (error instanceof StoreConflict) {
    const pointer = `/${snakeCase(error.field)}`
    return new Problem('conflict', error.message, { errors: [{ pointer, detail: error.message, code: 'conflict' }] })
  }
  if (error instanceof ImportRefused) return invalid('/body', error.message, 'import_refused')
  if (error instanceof BadCursor) return invalid('/query/cursor', 'is not a cursor of this list', 'invalid_cursor')
  if (error instanceof VersionMismatch) return new Problem('version_mismatch', 'Read it again and repeat the change.')
  if (error instanceof StoreUnavailable) {
    const detail = 'The database cannot be reached at the moment; calls go on. Try again shortly.'
    return new Problem('store_unavailable', detail, { headers: { 'retry-after': '5' } })
  }
  if (error instanceof StoreFull)
    return new Problem('too_many_waiting', `${error.message}; try again shortly.`, { headers: { 'retry-after': '5' } })
  return null
}

/** `reservePrice` → `reserve_price`: a model's property as the API spells it; the units we keep inside are dropped. */
function snakeCase(name: string): string {
  const words = name.replace(/Micros$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return words
}
