import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** The line `dce start` writes when it can take calls. */
export interface ReadyLine {
  readonly sip: readonly { readonly transport: string; readonly host: string; readonly port: number }[]
  readonly http: { readonly host: string; readonly port: number }
  /** `proto/host:port` of the SIP server in use, comma separated, as that server announces them. */
  readonly drachtio: string
}

export interface ExchangeProcessOptions {
  /** More `DCE_…` settings, over the ones every test wants. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: a new folder under the system’s temporary one, removed again by `close`. */
  readonly dataDirectory?: string
  /** A data folder that an exchange has left: one that is empty begins as a copy of it. Default: it begins empty. */
  readonly beginWith?: string
  /** More command line after `start`. */
  readonly args?: readonly string[]
  /** How long it may take until it is ready, the making of its database included. Default 60 s. */
  readonly startLimitMs?: number
}

/** It ended, or was not ready in time; the message ends with its last lines. */
export class ExchangeDidNotStart extends Error {
  override readonly name = 'ExchangeDidNotStart'
}

const ROOT = join(import.meta.dirname, '..')
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 40_000
const KEPT_LINES = 60
const POLL_MS = 20

export const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' } as const

/** As `npm start` has them. */
const NODE_FLAGS = [
  '--max-semi-space-size=128',
  '--initial-old-space-size=224',
  '--disable-warning=ExperimentalWarning',
]

/** Free ports, its own data, loopback only: exchanges of several test files live side by side. */
const SETTINGS = {
  DCE_SERVER_HOST: '127.0.0.1',
  DCE_SERVER_PORT: '0',
  DCE_TELEPHONY_HOST: '127.0.0.1',
  DCE_TELEPHONY_SIP_PORT: '0',
  DCE_TELEPHONY_TLS_PORT: 'off',
  DCE_TELEPHONY_WS_PORT: 'off',
  DCE_TELEPHONY_WSS_PORT: 'off',
  DCE_TELEPHONY_CONTROL_PORT: '0',
  DCE_TELEPHONY_RTP_PORT_RANGE: '0',
  DCE_PUBLIC_ADDRESS: '127.0.0.1',
  // SIPp takes an OPTIONS for a call that went wrong.
  DCE_TELEPHONY_PROBE_INTERVAL: '0s',
  DCE_ADMIN_EMAIL: ADMIN.email,
  DCE_ADMIN_PASSWORD: ADMIN.password,
} as const

/** A whole exchange as a child process: the program as a user starts it, and nothing of it in here. */
export class ExchangeProcess {
  readonly dataDirectory: string
  readonly #ownsData: boolean
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>
  #ready: ReadyLine | null = null

