import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const COMPILER = new URL('../../../gateway/start/compiler.ts', import.meta.url).href

/** V8's OptimizationStatus (src/runtime/runtime.h), as its own tests read it. */
const TURBOFANNED = 1 << 6

/** A thread that calls a function so often as it is told, and says what V8 has made of it by then. */
const WORKER = `
  const { parentPort, workerData } = process.getBuiltinModule('worker_threads')
  const { setTimeout: sleep } = process.getBuiltinModule('timers/promises')
  const mix = (a, b, c) => {
    const d = (a * 31 + b) | 0
    const e = (b * 17 + c) | 0
    const f = (c * 13 + d) | 0
    const g = d ^ e ^ f
    const h = (g >>> 3) + (e << 2)
    const k = (h * 7 + f) | 0
    return k > 0 ? k % 1009 : -k % 997
  }
  void (async () => {
    for (let calls = 1; calls <= workerData; calls++) {
      mix(calls, calls + 1, calls + 2)
      if (calls % 500 === 0) await sleep(5) // What compiles has a thread of its own.
    }
    let status = 0
    for (let i = 0; i < 20 && (status & ${TURBOFANNED}) === 0; i++) {
      await sleep(50)
      mix(0, 1, 2)
      status = %GetOptimizationStatus(mix)
    }
    parentPort.postMessage(status)
  })()
`

/** Whether TurboFan has had a go at a function of another thread after so many calls. */
async function isTurboFanned(calls: number, isTuned: boolean): Promise<boolean> {
  const script = `
    import { Worker } from 'node:worker_threads'
    import { tuneCompiler } from ${JSON.stringify(COMPILER)}
    ${isTuned ? 'tuneCompiler()' : ''}
    const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData: ${calls} })
    worker.on('message', (status) => console.log(status))
  `
  const flags = ['--allow-natives-syntax', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  return (Number(stdout) & TURBOFANNED) !== 0
}

describe('The compiler', () => {
  it('has TurboFan wait until a function has been called most, as V8 by itself does not', async () => {
    assert.equal(await isTurboFanned(20_000, false), true)
    assert.equal(await isTurboFanned(20_000, true), false)
    assert.equal(await isTurboFanned(45_000, true), true)
  })
})
