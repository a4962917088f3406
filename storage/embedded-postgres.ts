import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { startAs } from '../model/thread-priority.ts'
import { prepareCluster, stopOrphan } from './postgres-cluster.ts'
import { EmbeddedPostgresError, findBinaries, serverUser } from './postgres-binaries.ts'
import type { ConnectionOptions } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** How long the server may take from its start to its first answer, ms; after a crash it replays its log first. */
export const START_TIMEOUT_MS = 60_000
/** How long a clean stop may take before the server is killed, ms. It loses nothing then, and the next start replays. */
export const STOP_TIMEOUT_MS = 15_000
/** How long a server's last words are waited for once it is gone, ms. */
export const LAST_WORDS_MS = 100
/** Between two attempts to start a server that died, ms: the first and the longest. */
export const RESTART_DELAY_MS = { first: 100, longest: 2_000 } as const

const SETTINGS = {
  listen_addresses: '', // The socket in the data folder only: nobody else can reach it, and no port is taken.
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  max_connections: '50',
  // 23 MB/s of new pages at 1,000 calls/s. Unless its writer is ahead of that, the backend that commits sales makes room by itself, and
  // callers wait for it: so it looks 50 times a second, and not 5, and may write 50,000 pages in one, and not 500.
  shared_buffers: '256MB',
  bgwriter_delay: '20ms',
  bgwriter_lru_maxpages: '1000',
  bgwriter_lru_multiplier: '4',
  // A new file of the log is filled with zeros first, so all of it is written twice: as many old ones are kept for the next rush.
  min_wal_size: '256MB',
  max_wal_size: '2GB',
  checkpoint_completion_target: '0.9',
  // The three that make an acknowledged record one that survives; they are the defaults, and stay so whatever a file says.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_min_messages: 'warning',
  // No records in the log, not even of a failed statement.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/**
 * glibc gives memory of a batch, some MB, back to the system after each and asks for it anew, page by page: what a backend has had it keeps.
 */
const KEEPS_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(64 * 1024 * 1024),
}

/**
 * A real PostgreSQL, run as a child of this process on `<dataDir>/postgres`. It is restarted when it dies.
 *
 * The data folder may lie where the server's own user may not go (as root the server runs as nobody, and DCE_DATA_DIR may be root's, mode
 * 0700). So the server is handed the folder as an open file and finds it at /proc/self/fd/3, which needs no right to the folders above;
 * this process reaches the server's socket the same way, which also keeps long paths within the 107 bytes a socket's name may have.
 */
export class EmbeddedPostgres {
  readonly #log: StorageLog
  readonly #binaries: string
  readonly #folder: number
  readonly #data: string
  #server: ChildProcess | null = null
  #closing = false
  #restart: NodeJS.Timeout | null = null
  #restartDelayMs: number = RESTART_DELAY_MS.first
  readonly #killWithUs = (): void => void this.#server?.kill('SIGINT')

  private constructor(binaries: string, data: string, log: StorageLog) {
    this.#binaries = binaries
    this.#data = data
    this.#log = log
    this.#folder = openSync(data, constants.O_RDONLY | constants.O_DIRECTORY)
  }

