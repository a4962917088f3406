import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { QuietCollector, WORTH_BYTES } from '../../../gateway/sip-server/quiet-collector.ts'

const COLLECTOR = new URL('../../../gateway/sip-server/quiet-collector.ts', import.meta.url).href
const MB = 1024 * 1024

/** Looks every 5 s at a heap of which `alive` stays when it is collected. */
function watched(alive = 50 * MB) {
  const heap = { bytes: alive, collections: 0 }
  const collector = new QuietCollector({
    quietMs: 10_000,
    heap: {
      used: () => heap.bytes,
      collect() {
        heap.collections++
        heap.bytes = alive
      },
    },
  })
  return { heap, look: (share: number) => collector.look(share, 5_000) }
}

describe('The garbage of a quiet thread', () => {
  it('is collected once, when it has been quiet for long enough', () => {
    const { heap, look } = watched()
    heap.bytes += 2 * WORTH_BYTES
    for (const [share, collections] of [
      [0.6, 0],
      [0.01, 0],
      [0.01, 1],
      [0.01, 1],
      [0, 1],
    ] as const) {
      look(share)
      assert.equal(heap.collections, collections)
    }
  })

  it('stays while there is any work, however little', () => {
    const { heap, look } = watched()
    heap.bytes += 2 * WORTH_BYTES
    for (let i = 0; i < 10; i++) look(i % 2 === 0 ? 0.001 : 0.05)
    assert.equal(heap.collections, 0)
  })

  it('stays where it is too little to be worth a pause', () => {
    const { heap, look } = watched()
    heap.bytes += WORTH_BYTES - 1
    for (let i = 0; i < 10; i++) look(0)
    assert.equal(heap.collections, 0)
    heap.bytes++
    look(0)
    assert.equal(heap.collections, 1)
  })

  it('is collected though V8 had collected a part of it by itself', () => {
    const { heap, look } = watched()
    heap.bytes += 2 * WORTH_BYTES
    look(0.6)
    heap.bytes -= 2 * WORTH_BYTES - MB
    look(0)
    look(0)
    assert.equal(heap.collections, 1)
  })

  it('is collected for real, on a thread of its own too', async () => {
    const work = `
      const { QuietCollector } = await import(${JSON.stringify(COLLECTOR)})
      const collector = new QuietCollector({ quietMs: 10_000 })
      let kept = Array.from({ length: 2_000_000 }, (_, i) => ({ i, text: [i] }))
      collector.look(0.9, 5_000)
      const full = process.getBuiltinModule('v8').getHeapStatistics().used_heap_size
      kept = null
      collector.look(0, 10_000)
      const left = process.getBuiltinModule('v8').getHeapStatistics().used_heap_size
      console.log(JSON.stringify({ full, left, global: typeof gc }))
    `
    const inThread = `
      import { Worker } from 'node:worker_threads'
      new Worker(${JSON.stringify(`(async () => {${work}})()`)}, { eval: true })
    `
    for (const script of [work, inThread]) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
      const { full, left, global } = JSON.parse(stdout) as { full: number; left: number; global: string }
      assert.ok(full > 100 * MB, stdout)
      assert.ok(left < full / 4, stdout)
      assert.equal(global, 'undefined', 'nobody else is handed it')
    }
  })
})
