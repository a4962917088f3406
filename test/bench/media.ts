import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { newId, type CallId } from '../../model/ids.ts'
import { createRelay } from '../../media/relay/relay.ts'
import type { MediaServer, MediaSession } from '../../media/media-server.ts'
import type { BenchResult } from './bench-result.ts'
import { measurePacketKnowledge } from './media-packet.ts'
import type { DriverData, DriverReport, ToDriver } from './media-driver.ts'

const SESSIONS = 200
const PACKETS_PER_SECOND = 50
const WARM_UP_SECONDS = 2
const SECONDS = 5
const PHONES = 2 * SESSIONS

/** 200 calls with two-way G.711 through one relay thread: loss, latency and CPU a packet. About 10 s. */
export async function run(): Promise<BenchResult[]> {
  const relayWorkers: Worker[] = []
  const collect = (worker: Worker): void => void relayWorkers.push(worker)
  process.on('worker', collect)
  const log = { warn: () => {}, error: () => {} }
  const relay = await createRelay(
    { log },
    { address: '127.0.0.1', portRange: { from: 22_000, to: 27_999 }, threads: 1 },
  )
  process.off('worker', collect)
  const workerData: DriverData = { phones: PHONES, packetsPerSecond: PACKETS_PER_SECOND }
  // performance.now() starts anew in each thread; the driver is one thread, so its two ends share a clock.
  const driver = new Worker(new URL('./media-driver.ts', import.meta.url), { workerData })
  try {
    const phonePorts = await hear<number[]>(driver)
    const setup = await openSessions(relay, phonePorts)
    // Phone i hears phone i ^ 1 when nothing is between them: what the measuring itself costs.
    const direct = await drive(
      driver,
      phonePorts.map((_, i) => phonePorts[i ^ 1]!),
      WARM_UP_SECONDS,
    )
    await drive(driver, setup.ports, WARM_UP_SECONDS)
    const before = await relayWorkers[0]!.cpuUsage()
    const relayed = await drive(driver, setup.ports, SECONDS)
    const spent = await relayWorkers[0]!.cpuUsage(before)
    for (const session of setup.sessions) await session.close()
    const cpuUs = (spent.user + spent.system) / relayed.sent
    const detail = `${SESSIONS} calls, both ways, ${PACKETS_PER_SECOND} packets a second, ${relayed.sent} packets, one relay thread`
    const alone = `the same phones without relay: p50 ${at(direct, 0.5)} us, p99 ${at(direct, 0.99)} us`
    return [
      { name: 'media.latency.p50', value: at(relayed, 0.5), unit: 'us', detail: `${detail}; phone to phone; ${alone}` },
      {
        name: 'media.latency.p99',
        value: at(relayed, 0.99),
        unit: 'us',
        detail: `${detail}; phone to phone; ${alone}`,
      },
      {
        name: 'media.packet.cpu',
        value: round(cpuUs),
        unit: 'us',
        detail: `CPU of the relay thread a packet; lost ${relayed.sent - relayed.received} of ${relayed.sent}`,
      },
      {
        name: 'media.session.setup',
        value: round(setup.p50Us),
        unit: 'us',
        detail: 'p50 of createSession, one after another: four sockets and the round trip to the thread',
      },
      ...measurePacketKnowledge(),
    ]
  } finally {
    driver.postMessage({ kind: 'end' } satisfies ToDriver, [])
    await once(driver, 'exit')
    await relay.close()
  }
}

async function openSessions(
  relay: MediaServer,
  phonePorts: readonly number[],
): Promise<{ sessions: MediaSession[]; ports: number[]; p50Us: number }> {
  const sessions: MediaSession[] = []
  const ports: number[] = []
  const tookUs: number[] = []
  for (let i = 0; i < PHONES; i += 2) {
    const startMs = performance.now()
    const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: describePhone(phonePorts[i]!) })
    tookUs.push((performance.now() - startMs) * 1000)
    const offer = await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(describePhone(phonePorts[i + 1]!))
    sessions.push(session)
    ports.push(audioPort(answer), audioPort(offer))
  }
  tookUs.sort((a, b) => a - b)
  return { sessions, ports, p50Us: tookUs[tookUs.length >> 1]! }
}

async function drive(driver: Worker, ports: readonly number[], seconds: number): Promise<DriverReport> {
  driver.postMessage({ kind: 'run', ports, seconds } satisfies ToDriver, [])
  return hear<DriverReport>(driver)
}

/** The driver's next message, whose type its place in the conversation tells. */
function hear<T extends DriverReport | number[]>(driver: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    driver.once('message', resolve)
    driver.once('error', reject)
  })
}

function describePhone(port: number): string {
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`
}

function audioPort(sdp: string): number {
  return Number(/^m=audio (\d+)/m.exec(sdp)?.[1])
}

function at(report: DriverReport, quantile: number): number {
  return round(report.latencyUs[Math.floor(report.latencyUs.length * quantile)] ?? Number.NaN)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
