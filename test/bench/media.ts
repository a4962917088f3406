import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { rtpengineIsInstalled } from '../support/rtpengine.ts'
import type { BenchResult } from './bench-result.ts'
import { closeCalls, Driver, openCall, openCalls, type CallKind, type OpenCalls, type Talk } from './media-calls.ts'
import { startRelay, startRtpengine, type BenchedEngine } from './media-engines.ts'
import { measurePacketKnowledge } from './media-packet.ts'
import { measureSrtp } from './media-srtp.ts'

const PLAIN: CallKind = { caller: 'pcmu', buyer: 'pcmu' }
const CALLS = 500
/** Of kinds where the phones have work of their own. */
const FEW_CALLS = 100
const WARM_UP_SECONDS = 1
const SECONDS = 4
/** Each engine in turn, so often; the least CPU time counts: what it costs rather than what else the machine did. */
const ROUNDS = 2
const PACKETS_A_CALL = 100

interface Load {
  readonly report: Talk
  readonly setupUs: readonly number[]
  /** Of the engine's whole process, for each packet that it passed on: a lost one costs it nothing. */
  readonly cpuUs: number
  /** Of its busiest thread alone; NaN where nobody can tell. */
  readonly busiestUs: number
}

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
      ...(await measureLoadedSetup(driver)),
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
  await driver.openPhones(CALLS, PLAIN)
  await driver.meet(null)
  await driver.talk(WARM_UP_SECONDS)
  const direct = await driver.talk(SECONDS)
  const loads = await measureInTurn(driver, engines, CALLS, PLAIN)
  const [relay] = loads
  const { report, setupUs, cpuUs } = relay!
  const detail = `phone to phone, ${CALLS} calls, ${describe(report)}`
  const alone = `the same phones without relay: p50 ${round(direct.latencyUs(0.5))} us, p99 ${round(direct.latencyUs(0.99))} us`
  return [
    { name: 'media.latency.p50', value: report.latencyUs(0.5), unit: 'us', detail: `${detail}; ${alone}` },
    { name: 'media.latency.p99', value: report.latencyUs(0.99), unit: 'us', detail: `${detail}; ${alone}` },
    {
      name: 'media.latency.added.p99',
      value: (report.latencyUs(0.99) - direct.latencyUs(0.99)) / 1000,
      unit: 'ms',
      detail,
    },
    { name: 'media.packet.cpu', value: cpuUs, unit: 'us', detail: `of the relay's whole process, a packet; ${detail}` },
    ...ratios('full', `both ends PCMU, ${CALLS} calls`, loads),
    { name: 'media.session.setup', value: quantile(setupUs, 0.5), unit: 'us', detail: SETUP_DETAIL },
    { name: 'media.session.setup.p99', value: quantile(setupUs, 0.99), unit: 'us', detail: SETUP_DETAIL },
  ]
}

const SETUP_DETAIL = `createSession to the caller's answer, ${CALLS} calls one after another: four sockets, two round trips to the thread`

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
      detail: `CPU a packet of the whole process with two threads (${round(two.cpuUs)} us) to one (${round(one.cpuUs)} us); ${describe(two.report)}`,
    },
  ]
}

/** What a new call waits for while the thread is busy with others' audio. */
async function measureLoadedSetup(driver: Driver): Promise<BenchResult[]> {
  const relay = await startRelay(1)
  const calls = await openCalls(relay, driver, CALLS / 2, PLAIN)
  const talk = driver.talk(2 * SECONDS)
  const phone = (port: number): string =>
    `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`
  const tookUs: number[] = []
  for (let isOver = false; !isOver;) {
    const { session, tookUs: us } = await openCall(relay.server, phone(9), phone(7))
    tookUs.push(us)
    await session.close()
    isOver = await Promise.race([talk.then(() => true), sleep(10).then(() => false)])
  }
  await closeCalls(calls)
  await relay.close()
  tookUs.sort((a, b) => a - b)
  const detail = `createSession to the caller's answer while ${CALLS / 2} other calls talk, ${tookUs.length} times; p50 ${round(quantile(tookUs, 0.5))} us`
  return [{ name: 'media.session.setup.loaded.p99', value: quantile(tookUs, 0.99) / 1000, unit: 'ms', detail }]
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
    detail: `CPU of ${engine}'s whole process, a packet; ${what}; ${describe(report)}`,
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

/** Each engine's cheapest load, in the engines' order. */
async function measureInTurn(
  driver: Driver,
  engines: readonly (() => Promise<BenchedEngine>)[],
  calls: number,
  kind: CallKind,
): Promise<Load[]> {
  const best: Load[] = []
  for (let turn = 0; turn < ROUNDS; turn++)
    for (const [i, start] of engines.entries()) {
      const found = await load(driver, start, calls, kind)
      if (!best[i] || found.cpuUs < best[i].cpuUs) best[i] = found
    }
  return best
}

async function load(driver: Driver, start: () => Promise<BenchedEngine>, calls: number, kind: CallKind): Promise<Load> {
  const engine = await start()
  let opened: OpenCalls = { sessions: [], setupUs: [] }
  try {
    opened = await openCalls(engine, driver, calls, kind)
    await driver.talk(WARM_UP_SECONDS)
    const [before, threadsBefore] = [engine.cpuUs(), await engine.threadsCpuUs()]
    const report = await driver.talk(SECONDS)
    const threads = (await engine.threadsCpuUs()).map((us, i) => us - threadsBefore[i]!)
    const cpuUs = (engine.cpuUs() - before) / report.received
    if (report.wrong > 0) throw new Error(`${engine.name}: ${report.wrong} packets were not what they should be`)
    return {
      report,
      setupUs: opened.setupUs,
      cpuUs,
      busiestUs: threads.length === 0 ? NaN : Math.max(...threads) / report.received,
    }
  } finally {
    await closeCalls(opened)
    await engine.close()
  }
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

function describe({ sent, received, packetsPerSecond }: Talk): string {
  return `${Math.round(packetsPerSecond)} packets/s, lost ${sent - received} of ${sent}`
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? NaN
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
