import type { ApiKeyStore } from '../api/needs.ts'
import type { ApiKey } from '../model/account.ts'
import type { Clock } from '../model/clock.ts'
import { isId, newId } from '../model/ids.ts'
import type { AccountId, ApiKeyId } from '../model/ids.ts'
import type { Queries, Row } from './postgres.ts'

/** API keys, by the hash of their secret. */
export class PostgresApiKeys implements ApiKeyStore {
  readonly #queries: Queries
  readonly #clock: Clock

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries
    this.#clock = clock
  }

  async create(key: Omit<ApiKey, 'id' | 'createdAt'>): Promise<ApiKey> {
    const [row] = await this.#queries.rows(
      'insert into api_keys (id, account_id, name, scope, secret_hash, created_at) values ($1, $2, $3, $4, $5, $6) returning *',
      [newId(), key.accountId, key.name, key.scope, key.secretHash, new Date(this.#clock.now())],
    )
    return readKey(row!)
  }

  async list(accountId: AccountId): Promise<readonly ApiKey[]> {
    return (
      await this.#queries.rows('select * from api_keys where account_id = $1 order by created_at desc, id desc', [
        accountId,
      ])
    ).map(readKey)
  }

  async findBySecretHash(secretHash: string): Promise<ApiKey | null> {
    const [row] = await this.#queries.rows('select * from api_keys where secret_hash = $1', [secretHash])
    return row ? readKey(row) : null
  }

  async remove(accountId: AccountId, id: ApiKeyId): Promise<boolean> {
    if (!isId(id)) return false
    return (
      (await this.#queries.rows('delete from api_keys where account_id = $1 and id = $2 returning id', [accountId, id]))
        .length > 0
    )
  }
}

function readKey(row: Row): ApiKey {
  return {
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    scope: row['scope'],
    secretHash: row['secret_hash'],
    createdAt: row['created_at'],
  }
}
