import type { RefreshTokenStore } from '../api/needs.ts'
import type { Clock } from '../model/clock.ts'
import type { UserId } from '../model/ids.ts'
import type { Queries } from './postgres.ts'

/** Refresh tokens, by the hash of their secret: each can be taken once. */
export class PostgresRefreshTokens implements RefreshTokenStore {
  readonly #queries: Queries
  readonly #clock: Clock

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries
    this.#clock = clock
  }

  async add(token: { hash: string; userId: UserId; expiresAt: Date }): Promise<void> {
    await this.#queries.rows('insert into refresh_tokens (hash, user_id, expires_at) values ($1, $2, $3)', [
      token.hash,
      token.userId,
      token.expiresAt,
    ])
    // The expired leave when others come, so nobody has to sweep.
    await this.#queries.rows('delete from refresh_tokens where expires_at < $1', [new Date(this.#clock.now())])
  }

  async take(hash: string): Promise<{ userId: UserId; expiresAt: Date } | null> {
    const [row] = await this.#queries.rows('delete from refresh_tokens where hash = $1 returning user_id, expires_at', [
      hash,
    ])
    return row && row['expires_at'].getTime() > this.#clock.now()
      ? { userId: row['user_id'], expiresAt: row['expires_at'] }
      : null
  }

  async removeAllOf(userId: UserId): Promise<void> {
    await this.#queries.rows('delete from refresh_tokens where user_id = $1', [userId])
  }
}
