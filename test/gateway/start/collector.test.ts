import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { youngGenerationMb } from '../../../gateway/start/collector.ts'

const COLLECTOR = new URL('../../../gateway/start/collector.ts', import.meta.url).href

/** A thread that keeps what it makes until the young generation is full: `new_space` tells how large that has become. */
const WORKER = `
  const { getHeapSpaceStatistics } = process.getBuiltinModule('v8')
  const kept = []
  for (let i = 0; i < 2_000_000; i++) kept[i % 50_000] = { i }
  const space = getHeapSpaceStatistics().find((each) => each.space_name === 'new_space')
  process.getBuiltinModule('worker_threads').parentPort.postMessage(space.space_size)
`

/** The young generation, bytes, of a worker limited to 3 MB in a process started with 32 MB for each. */
async function youngGenerationOf(isTuned: boolean): Promise<number> {
  const script = `
    import { Worker } from 'node:worker_threads'
    import { tuneCollector } from ${JSON.stringify(COLLECTOR)}
    ${isTuned ? 'tuneCollector()' : ''}
    const limits = { maxYoungGenerationSizeMb: 3 }
    const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, resourceLimits: limits })
    worker.on('message', (bytes) => console.log(bytes))
  `
  const flags = ['--max-semi-space-size=32', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  return Number(stdout)
}

/** A thread that keeps what it makes for a while, until some 100 MB of it have grown old: how often has all of it been collected? */
const OLD_GARBAGE = `
  const { PerformanceObserver, constants } = process.getBuiltinModule('perf_hooks')
  const { setTimeout: sleep } = process.getBuiltinModule('timers/promises')
  let collections = 0
  const count = (list) => (collections += list.getEntries().filter((each) => each.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length)
  new PerformanceObserver(count).observe({ entryTypes: ['gc'] })
  const kept = []
  void (async () => {
    for (let i = 0; i < 3_000_000; i++) {
      kept[i % 300_000] = { i }
      if (i % 100_000 === 0) await sleep(5)
    }
    await sleep(50)
    process.getBuiltinModule('worker_threads').parentPort.postMessage(collections)
  })()
`

/** Collections of all a thread has, in a process whose main thread has room for 160 MB before its first. */
async function collectionsOf(isTuned: boolean): Promise<number> {
  const script = `
    import { Worker } from 'node:worker_threads'
    import { tuneCollector } from ${JSON.stringify(COLLECTOR)}
    ${isTuned ? 'tuneCollector()' : ''}
    const worker = new Worker(${JSON.stringify(OLD_GARBAGE)}, { eval: true, resourceLimits: { maxYoungGenerationSizeMb: 3 } })
    worker.on('message', (collections) => console.log(collections))
  `
  const flags = ['--initial-old-space-size=160', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  return Number(stdout)
}

describe('The collector', () => {
  it("collects a thread's old garbage as soon as ever, whatever room the main thread was given", async () => {
    assert.equal(await collectionsOf(false), 0)
    assert.ok((await collectionsOf(true)) > 0)
  })

  it("leaves each thread its own limit, whatever the main thread's is", async () => {
    const MB = 1024 * 1024
    assert.ok((await youngGenerationOf(false)) > 4 * MB)
    assert.ok((await youngGenerationOf(true)) <= 2 * MB)
  })

  it('gives a thread that signals as much as the main thread was given, up to what it has use for', () => {
    assert.equal(youngGenerationMb(['--max-semi-space-size=8', '--inspect']), 24)
    assert.equal(youngGenerationMb(['--max-semi-space-size=64']), 96)
    assert.equal(youngGenerationMb(['--max-semi-space-size=8', '--max_semi_space_size=32']), 96)
  })

  it("goes by V8's own size when none was asked for", () => {
    assert.equal(youngGenerationMb([]), 48)
    assert.equal(youngGenerationMb(['--max-semi-space-size=0']), 48)
  })
})
