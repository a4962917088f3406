import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createCompliance, type Compliance } from '../../compliance/compliance.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import { ListLoader } from '../../gateway/do-not-call/list-loader.ts'
import { systemSchedule } from '../../gateway/start/schedule.ts'
import { pack } from '../../model/area-numbers.ts'
import { systemClock } from '../../model/clock.ts'
import { newId, type SuppressionListId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { SuppressionList } from '../../model/suppression-list.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { openStorage, type Storage } from '../../storage/storage.ts'
import type { BenchResult } from './bench-result.ts'

const IMPORTED = 10_000_000
const NATION = 250_000_000
const AREAS = 350
const LOOK_UPS = 2_000_000
/** Calls come so far apart, as at 500 a second. */
const CALL_EVERY_MS = 2
const CALLS_BEFORE = 3_000
const PIECE_LINES = 8_192

/** A list of 10,000,000 numbers taken in while calls are screened, and one of 250,000,000 in memory. */
export async function run(): Promise<BenchResult[]> {
  return [...(await runImport()), ...runNation()]
}

async function runImport(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dce-bench-'))
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const compliance = createCompliance(
    { places: loadPlaces(), clock: Date },
    { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const loader = new ListLoader({ lists: compliance.suppression, schedule: systemSchedule, log: quiet })
  const storage = await openStorage({
    databaseUrl: null,
    dataDir: folder,
    gatewayId: 'bench',
    log: quiet,
    clock: systemClock,
    minFreeBytes: 0,
    onBookChange(change) {
      compliance.apply(change)
      loader.apply(change)
    },
  })
  try {
    loader.open(storage)
    await storage.book.load((change) => compliance.apply(change))
    await loader.start()
    const list = await newList(storage)
    const path = join(folder, 'list.txt')
    writeList(path, IMPORTED)
    await callsUntil(compliance, CALLS_BEFORE, null) // Warm.
    const threadBefore = process.threadCpuUsage()
    const before = await callsUntil(compliance, CALLS_BEFORE, null)
    const options = { mode: 'replace', versionDate: new Date(), mayShrink: false, doneBy: 'a benchmark' } as const
    const alone = threadSeconds(threadBefore)
    const cpu = process.cpuUsage()
    const thread = process.threadCpuUsage()
    const start = performance.now()
    const importing = storage.stores.suppression
      .import(list.id, createReadStream(path), options)
      .then(() => loader.loaded(list.id))
    const during = await callsUntil(compliance, Infinity, importing)
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const callsCpu = threadSeconds(thread)
    const held = compliance.suppression.find('bench')!
    if (held.list.numbers !== IMPORTED) throw new Error(`${held.list.numbers} numbers are on the list`)
    const [was, is] = [percentile(before, 0.99), percentile(during, 0.99)]
    return [
      {
        name: 'dnc.import',
        value: seconds * 1000,
        unit: 'ms',
        detail: `${IMPORTED} numbers as lines, until calls are screened by them; CPU of the process ${((user + system) / 1e6).toFixed(1)} s, PostgreSQL’s own not counted`,
      },
      {
        name: 'dnc.calls-p99',
        value: is / was,
        unit: 'ratio',
        detail: `a call every ${CALL_EVERY_MS} ms, from when it is sent to its verdict: p99 ${was.toFixed(2)} ms before, ${is.toFixed(2)} ms during the import (p50 ${percentile(before, 0.5).toFixed(2)} and ${percentile(during, 0.5).toFixed(2)}; ${during.length} calls)`,
      },
      {
        name: 'dnc.calls-thread',
        value: (callsCpu / during.length) * 1e6,
        unit: 'us',
        detail: `CPU of the calls’ thread for each call during the import, which took ${((alone / before.length) * 1e6).toFixed(0)} us before: ${((callsCpu - (alone / before.length) * during.length) * 1000).toFixed(0)} ms of it are the import’s`,
      },
      {
        name: 'dnc.bytes',
        value: held.bytes / IMPORTED,
        unit: 'bytes',
        detail: `memory of one number among ${IMPORTED}`,
      },
    ]
  } finally {
    await loader.close()
    await storage.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function threadSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(since)
  return (user + system) / 1e6
}

function newList(storage: Storage): Promise<SuppressionList> {
  return storage.stores.suppression.lists.create({ ...LIST, accountId: OPERATOR_ACCOUNT_ID })
}

const LIST = {
  name: 'bench',
  kind: 'national',
  source: 'a benchmark',
  state: null,
  versionDate: null,
  expiresAfterDays: 31,
  whenExpired: 'warn',
  lookup: null,
  numbers: 0,
  revision: 0,
  replacedAt: 0,
} as const

/** `202,2000007` and so on, each once, sorted by area code as the registry has them. */
function writeList(path: string, count: number): void {
  const file = openSync(path, 'w')
  const each = Math.ceil(count / AREAS)
  let lines: string[] = []
  for (let at = 0; at < count; at++) {
    lines.push(`${201 + Math.floor(at / each)},${2_000_000 + (((at % each) * 7919) % 8_000_000)}\n`)
    if (lines.length < PIECE_LINES && at < count - 1) continue
    writeSync(file, lines.join(''))
    lines = []
  }
  closeSync(file)
}

/**
 * Calls come as they do from the SIP server, by another thread, which sleeps between them: a timer of the calls' own thread is late by up to
 * a millisecond by itself.
 */
const CARRIER = `
  const { parentPort, workerData: everyMs } = require('node:worker_threads')
  const never = new Int32Array(new SharedArrayBuffer(4))
  const now = () => performance.timeOrigin + performance.now()
  for (let due = now() + everyMs; ; due += everyMs) {
    const ms = due - now()
    if (ms > 0) Atomics.wait(never, 0, 0, ms)
    parentPort.postMessage(now())
  }`

/** Milliseconds from when each call was sent to its verdict. */
async function callsUntil(compliance: Compliance, most: number, end: Promise<void> | null): Promise<Float64Array> {
  const waits: number[] = []
  const carrier = new Worker(CARRIER, { eval: true, workerData: CALL_EVERY_MS })
  try {
    await new Promise<void>((resolve, reject) => {
      carrier.on('error', reject)
      carrier.on('message', (sentMs: number) => {
        compliance.screen(callOf(waits.length))
        waits.push(performance.timeOrigin + performance.now() - sentMs)
        if (waits.length >= most) resolve()
      })
      end?.then(resolve, reject)
    })
  } finally {
    await carrier.terminate()
  }
  return Float64Array.from(waits).toSorted()
}

function callOf(at: number): ScreeningRequest {
  const ani = `+1${201 + (at % AREAS)}${2_000_000 + ((at * 104_729) % 8_000_000)}` as PhoneNumber
  return { ani, zip: null, trafficType: 'transfer', atMs: Date.now() }
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

function runNation(): BenchResult[] {
  const compliance = createCompliance(
    { places: loadPlaces(), clock: Date },
    { tcpaEnabled: false, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const at = new Date()
  const id = newId<SuppressionListId>()
  const list = {
    ...LIST,
    id,
    accountId: OPERATOR_ACCOUNT_ID,
    version: 1,
    createdAt: at,
    updatedAt: at,
    versionDate: at,
  }
  compliance.apply({ kind: 'suppression-list', id, value: list })
  const each = Math.ceil(NATION / AREAS)
  const before = process.memoryUsage()
  const areas = Array.from({ length: AREAS }, (_, area) => {
    // Of 8,000,000, evenly: one in eleven.
    const locals = Uint32Array.from({ length: each }, (__, i) => 2_000_000 + Math.floor((i * 8_000_000) / each))
    return { area: 201 + area, packed: pack(locals) }
  })
  compliance.suppression.take({ list: { ...list, revision: 1 }, isWhole: true, areas, damage: null })
  const held = compliance.suppression.held(id)!
  const after = process.memoryUsage()
  const numbers = Array.from({ length: 65_536 }, (_, i) => callOf(i * 31).ani!)
  let found = 0
  for (let i = 0; i < LOOK_UPS; i++) if (held.has(numbers[i & 65_535]!)) found++
  const cpu = process.cpuUsage()
  for (let i = 0; i < LOOK_UPS; i++) if (held.has(numbers[i & 65_535]!)) found++
  const { user, system } = process.cpuUsage(cpu)
  return [
    {
      name: 'dnc.nation-bytes',
      value: held.bytes,
      unit: 'bytes',
      detail: `${each * AREAS} numbers in ${AREAS} area codes; the process’s buffers grew by ${Math.round((after.arrayBuffers - before.arrayBuffers) / 1e6)} MB`,
    },
    {
      name: 'dnc.look-up',
      value: ((user + system) * 1000) / LOOK_UPS,
      unit: 'ns',
      detail: `CPU time of one look-up among them, ${Math.round((found / LOOK_UPS / 2) * 100)} % listed`,
    },
  ]
}
