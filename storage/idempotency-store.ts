import type { IdempotencyStore } from '../api/needs.ts'
import type { Clock } from '../model/clock.ts'
import type { Queries } from './postgres.ts'

/** How long an answer is kept, ms: a day, as the field does. */
export const ANSWER_KEPT_MS = 24 * 3_600_000
/** After how long a request that never finished (its process died) no longer holds its key, ms. */
export const RESERVATION_MS = 60_000

export class PostgresIdempotency implements IdempotencyStore {
  readonly #queries: Queries
  readonly #clock: Clock

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries
    this.#clock = clock
  }

  async begin(
    scope: string,
    key: string,
    requestHash: string,
  ): Promise<{ status: number; body: string; etag: string | null; requestHash: string } | null | 'busy'> {
    const now = this.#clock.now()
    await this.#queries.rows('delete from idempotency_keys where begun_at < $1', [new Date(now - ANSWER_KEPT_MS)])
    const reserved = await this.#queries.rows(
      `insert into idempotency_keys as i (scope, key, request_hash, begun_at) values ($1, $2, $3, $4)
       on conflict (scope, key) do update set request_hash = excluded.request_hash, begun_at = excluded.begun_at
       where i.status is null and i.begun_at < $5 returning key`,
      [scope, key, requestHash, new Date(now), new Date(now - RESERVATION_MS)],
    )
    if (reserved.length > 0) return null
    const [row] = await this.#queries.rows('select * from idempotency_keys where scope = $1 and key = $2', [scope, key])
    // Gone between the two statements: its holder abandoned it just now, and the client may simply come again.
    if (!row || row['status'] === null) return 'busy'
    return { status: row['status'], body: row['body'], etag: row['etag'], requestHash: row['request_hash'] }
  }

  async finish(
    scope: string,
    key: string,
    answer: { status: number; body: string; etag: string | null },
  ): Promise<void> {
    await this.#queries.rows(
      'update idempotency_keys set status = $3, body = $4, etag = $5 where scope = $1 and key = $2',
      [scope, key, answer.status, answer.body, answer.etag],
    )
  }

  async abandon(scope: string, key: string): Promise<void> {
    await this.#queries.rows('delete from idempotency_keys where scope = $1 and key = $2 and status is null', [
      scope,
      key,
    ])
  }
}