  private constructor(child: ChildProcess, dataDirectory: string, ownsData: boolean) {
    this.#child = child
    this.dataDirectory = dataDirectory
    this.#ownsData = ownsData
    this.#exited = new Promise((resolve) => {
      child.once('error', () => resolve(null))
      child.once('close', (code) => resolve(code))
    })
  }

  /** Starts `dce start` and resolves once it can take calls. Throws ExchangeDidNotStart. */
  static async start(options: ExchangeProcessOptions = {}): Promise<ExchangeProcess> {
    const ownsData = options.dataDirectory === undefined
    const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'dce-data-')))
    if (options.beginWith !== undefined) await beginAsCopy(dataDirectory, options.beginWith)
    const env: Record<string, string | undefined> = { ...process.env }
    for (const name of Object.keys(env)) if (name.startsWith('DCE_')) delete env[name]
    const log = openSync(logFileOf(dataDirectory), 'w')
    const child = spawn(nodeBinary(), [...NODE_FLAGS, 'gateway/dce.js', 'start', ...(options.args ?? [])], {
      cwd: ROOT,
      env: { ...env, ...SETTINGS, ...foreignSipServer(), DCE_DATA_DIR: dataDirectory, ...options.env },
      // Straight into a file: under load, reading its log would cost us what we came to measure.
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    const exchange = new ExchangeProcess(child, dataDirectory, ownsData)
    try {
      await exchange.#untilReady(options.startLimitMs ?? START_LIMIT_MS)
    } catch (error) {
      await exchange.close() // What it said is in the error.
      throw error
    }
    return exchange
  }

  get pid(): number {
    return this.#child.pid!
  }
  /** Everything it said, beside its data. */
  get logFile(): string {
    return logFileOf(this.dataDirectory)
  }
  get http(): ReadyLine['http'] {
    return this.#ready!.http
  }
  /** Every address it takes SIP on, in its own order. */
  get listening(): ReadyLine['sip'] {
    return this.#ready!.sip
  }
  /** Where it takes SIP. */
  sip(transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss' = 'udp'): { host: string; port: number } {
    const { sip, drachtio } = this.#ready!
    const addresses = sip.length > 0 ? sip : readAnnounced(drachtio)
    const found = addresses.find((address) => address.transport.toLowerCase() === transport)
    if (!found) throw new Error(`the exchange does not listen on ${transport}: ${JSON.stringify(addresses)}`)
    return { host: found.host === '0.0.0.0' ? '127.0.0.1' : found.host, port: found.port }
  }
  /** Its last lines, for the text of a failure. */
  get lastLines(): string {
    return readLog(this.logFile).trimEnd().split('\n').slice(-KEPT_LINES).join('\n')
  }
  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }
  /** Resolves to the exit code; null when a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#exited
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it as a crash would, at once and without a word, and waits until it is gone. Its data stays. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited
  }

  /** Asks it to drain and end; insists after a while. Resolves to the exit code. Its data stays. */
  async stop(): Promise<number | null> {
    if (this.hasExited) return this.#exited
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_LIMIT_MS)
    return this.#exited.finally(() => clearTimeout(timer))
  }

  /** Ends it and removes what it left. Idempotent. */
  async close(): Promise<void> {
    await this.stop()
    if (!this.#ownsData) return
    // One that did not start leaves at once, its PostgreSQL a moment later: what that still writes is removed by the next try.
    await rm(this.dataDirectory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    await rm(this.logFile, { force: true })
  }

  async #untilReady(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    for (;;) {
      const ready = readReady(readLog(this.logFile))
      if (ready) {
        this.#ready = ready
        return
      }
      const late = performance.now() >= deadline
      if (late || this.hasExited) {
        this.signal('SIGKILL')
        await this.#exited
        const what = late ? `was not ready after ${limitMs} ms` : `ended with ${await this.#exited} before it was ready`
        throw new ExchangeDidNotStart(`the exchange ${what}\n${this.lastLines}`)
      }
      await sleep(POLL_MS)
    }
  }
}

/**
 * The drachtio-server whose address is in our own environment (`DCE_DRACHTIO_HOST`, `_PORT`, `_SECRET`): the exchange then uses
 * that one, and brings none. Nothing when there is none.
 */
export function foreignSipServer(): Readonly<Record<string, string>> {
  const { DCE_DRACHTIO_HOST, DCE_DRACHTIO_PORT = '9022', DCE_DRACHTIO_SECRET = 'cymru' } = process.env
  return DCE_DRACHTIO_HOST ? { DCE_DRACHTIO_HOST, DCE_DRACHTIO_PORT, DCE_DRACHTIO_SECRET } : {}
}

/** What a drachtio-server announces to an application: `proto/host:port`, comma separated. */
export function readAnnounced(hostports: string): ReadyLine['sip'] {
  return [...hostports.matchAll(/(\w+)\/([^,]+):(\d+)/g)].map(([, transport, host, port]) => ({
    transport: transport!,
    host: host!,
    port: Number(port),
  }))
}

async function beginAsCopy(dataDirectory: string, of: string): Promise<void> {
  mkdirSync(dataDirectory, { recursive: true })
  if (readdirSync(dataDirectory).length > 0) return
  // As cp has it: PostgreSQL's files are a user's of their own.
  await promisify(execFile)('cp', ['-a', `${of}/.`, dataDirectory])
}

function logFileOf(dataDirectory: string): string {
  return `${dataDirectory}.log`
}

function readLog(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function readReady(log: string): ReadyLine | null {
  const line = log.split('\n').find((text) => text.includes('"msg":"ready"') && text.endsWith('}'))
  if (line === undefined) return null
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Our own line; the next one looks at what is used.
    const read = JSON.parse(line) as ReadyLine
    return Array.isArray(read.sip) && read.http ? read : null
  } catch {
    return null
  }
}

/** The project’s own Node, so that a signal reaches the exchange and not a parent that started it. */
function nodeBinary(): string {
  const own = join(ROOT, 'node_modules/node/bin/node')
  return existsSync(own) ? own : process.execPath
}
