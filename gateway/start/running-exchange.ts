import type { Log } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'

export interface RunningExchange {
  readonly http: { readonly host: string; readonly port: number }
  readonly sip: readonly { readonly transport: string; readonly host: string; readonly port: number }[]
  /** Drains (no new calls, live ones finish or reach the shutdown timeout), then closes everything. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly settings: Settings
  readonly log: Log
  /** Demo only: the page at `/` signs in by itself as this user. */
  readonly demoLogin?: { readonly email: string }
  /** A part without which no call can be taken has died: the process should end, to be started again. */
  readonly onFatal?: () => void
}
