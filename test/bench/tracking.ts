import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallRecord } from '../../model/cdr.ts'
import { systemClock } from '../../model/clock.ts'
import { hashSecret } from '../../accounts/credentials.ts'
import { openStorage, type Storage } from '../../storage/storage.ts'
import { startApi } from '../support/api-harness.ts'
import { conversionRules, endedByConversion } from '../support/conversions.ts'
import { createMemoryStores } from '../support/memory-stores.ts'
import { callRecord, insertAccounts } from '../support/records.ts'
import { Asking } from './asking.ts'
import type { BenchResult } from './bench-result.ts'

const CALLS = 5_000
const CONNECTIONS = 64
const RATES = [200, 1_000]
const MILLISECONDS = 5_000

/**
 * How long a report of a call waits for its answer: over real HTTP, synced to the disk, and moved on to the embedded PostgreSQL meanwhile.
 * Of calls that were reported on before, and each of another, which the database is asked for.
 */
export async function run(): Promise<BenchResult[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dce-bench-'))
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const clock = systemClock
  const options = {
    databaseUrl: null,
    dataDir,
    gatewayId: 'bench',
    log,
    clock,
    onBookChange: () => {},
    minFreeBytes: 0,
  }
  const storage = await openStorage(options)
  try {
    return await measure(storage)
  } finally {
    await storage.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measure(storage: Storage): Promise<BenchResult[]> {
  await insertAccounts(storage.queries)
  const intake = storage.intake(conversionRules().rules)
  await intake.start()
  const { calls, accounts, tracking } = storage.stores
  const api = await startApi({
    stores: Object.assign(createMemoryStores(), { calls, accounts, tracking }),
    tracking: { mayMissCalls: () => false, add: (event, isChecked) => intake.add(event, isChecked) },
    apiKeys: { generate: () => ({ secret: 'dce_bench', hash: hashSecret('dce_bench') }), hash: hashSecret },
  })
  const client = new Asking()
  try {
    const buyer = await api.person('buyer')
    const token = 'dce_bench'
    await api.request('POST', `accounts/${buyer.account.id}/api-keys`, { token: buyer.token, json: { name: 'bench' } })
    const ids = await write(storage, buyer.account.id)
    const ask = (perSecond: number, values: readonly string[], milliseconds = MILLISECONDS) =>
      client.measure({
        url: `${api.url}/track/conversion`,
        token,
        method: 'POST',
        body: '{"call_id":"{value}","transaction_id":"{n}"}',
        values,
        expected: [200, 202], // Taken unchecked where the database did not answer in time.
        connections: CONNECTIONS,
        perSecond,
        milliseconds,
      })
    const known = ids.splice(0, 100)
    await ask(500, known, 2_000) // Until both sides are compiled and connected, and the file is there.
    const results: BenchResult[] = []
    for (const perSecond of RATES)
      for (const [kind, values] of [
        ['known', known],
        ['looked_up', ids.splice(0, (perSecond * MILLISECONDS) / 2_000)],
      ] as const) {
        const milliseconds = kind === 'known' ? MILLISECONDS : (values.length * 1_000) / perSecond
        const { count, p50, p99, cpuMicros } = await ask(perSecond, values, milliseconds)
        const name = `tracking.${kind}_${perSecond}`
        const detail = `${count} reports at ${perSecond}/s, ${kind === 'known' ? 'of calls reported on before' : 'each of another call'}, synced; embedded PostgreSQL behind`
        results.push(
          { name: `${name}.p50`, value: p50, unit: 'ms', detail },
          { name: `${name}.p99`, value: p99, unit: 'ms', detail },
          { name: `${name}.cpu`, value: cpuMicros, unit: 'us', detail: `CPU of the server for each of ${detail}` },
        )
      }
    await intake.drain()
    const [row] = await storage.queries.rows('select count(*)::int as count from tracking_events')
    if (row!['count'] === 0 || intake.pending > 0) throw new Error('the reports did not come to the database')
    return results
  } finally {
    await client.close()
    await api.api.close()
  }
}

/** Ended calls of this buyer. */
async function write({ writer }: Storage, buyerId: CallRecord['buyerId']): Promise<string[]> {
  const made = Array.from({ length: CALLS }, () => endedByConversion(undefined, {}, callRecord({ buyerId })))
  await Promise.all(made.map(({ record }) => writer.write(record)))
  return made.map(({ call }) => call.id)
}
