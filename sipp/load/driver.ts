import type { Buckets } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import type { Seeded } from './seed.ts'

/** One line of what is going on. */
export type Progress = (line: string) => void

export interface Address {
  readonly host: string
  readonly port: number
}

/** What the callers and buyers saw of the time at full rate. Times are ms. */
export interface DriveResult {
  readonly offered: number
  readonly answered: number
  /** Why calls failed: the status the caller heard instead of 200, or a word. */
  readonly failures: Readonly<Record<string, number>>
  /** INVITE to 200 of each answered call. */
  readonly setupMs: readonly number[]
  readonly retransmissions: number
  readonly timeline: Timeline
  readonly audio: AudioResult | null
  /** CPU of who calls and who is called, per call offered, in µs: how fast the machine was meanwhile. Null: not known. */
  readonly ownCpuPerCallUs: number | null
}

/** Calls offered in each second, and how many were up at its end. */
export type Timeline = readonly { readonly second: number; readonly offered: number; readonly up: number }[]

/** Both directions of all calls together. */
export interface AudioResult {
  readonly sent: number
  readonly received: number
  readonly lost: number
  readonly jitterMs: number
  /** One way, from our sending to our hearing: what the exchange adds, loopback being next to nothing. */
  readonly latency: Percentiles
  /** By the E-model (ITU-T G.107), 1 to 4.4 for G.711. */
  readonly mos: number
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** A way of placing many calls: SIPp for signalling alone, our own agents for calls with audio. */
export interface Driver {
  /** Where the buyers listen. */
  readonly buyers: readonly Address[]
  /** Climbs to the full rate, so that a cold start is not what is measured. */
  rampUp(to: Address, seeded: Seeded): Promise<void>
  /** Keeps the full rate up, and resolves when its last call is over. */
  drive(to: Address, seeded: Seeded): Promise<DriveResult>
  /** Ends what it started. Idempotent. */
  close(): Promise<void>
}

/** What a run found. Times are ms. */
export interface LoadReport extends Omit<DriveResult, 'setupMs'> {
  readonly options: LoadOptions
  readonly failed: number
  /** From the exchange’s own histogram. */
  readonly addedPdd: Percentiles & { readonly buckets: Buckets }
  readonly setup: Percentiles
  /** CPU of the exchange (all its threads) per call, in µs. */
  readonly cpuPerCallUs: number
  readonly residentBytes: number
  /** Sum of all balances afterwards, in millionths. */
  readonly balanceSum: bigint
}

/** The three figures everything is reported by. */
export function percentiles(at: (q: number) => number): Percentiles {
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

const RAMP_STEPS = 4

/** The rates climbed through before the full one, each for as many seconds. */
export function rampOf({ cps, rampSeconds }: LoadOptions): { rates: number[]; seconds: number } {
  const step = Math.max(1, Math.floor(cps / (RAMP_STEPS + 1)))
  const rates = Array.from({ length: RAMP_STEPS }, (_, n) => (n + 1) * step).filter((rate) => rate < cps)
  return { rates, seconds: Math.max(1, Math.round(rampSeconds / RAMP_STEPS)) }
}
