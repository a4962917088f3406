import type { Address } from './server-transaction.ts'

/** What one stream sent and heard. Plain data, so that it passes between threads. */
export interface RtpStats {
  readonly sent: number
  readonly received: number
  /** By sequence numbers, from the first packet heard to the last (RFC 3550 A.3); what never arrived at the ends is not seen. */
  readonly lost: number
  readonly duplicates: number
  readonly reordered: number
  /** RFC 3550 §6.4.1, at the end of the stream. */
  readonly jitterMs: number
  /** Packets by one-way latency in steps of `LATENCY_STEP_MS`, the last for all above; read with `latencyPercentile`. */
  readonly latencyCounts: Uint32Array
}

export interface RtpStreamOptions {
  /** Default: the engine's. */
  readonly address?: string
  /** A multiple of 50, so that 20 ms hold whole periods. Default 400. */
  readonly toneHz?: number
}

/** One phone's audio: a socket that sends a tone, 50 packets a second, and measures what it hears. */
export interface RtpStream extends Address {
  /** Starts sending there, or redirects. */
  send(to: Address): void
  /** Falls silent without closing: a dead phone. */
  pause(): void
  stats(): Promise<RtpStats>
  /** The last numbers. Idempotent. */
  close(): Promise<RtpStats>
}

/** Where streams run: in this thread (`createRtpAgent`) or one of its own (`createRtpThread`). */
export interface RtpEngine {
  openStream(options?: RtpStreamOptions): Promise<RtpStream>
  close(): Promise<void>
}

export const LATENCY_STEP_MS = 0.1
export const LATENCY_STEPS = 2000

/** The latency in ms below which `fraction` (0 to 1) of the packets stayed, rounded up to a step; 0 without packets. */
export function latencyPercentile(counts: Uint32Array, fraction: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return 0
  const wanted = Math.ceil(total * fraction)
  let seen = 0
  for (let step = 0; step < counts.length; step++) {
    seen += counts[step]!
    if (seen >= wanted) return Math.round((step + 1) * LATENCY_STEP_MS * 10) / 10
  }
  return counts.length * LATENCY_STEP_MS
}

/** Many streams as one: counts added, the worst jitter. */
export function mergeRtpStats(all: readonly RtpStats[]): RtpStats {
  const latencyCounts = new Uint32Array(LATENCY_STEPS)
  let [sent, received, lost, duplicates, reordered, jitterMs] = [0, 0, 0, 0, 0, 0]
  for (const stats of all) {
    sent += stats.sent
    received += stats.received
    lost += stats.lost
    duplicates += stats.duplicates
    reordered += stats.reordered
    jitterMs = Math.max(jitterMs, stats.jitterMs)
    stats.latencyCounts.forEach((count, step) => (latencyCounts[step]! += count))
  }
  return { sent, received, lost, duplicates, reordered, jitterMs, latencyCounts }
}
