import { performance } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So often a thread is looked at, ms. */
export const LOOK_EVERY_MS = 5_000
/** A thread that is at work for less than this share of the time is quiet. */
export const QUIET_BELOW = 0.02
/** Less garbage than that is left where it is, bytes: a collection takes tens of milliseconds, in which nothing is answered. */
export const WORTH_BYTES = 32 * 1024 * 1024

export interface QuietCollectorOptions {
  /** How long its thread is to have been quiet, ms. */
  readonly quietMs: number
  /** Told of each look: the share of the time since the last one that the thread was at work. */
  readonly onLook?: (share: number) => void
  /** This thread's own, but in tests. */
  readonly heap?: { used(): number; collect(): void }
}

/**
 * Collects the garbage of its thread once calls have stopped coming. V8 by itself waits for some 100 s and until then keeps what a rush has
 * left: so what a process takes tells how long ago the rush was, and not what it needs. Once in a quiet time, and only for what is worth it.
 */
export class QuietCollector {
  readonly #options: QuietCollectorOptions
  readonly #heap: { used(): number; collect(): void }
  /** What was in use after the last collection, and the most there has been since. */
  #base: number
  #most: number
  #quietMs = 0

  constructor(options: QuietCollectorOptions) {
    this.#options = options
    this.#heap = options.heap ?? ownHeap()
    this.#base = this.#heap.used()
    this.#most = this.#base
  }

  /** Looks again and again, for as long as the thread has something else to live for. */
  start(): void {
    let before = performance.eventLoopUtilization()
    setInterval(() => {
      const now = performance.eventLoopUtilization()
      this.look(performance.eventLoopUtilization(now, before).utilization, LOOK_EVERY_MS)
      before = now
    }, LOOK_EVERY_MS).unref()
  }

  /** `share` of the last `ms` its thread was at work. */
  look(share: number, ms: number): void {
    this.#options.onLook?.(share)
    this.#most = Math.max(this.#most, this.#heap.used())
    this.#quietMs = share < QUIET_BELOW ? this.#quietMs + ms : 0
    if (this.#quietMs < this.#options.quietMs || this.#most - this.#base < WORTH_BYTES) return
    this.#heap.collect()
    this.#base = this.#heap.used()
    this.#most = this.#base
  }
}

function ownHeap(): { used(): number; collect(): void } {
  let collect: (() => void) | null = null
  return {
    used: () => getHeapStatistics().used_heap_size,
    collect() {
      if (collect === null) {
        // V8 hands it to contexts made after that, and to nobody else.
        setFlagsFromString('--expose-gc')
        collect = runInNewContext('gc') as () => void
      }
      collect()
    },
  }
}
