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

/** Calls sold, ended and posted through the one writer into the embedded PostgreSQL, fsync on: three ledger entries a call. */
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
    const calls = Array.from({ length: CALLS }, () => callRecord())
    const waits: number[] = []
    const durable = async (write: Promise<void>): Promise<void> => {
      const start = performance.now()
      await write
      waits.push(performance.now() - start)
    }
    let next = 0
    const line = async (): Promise<void> => {
      for (let call: CallRecord | undefined; (call = calls[next++]);) {
        await durable(storage.writer.write(soldRecord(call)))
        await durable(storage.writer.write(endedRecord(call)))
      }
    }
    const cpu = process.cpuUsage()
    const start = performance.now()
    await Promise.all(Array.from({ length: CONCURRENT }, line))
    const seconds = (performance.now() - start) / 1000
    const used = process.cpuUsage(cpu)
    const verified = await storage.stores.ledger.verify()
    if (verified.unbalanced.length > 0 || verified.postings !== CALLS) throw new Error('the ledger does not add up')
    waits.sort((a, b) => a - b)
    const at = (share: number): number => waits[Math.floor(waits.length * share)]!
    const detail = `${CALLS} calls, ${CONCURRENT} at once, sold + ended + posting each, embedded PostgreSQL, fsync on`
    return [
      { name: 'ledger.postings', value: CALLS / seconds, unit: '1/s', detail },
      { name: 'ledger.durable.p50', value: at(0.5), unit: 'ms', detail: 'from write to durable, at that load' },
      { name: 'ledger.durable.p99', value: at(0.99), unit: 'ms', detail: 'from write to durable, at that load' },
      {
        name: 'ledger.cpu',
        value: (used.user + used.system) / CALLS,
        unit: 'us',
        detail: 'CPU of this process a call, making the records included',
      },
    ]
  } finally {
    await storage.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