  /** Makes the cluster at first, stops what a killed process left running, starts the server. The caller holds the data folder's lock. */
  static async start(dataDir: string, log: StorageLog, binaries = findBinaries()): Promise<EmbeddedPostgres> {
    const data = join(dataDir, 'postgres')
    await stopOrphan(data, log)
    await prepareCluster(binaries, data, log)
    const embedded = new EmbeddedPostgres(binaries, data, log)
    process.on('exit', embedded.#killWithUs)
    try {
      await embedded.#launch()
      await embedded.#ensureDatabase()
      return embedded
    } catch (error) {
      await embedded.close()
      throw error
    }
  }

  get connection(): ConnectionOptions {
    return { host: socketFolder(this.#data, this.#folder), user: 'dce', database: 'dce' }
  }

  /** The server's process, for tests that kill it. */
  get pid(): number | undefined {
    return this.#server?.pid
  }

  async #launch(): Promise<void> {
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const server = startAs('usual', () =>
      spawn(join(this.#binaries, 'bin', 'postgres'), ['-D', folderForChild(this.#data), ...settings], {
        ...serverUser(this.#data),
        cwd: '/',
        env: KEEPS_MEMORY,
        detached: true, // Its own process group: Ctrl-C in a terminal is ours to handle, and the calls' records come first.
        stdio: ['ignore', 'ignore', 'pipe', this.#folder],
      }),
    )
    this.#server = server
    const last: string[] = []
    const words = createInterface({ input: server.stderr! }).on('line', (line) => {
      last.push(line)
      if (last.length > 5) last.shift()
      this.#log.debug({ line }, 'postgres')
    })
    const gone = new Promise<string>((resolve) => {
      server.once('error', (error) => resolve(error.message))
      server.once('exit', (code, signal) => {
        // Its last words may still be in the pipe, which its own children may hold open for longer.
        const tell = (): void => resolve(`${signal ?? `exit code ${code}`}: ${last.join(' | ')}`)
        words.once('close', tell)
        setTimeout(tell, LAST_WORDS_MS)
      })
    })
    void gone.then((why) => this.#onGone(server, why))
    const failed = gone.then((why): never => {
      throw new EmbeddedPostgresError(`the embedded PostgreSQL did not start: ${why}`)
    })
    await Promise.race([failed, this.#answers()])
    this.#restartDelayMs = RESTART_DELAY_MS.first
  }

  async #answers(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS
    for (let waitMs = 5; ; waitMs = Math.min(100, waitMs * 2)) {
      const client = new Client({ ...this.connection, database: 'postgres', connectionTimeoutMillis: 2_000 })
      client.on('error', () => {})
      try {
        await client.connect()
        return await client.end()
      } catch (error) {
        if (this.#closing || this.#server === null) return
        if (Date.now() > deadline)
          throw new EmbeddedPostgresError(`the embedded PostgreSQL does not answer: ${(error as Error).message}`)
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  async #ensureDatabase(): Promise<void> {
    const client = new Client({ ...this.connection, database: 'postgres' })
    await client.connect()
    try {
      const { rowCount } = await client.query("select from pg_database where datname = 'dce'")
      if (rowCount === 0) await client.query('create database dce')
    } finally {
      await client.end()
    }
  }

  /** A server that dies is started again; meanwhile the stores say StoreUnavailable and the writer spools. */
  #onGone(server: ChildProcess, why: string): void {
    if (this.#server !== server) return
    this.#server = null
    if (this.#closing || this.#restart !== null) return
    this.#log.error({ why }, 'the embedded PostgreSQL died and is started again')
    this.#restart = setTimeout(() => {
      this.#restart = null
      if (this.#closing) return
      // A failed start ends in `onGone` again, so nothing more is to be done about it here.
      this.#launch().catch((error: Error) =>
        this.#log.warn({ error: error.message }, 'the embedded PostgreSQL did not come back yet'),
      )
    }, this.#restartDelayMs)
    this.#restartDelayMs = Math.min(RESTART_DELAY_MS.longest, this.#restartDelayMs * 2)
  }

  /** Stops the server cleanly; connections still open are cut (fast shutdown). */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    process.off('exit', this.#killWithUs)
    if (this.#restart) clearTimeout(this.#restart)
    const server = this.#server
    if (server?.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
      server.kill('SIGINT')
      const kill = setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await gone
      clearTimeout(kill)
    }
    closeSync(this.#folder)
  }
}

/** The connection to an embedded server that another process runs on this data folder; null when there is none. The caller closes the folder. */
export function attachToEmbedded(dataDir: string): { connection: ConnectionOptions; close: () => void } | null {
  const data = join(dataDir, 'postgres')
  if (!existsSync(join(data, '.s.PGSQL.5432'))) return null
  const folder = openSync(data, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    connection: { host: socketFolder(data, folder), user: 'dce', database: 'dce' },
    close: () => closeSync(folder),
  }
}

function socketFolder(data: string, folder: number): string {
  return process.platform === 'linux' ? `/proc/self/fd/${folder}` : data
}

/** The folder's name in a child that got it as file 3. */
export function folderForChild(data: string): string {
  return process.platform === 'linux' ? '/proc/self/fd/3' : data
}
