import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from '../agents/answerers.ts'
import { placeCall, type CallReport } from '../agents/callers.ts'
import { latencyPercentile, mergeRtpStats, type RtpEngine, type RtpStats } from '../agents/rtp-engine.ts'
import { createRtpThread } from '../agents/rtp-thread.ts'
import { createUserAgent, type UserAgent } from '../agents/user-agent.ts'
import {
  percentiles,
  rampOf,
  type Address,
  type AudioResult,
  type Driver,
  type DriveResult,
  type Progress,
  type Timeline,
} from './driver.ts'
import { impairmentOf, meanOpinionScore } from '../../media/e-model.ts'
import type { LoadOptions } from './options.ts'
import type { Seeded } from './seed.ts'

/** How long the last calls may take to end after their time. */
const LAST_CALLS_MS = 20_000

interface Agents {
  readonly caller: UserAgent
  readonly buyer: UserAgent
  readonly media: RtpEngine
  /** What the buyers’ sides heard. */
  readonly buyerAudio: RtpStats[]
}

/** Our own agents on both sides, each call with two-way G.711: what SIPp cannot measure. */
export async function createAgentDriver(
  options: LoadOptions,
  carrierHost: string,
  progress: Progress,
): Promise<Driver> {
  const media = createRtpThread()
  const caller = await createUserAgent({ address: carrierHost })
  const buyer = await createUserAgent()
  const agents: Agents = { caller, buyer, media, buyerAudio: [] }
  buyer.on('call', answers({ media, onAudio: (stats) => void agents.buyerAudio.push(stats) }))
  return {
    buyers: [buyer.local],
    async rampUp(to, seeded) {
      const { rates, seconds } = rampOf(options)
      for (const cps of rates) {
        progress(`ramp: ${cps} calls/s`)
        await placeAll(agents, { ...options, cps, seconds, talkMs: 200 }, to, seeded, () => {})
      }
      agents.buyerAudio.length = 0
    },
    drive: (to, seeded) => placeAll(agents, options, to, seeded, progress),
    async close() {
      await Promise.all([caller.close(), buyer.close()])
      await media.close()
    },
  }
}

async function placeAll(
  agents: Agents,
  options: LoadOptions,
  to: Address,
  seeded: Seeded,
  progress: Progress,
): Promise<DriveResult> {
  const reports: CallReport[] = []
  const failures: Record<string, number> = {}
  const timeline: Timeline[number][] = []
  const calls: Promise<void>[] = []
  const total = options.cps * options.seconds
  const startedAt = performance.now()
  for (let second = 1; calls.length < total; second++) {
    const offered = Math.min(options.cps, total - calls.length)
    for (let n = 0; n < offered; n++) {
      await sleep(Math.max(0, startedAt + ((second - 1) * 1000 + (n * 1000) / options.cps) - performance.now()))
      calls.push(place(agents, options, to, seeded.lines[calls.length % seeded.lines.length]!, reports, failures))
    }
    timeline.push({ second, offered, up: agents.caller.callCount })
    progress(
      `${String(Math.round((100 * calls.length) / total)).padStart(3)} %  ${calls.length} offered, ${agents.caller.callCount} up`,
    )
  }
  await Promise.race([Promise.all(calls), sleep(options.talkMs + LAST_CALLS_MS)])
  const heard = [...reports.map(({ rtp }) => rtp).filter((stats) => stats !== null), ...agents.buyerAudio]
  const answered = reports.filter((report) => report.answeredMs !== null)
  return {
    offered: total,
    answered: answered.length,
    failures,
    setupMs: answered.map((report) => report.answeredMs!),
    retransmissions: 0,
    timeline,
    audio: heard.length > 0 ? describeAudio(heard) : null,
    ownCpuPerCallUs: null,
  }
}

async function place(
  { caller, media }: Agents,
  options: LoadOptions,
  target: Address,
  line: Seeded['lines'][number],
  reports: CallReport[],
  failures: Record<string, number>,
): Promise<void> {
  const report = await placeCall(
    caller,
    { from: line.caller, to: line.number, target },
    { media, hangUpAfterMs: options.talkMs },
  )
  reports.push(report)
  const { outcome } = report
  const why =
    outcome.kind === 'rejected' ? String(outcome.status) : report.end.cause === 'hung-up' ? null : report.end.cause
  if (why !== null) failures[why] = (failures[why] ?? 0) + 1
}

function describeAudio(heard: readonly RtpStats[]): AudioResult {
  const all = mergeRtpStats(heard)
  const latency = percentiles((q) => latencyPercentile(all.latencyCounts, q))
  const jitterMs = heard.reduce((sum, stats) => sum + stats.jitterMs, 0) / heard.length
  const lossShare = all.received + all.lost > 0 ? all.lost / (all.received + all.lost) : 1
  return {
    sent: all.sent,
    received: all.received,
    lost: all.lost,
    jitterMs,
    latency,
    mos: meanOpinionScore({ lossShare, networkMs: latency.p95, jitterMs, impairment: impairmentOf('PCMU') }),
  }
}
