import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NICE } from '../../../model/thread-priority.ts'
import { startExchange, type Exchange } from '../../support/exchange.ts'

/** Name and nice value of each thread of a process (proc(5), /proc/pid/stat, field 19). */
function threadsOf(pid: number): { name: string; nice: number }[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8')
    const end = stat.lastIndexOf(')')
    return { name: stat.slice(stat.indexOf('(') + 1, end), nice: Number(stat.slice(end + 2).split(' ')[16]) }
  })
}

function nicesOf(pid: number, name: RegExp): Set<number> {
  return new Set(threadsOf(pid).flatMap((thread) => (name.test(thread.name) ? thread.nice : [])))
}

/** Whether the system lets us at all: root in a container may have been denied it. */
function isAllowed(): boolean {
  const script = `require('node:os').setPriority(0, ${NICE.signalling})`
  return spawnSync(process.execPath, ['--eval', script]).status === 0
}

describe('On a busy machine', () => {
  const [ours] = [...nicesOf(process.pid, /^MainThread$|^node$|^mocha/), 0]
  let exchange: Exchange | null = null
  before(function () {
    if (process.platform !== 'linux') this.skip() // Nowhere else has a thread a priority of its own.
  })

  afterEach(async () => {
    await exchange?.close()
    exchange = null
  })

  it('the threads that carry calls go first, where that is allowed, and nothing else does', async function () {
    const allowed = isAllowed()
    // The publisher of events has a thread where there are brokers.
    exchange = await startExchange(this, { env: { DCE_KAFKA_BROKERS: '127.0.0.1:1' } })
    const { pid, dataDirectory } = exchange.process
    await exchange.says(allowed ? /go before others/ : /the system lets no thread go before others/)
    for (const [name, nice] of [
      [/^MainThread$|^node$/, NICE.signalling],
      [/^sip-server$/, NICE.sipServer],
      [/^relay-\d/, NICE.media],
      [/^V8Worker$/, ours],
      [/^libuv-worker$/, ours],
      [/^outbox$/, ours],
      [/^spool$/, ours],
    ] as const)
      assert.deepEqual(nicesOf(pid, name), new Set([allowed ? nice : ours]), String(name))
    const [postmaster] = readFileSync(join(dataDirectory, 'postgres/postmaster.pid'), 'utf8').split('\n')
    assert.deepEqual(nicesOf(Number(postmaster), /./), new Set([ours]))
  })

  it('they do not when the operator says so', async function () {
    exchange = await startExchange(this, { env: { DCE_SERVER_CALLS_FIRST: 'false' } })
    await exchange.neverSaid(/go before others/)
    assert.deepEqual(nicesOf(exchange.process.pid, /./), new Set([ours]))
  })
})
