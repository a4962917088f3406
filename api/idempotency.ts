import { createHash } from 'node:crypto'
import type { Answer, Caller } from './endpoint.ts'
import type { IdempotencyStore } from './needs.ts'
import type { Log } from './options.ts'
import { etagOf } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'

const KEY = /^[\x21-\x7e]{1,255}$/

/** What is sent: the answer of a handler in bytes, or the kept one of its first run. */
export interface SentAnswer {
  readonly status: number
  readonly body: string
  /** In place of the body. */
  readonly content?: Answer['content']
  readonly stream?: Answer['stream']
  readonly etag: string | null
  readonly replayed: boolean
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Runs a write once per Idempotency-Key, caller and address (draft-ietf-httpapi-idempotency-key-header): a repeat with the
 * same body hears the first answer, with another body 422, while the first is under way 409. Only success is kept: what
 * failed changed nothing, and may be tried again under the same key.
 */
export async function runOnce(
  store: IdempotencyStore,
  log: Log,
  request: { key: string; caller: Caller; method: string; path: string; body: Uint8Array },
  run: () => Promise<Answer>,
): Promise<SentAnswer> {
  const { key, caller, method, path, body } = request
  if (!KEY.test(key))
    throw invalid('/headers/idempotency-key', 'must be 1 to 255 visible ASCII characters', 'invalid_key')
  const scope = `${caller.accountId} ${method.toUpperCase()} ${path}`
  const requestHash = createHash('sha256').update(body).digest('hex')
  const kept = await store.begin(scope, key, requestHash)
  if (kept === 'busy') {
    const detail = 'The first request with this key has not been answered yet.'
    throw new Problem('request_in_progress', detail, { headers: { 'retry-after': '1' } })
  }
  if (kept) {
    if (kept.requestHash === requestHash) return { ...kept, replayed: true, headers: {} }
    throw new Problem('idempotency_key_reused', 'The key belongs to a request with another body.')
  }
  let answer: Answer
  try {
    answer = await run()
  } catch (error) {
    await store
      .abandon(scope, key)
      .catch((failure: unknown) => log.warn({ error: failure }, 'idempotency key not freed'))
    throw error
  }
  const sent = printAnswer(answer)
  const keep = 'bodyForRepeats' in answer ? JSON.stringify(answer.bodyForRepeats) : sent.body
  // The write is done: an answer that cannot be kept is still the answer.
  await store
    .finish(scope, key, { status: sent.status, body: keep, etag: sent.etag })
    .catch((failure: unknown) => log.warn({ error: failure }, 'idempotent answer not kept'))
  return sent
}

export function printAnswer(answer: Answer): SentAnswer {
  return {
    status: answer.status,
    body: answer.body === undefined ? '' : JSON.stringify(answer.body),
    ...(answer.content && { content: answer.content }),
    ...(answer.stream && { stream: answer.stream }),
    etag: answer.version === undefined ? null : etagOf(answer.version),
    replayed: false,
    headers: answer.headers ?? {},
  }
}
