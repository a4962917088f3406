import { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import { BlockList } from 'node:net'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

// Loaded into an exchange by NODE_OPTIONS=--import=…. Told SIGUSR2, it collects its main thread's young generation and says, a line of its
// log, how many of the objects made since the last time are still held, and how often the old generation was collected meanwhile, which
// lets go of all that is over. What is counted hangs a native object on itself: V8 counts their handles.

/** What lives for a call, by what it is called: legs, dialogs, messages, and a session of the relay. */
const OF_A_CALL = ['CallerLeg', 'Dialog', 'Request', 'Response', 'RelaySession']
const HANDLE_BYTES = 32
/** What the collector does is told some turns of the loop later. */
const TOLD_MS = 50
/** What else comes and goes has fewer handles than a tenth of this. */
const HANDLES_EACH = 20

/** Not in Node's declarations: what makes an object an emitter, the constructor's too. */
type Init = (this: EventEmitter & { [KEPT]?: BlockList[] }, options?: object) => void
const KEPT = Symbol('native objects')

/** Nor what an entry of the kind `gc` tells. */
interface Collection {
  readonly detail: { readonly kind: number }
}

if (isMainThread && process.argv[2] === 'start') watch()

function watch(): void {
  setFlagsFromString('--expose-gc')
  const collect: (options: { type: 'minor' }) => void = runInNewContext('gc')
  const made = new Map<string, number>()
  let majors = 0
  let before = handles()
  const emitter = EventEmitter as unknown as { init: Init }
  const { init } = emitter
  emitter.init = function (options) {
    init.call(this, options)
    const { name } = this.constructor
    if (!OF_A_CALL.includes(name)) return
    made.set(name, (made.get(name) ?? 0) + 1)
    this[KEPT] = Array.from({ length: HANDLES_EACH }, () => new BlockList())
  }
  new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as unknown as Collection[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) majors++
  }).observe({ entryTypes: ['gc'] })
  process.on('SIGUSR2', () => {
    // The first makes what it finds a second time old, which it must not: what is young and over is gone with the first.
    for (let i = 0; i < 2; i++) collect({ type: 'minor' })
    setTimeout(() => {
      const now = handles()
      const fewest = Math.min(...OF_A_CALL.map((name) => made.get(name) ?? 0))
      const all = [...made.values()].reduce((sum, each) => sum + each, 0)
      const left = Math.round((now - before) / HANDLES_EACH)
      writeSync(1, `left behind: ${left} of ${all}, ${fewest} of each at least, ${majors} majors\n`)
      ;[majors, before] = [0, now]
      made.clear()
    }, TOLD_MS)
  })
}

function handles(): number {
  return getHeapStatistics().used_global_handles_size / HANDLE_BYTES
}
