import type { UserStore } from '../api/needs.ts'
import type { User } from '../model/account.ts'
import type { Clock } from '../model/clock.ts'
import { isId, newId } from '../model/ids.ts'
import type { AccountId, UserId } from '../model/ids.ts'
import type { Queries, Row } from './postgres.ts'

/** People who log in. An address names one user, whatever its case. */
export class PostgresUsers implements UserStore {
  readonly #queries: Queries
  readonly #clock: Clock

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries
    this.#clock = clock
  }

  async create(user: { accountId: AccountId; email: string; role: User['role']; passwordHash: string }): Promise<User> {
    const [row] = await this.#queries.rows(
      `insert into users (id, account_id, email, role, password_hash, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $6) returning *`,
      [newId(), user.accountId, user.email, user.role, user.passwordHash, new Date(this.#clock.now())],
    )
    return readUser(row!)
  }

  async findByEmail(email: string): Promise<User | null> {
    const [row] = await this.#queries.rows('select * from users where lower(email) = lower($1)', [email])
    return row ? readUser(row) : null
  }

  async find(id: UserId): Promise<User | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows('select * from users where id = $1', [id])
    return row ? readUser(row) : null
  }

  async setPassword(id: UserId, passwordHash: string): Promise<void> {
    await this.#queries.rows(
      'update users set password_hash = $2, version = version + 1, updated_at = $3 where id = $1',
      [id, passwordHash, new Date(this.#clock.now())],
    )
  }
}

function readUser(row: Row): User {
  return {
    id: row['id'],
    accountId: row['account_id'],
    email: row['email'],
    role: row['role'],
    passwordHash: row['password_hash'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }
}
