import { Client, Pool } from 'pg'
import type { ClientConfig, PoolClient } from 'pg'
import type { StorageLog } from './storage-log.ts'
import { storeError } from './store-errors.ts'

/** How to reach a Postgres: a URL, or the embedded server's socket folder. */
export type ConnectionOptions =
  { readonly connectionString: string } | { readonly host: string; readonly user: string; readonly database: string }

/** Most connections of the stores; the writer has two more, the listener one. */
export const MAX_STORE_CONNECTIONS = 10
/** How long a store waits for a connection, ms. */
export const CONNECT_TIMEOUT_MS = 5_000
/**
 * How long a store waits for one statement, ms, and how long the server works at it, whether or not anyone waits any more. Also how
 * long a transaction may stand still: a process that is frozen, or cut off, does not keep the balances locked that calls are posted to.
 */
export const STATEMENT_TIMEOUT_MS = 30_000

export type Row = Record<string, any>

/** Something that runs statements: the pool, or one transaction's connection. */
export interface Queries {
  rows(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** The stores' pool. Errors come out as the stores promise them (store-errors.ts). */
export class Postgres implements Queries {
  readonly options: ConnectionOptions
  readonly #pool: Pool
  #closed = false

  constructor(options: ConnectionOptions, log: StorageLog, timeoutMs = STATEMENT_TIMEOUT_MS) {
    this.options = options
    this.#pool = new Pool({
      ...options,
      max: MAX_STORE_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: timeoutMs,
      application_name: 'dce',
      allowExitOnIdle: true,
    })
    // An idle connection that breaks is replaced at the next use: nothing to do but to say so.
    this.#pool.on('error', (error) => {
      if (!this.#closed) log.warn({ error: error.message }, 'a database connection was lost')
    })
  }

  async rows(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(text, values as unknown[])).rows
    } catch (error) {
      throw storeError(error)
    }
  }

  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
  async transaction<T>(work: (tx: Queries) => Promise<T>, begin = 'begin'): Promise<T> {
    let client: PoolClient
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw storeError(error)
    }
    let broken: Error | undefined
    const onError = (error: Error): void => void (broken = error)
    client.on('error', onError)
    try {
      await client.query(begin)
      const result = await work({
        rows: async (text, values = []) => (await client.query<Row>(text, values as unknown[])).rows,
      })
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch((failure: Error) => void (broken = failure))
      throw storeError(error)
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  async close(): Promise<void> {
    this.#closed = true // The embedded server may stop before the last socket is gone: no loss then.
    await this.#pool.end()
  }
}

/**
 * One connection of its own, for the writer and the listener. The caller closes it; `onLost` is called once if the server does.
 * `settings.options`: of the server, for this connection, as `-c name=value`.
 */
export async function connect(
  options: ConnectionOptions,
  name: string,
  onLost: (error: Error, client: Client) => void,
  timeoutMs = CONNECT_TIMEOUT_MS,
  settings: Pick<ClientConfig, 'options' | 'pipeline'> = {},
): Promise<Client> {
  const client = new Client({
    ...options,
    ...settings,
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    application_name: `dce ${name}`,
  })
  let lost = false
  const once = (error: Error): void => {
    if (lost) return
    lost = true
    onLost(error, client)
  }
  client.on('error', once)
  client.on('end', () => once(new Error('Connection terminated')))
  await client.connect()
  return client
}
