import { fork } from 'node:child_process'
import { once } from 'node:events'
import { rtpengineIsInstalled } from '../support/rtpengine.ts'
import type { BenchResult } from './bench-result.ts'
import { Driver, type CallKind } from './media-calls.ts'
import { startRelay, startRtpengine, type BenchedEngine } from './media-engines.ts'
import { measureLatency } from './media-latency.ts'
import { describeLoad, describeTalk, load, measureInTurn, type Load } from './media-load.ts'
import { measurePacketKnowledge } from './media-packet.ts'
import { measureSetup } from './media-setup.ts'
import { measureSrtp } from './media-srtp.ts'

const PLAIN: CallKind = { caller: 'pcmu', buyer: 'pcmu' }
const CALLS = 500
/** Of kinds where the phones have work of their own. */
const FEW_CALLS = 100
const PACKETS_A_CALL = 100

/**
 * Calls with two-way G.711 through the relay and, where it is installed, through rtpengine: what a packet costs each, plain, transcoded
 * and secured; delay, loss, memory and set-up. The phones are in processes of their own, which are not counted. About three minutes.
 */
export async function run(): Promise<BenchResult[]> {
  const driver = new Driver()
  const engines = [() => startRelay(1), ...(rtpengineIsInstalled() ? [startRtpengine] : [])]
  try {
    return [
      ...(await measurePlain(driver, engines)),
      ...(await measureThreads(driver)),
      ...(await measureSetup(driver, PLAIN)),
      ...(await compare('plain', 'both ends PCMU', driver, engines, FEW_CALLS, PLAIN)),
      ...(await compare('transcoded', 'PCMU and PCMA', driver, engines, FEW_CALLS, { caller: 'pcmu', buyer: 'pcma' })),
      ...(await compare('sdes', 'AES_CM_128_HMAC_SHA1_80 and plain RTP', driver, engines, FEW_CALLS, {
        caller: 'sdes',
        buyer: 'pcmu',
      })),
      ...(await compare('webrtc', 'ICE, DTLS-SRTP and plain RTP', driver, engines.slice(0, 1), FEW_CALLS, {
        caller: 'browser',
        buyer: 'pcmu',
      })),
      ...(await measureMemory('relay')),
      ...(rtpengineIsInstalled() ? await measureMemory('rtpengine') : []),
      ...measureSrtp(),
      ...measurePacketKnowledge(),
    ]
  } finally {
    driver.close()
  }
}

async function measurePlain(
  driver: Driver,
  engines: readonly (() => Promise<BenchedEngine>)[],
): Promise<BenchResult[]> {
  const { results, loads } = await measureLatency(driver, engines, CALLS, PLAIN)
  const detail = `of the relay's whole process, a packet; ${CALLS} calls, ${describeLoad(loads[0]!)}`
  return [
    ...results,
    { name: 'media.packet.cpu', value: loads[0]!.cpuUs, unit: 'us', detail },
    ...ratios('full', `both ends PCMU, ${CALLS} calls`, loads),
  ]
}

/** The same calls over two threads: each has half of them, and pays no more for a packet. */
async function measureThreads(driver: Driver): Promise<BenchResult[]> {
  const one = await load(driver, () => startRelay(1), CALLS, PLAIN)
  const two = await load(driver, () => startRelay(2), CALLS, PLAIN)
  return [
    {
      name: 'media.threads.2.busiest',
      value: two.busiestUs / one.busiestUs,
      unit: 'ratio',
      detail: `CPU of the busier of two threads to that of one alone, ${CALLS} calls; 0.5: twice as many calls on twice the cores`,
    },
    {
      name: 'media.threads.2.cpu',
      value: two.cpuUs / one.cpuUs,
      unit: 'ratio',
      detail: `CPU a packet of the whole process with two threads (${round(two.cpuUs)} us) to one (${round(one.cpuUs)} us); ${describeTalk(two.report)}`,
    },
  ]
}

async function compare(
  name: string,
  what: string,
  driver: Driver,
  engines: readonly (() => Promise<BenchedEngine>)[],
  calls: number,
  kind: CallKind,
): Promise<BenchResult[]> {
  return ratios(name, `${what}, ${calls} calls`, await measureInTurn(driver, engines, calls, kind))
}

function ratios(name: string, what: string, [relay, rtpengine]: readonly Load[]): BenchResult[] {
  const result = (engine: string, { cpuUs, report }: Load): BenchResult => ({
    name: `media.${name}.${engine}.cpu`,
    value: cpuUs,
    unit: 'us',
    detail: `CPU of ${engine}'s whole process, a packet; ${what}; ${describeTalk(report)}`,
  })
  const results: BenchResult[] = [
    result('relay', relay!),
    {
      name: `media.${name}.calls`,
      value: Math.floor(1e6 / (relay!.cpuUs * PACKETS_A_CALL)),
      unit: 'calls',
      detail: `of ${PACKETS_A_CALL} packets a second that this CPU time fills a core with, in the relay; reckoned, not run`,
    },
  ]
  if (!rtpengine) return results
  return [
    ...results,
    result('rtpengine', rtpengine),
    {
      name: `media.${name}.ratio`,
      value: relay!.cpuUs / rtpengine.cpuUs,
      unit: 'ratio',
      detail: `CPU a packet, relay to rtpengine, at the same work: ${what}`,
    },
  ]
}

async function measureMemory(engine: 'relay' | 'rtpengine'): Promise<BenchResult[]> {
  const child = fork(new URL('./media-memory.ts', import.meta.url), [engine])
  const [found]: { bytes: number; calls: number }[] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`media-memory.ts ended with ${code}`))),
  ])
  const { bytes, calls } = found!
  const name = engine === 'relay' ? 'media.call.memory' : 'media.call.memory.rtpengine'
  const detail = `resident, of ${engine}'s process: from ${calls} to ${2 * calls} calls, while ${calls} talk both times`
  return [{ name, value: Math.round(bytes), unit: 'bytes', detail }]
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
