import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../model/clock.ts'
import type { CallRecord } from '../../model/cdr.ts'
import { openStorage } from '../../storage/storage.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import type { BenchResult } from './bench-result.ts'

const CALLS = 10_000
/** Calls under way at once: each waits for its record to be durable before its next, as the gateway does. */
const CONCURRENT = 400

interface Run {
  readonly seconds: number
  /** CPU of this process a call, making the records included, in µs. */
  readonly cpu: number
  /** From a record's write to its being durable, ms, sorted. */
  readonly waits: readonly number[]
}

/**
 * Calls through the one writer into the embedded PostgreSQL, fsync on, three ledger entries each. A settlement is the durable posting
 * of a call that was sold before: its entries, the balances, the CDR's end and the line of the audit. The other run has the sales in it.
 */
export async function run(): Promise<BenchResult[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dce-bench-'))
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const storage = await openStorage({
    databaseUrl: null,
    dataDir,
    gatewayId: 'bench',
    log,
    clock: systemClock,
    onBookChange: () => {},
    minFreeBytes: 0,
  })
  try {
    await insertAccounts(storage.queries)
    const { writer } = storage
    const sell = (call: CallRecord): Promise<void> => writer.write(soldRecord(call))
    const settle = (call: CallRecord): Promise<void> => writer.write(endedRecord(call))
    const sold = Array.from({ length: CALLS }, () => callRecord())
    await write(sold, [sell])
    const settled = await write(sold, [settle])
    const whole = await write(
      Array.from({ length: CALLS }, () => callRecord()),
      [sell, settle],
    )
    const verified = await storage.stores.ledger.verify()
    if (verified.unbalanced.length > 0 || verified.postings !== 2 * CALLS) throw new Error('the ledger does not add up')
    const detail = `${CALLS} calls, ${CONCURRENT} at once, embedded PostgreSQL, fsync on`
    return [
      ...results('settlements', settled, `${detail}: ended + posted, sold before`),
      ...results('postings', whole, `${detail}: sold + ended + posted`),
    ]
  } finally {
    await storage.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Writes the records of each call one after the other, each once the one before is durable. */
async function write(
  calls: readonly CallRecord[],
  records: readonly ((call: CallRecord) => Promise<void>)[],
): Promise<Run> {
  const waits: number[] = []
  let next = 0
  const line = async (): Promise<void> => {
    for (let call: CallRecord | undefined; (call = calls[next++]);)
      for (const record of records) {
        const start = performance.now()
        await record(call)
        waits.push(performance.now() - start)
      }
  }
  const cpu = process.cpuUsage()
  const start = performance.now()
  await Promise.all(Array.from({ length: CONCURRENT }, line))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpu: (user + system) / calls.length, waits: waits.toSorted((a, b) => a - b) }
}

function results(name: string, { seconds, cpu, waits }: Run, detail: string): BenchResult[] {
  const at = (share: number): number => waits[Math.floor(waits.length * share)]!
  const load = 'from write to durable, at that load'
  return [
    { name: `ledger.${name}`, value: CALLS / seconds, unit: '1/s', detail },
    { name: `ledger.${name}.durable.p50`, value: at(0.5), unit: 'ms', detail: load },
    { name: `ledger.${name}.durable.p99`, value: at(0.99), unit: 'ms', detail: load },
    {
      name: `ledger.${name}.cpu`,
      value: cpu,
      unit: 'us',
      detail: 'CPU of this process a call, making the records included',
    },
  ]
}
