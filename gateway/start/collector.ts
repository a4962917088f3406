import { setFlagsFromString } from 'node:v8'
import { QuietCollector } from '../sip-server/quiet-collector.ts'

/** Garbage may pile up to so much of what is alive, percent, before the old generation is collected. */
const GROWTH_PERCENT = 100
/** The same while the main thread is at work for more than `BUSY_ABOVE` of the time, until it is so for less than `BUSY_UNTIL`. */
const BUSY_GROWTH_PERCENT = 300
const BUSY_ABOVE = 0.5
const BUSY_UNTIL = 0.4
/** The main thread's garbage is collected when it has been quiet for so long, ms. */
const QUIET_MS = 10_000

/** Half a young generation, MB, when nobody asks for another: V8's own choice on 64 bits. */
const SEMI_SPACE_MB = 16

/**
 * Sets how all threads of this process collect garbage. Called before any other thread starts.
 *
 * - Under load V8 lets the old generation grow to four times what is alive, for the least work. Twice costs the
 *   main thread about 1 % of a core at 250 calls/s, and takes 65 MB less there. At 900/s it costs V8's helpers a third more, of
 *   which there is nothing to spare: then it may be four times.
 * - `--max-semi-space-size` would go before every thread's own limit, and a relay, whose garbage is nothing, take the 64 MB
 *   of young generation that signalling is given. The main thread has had its own by now.
 */
export function tuneCollector(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
  setFlagsFromString('--max-semi-space-size=0')
  const growth = new Growth((percent) => setFlagsFromString(`--heap-growing-percent=${percent}`))
  new QuietCollector({ quietMs: QUIET_MS, onLook: (share) => growth.look(share) }).start()
}

/** How much garbage may pile up, by how busy the main thread is. V8 asks for it after each collection. */
export class Growth {
  readonly #set: (percent: number) => void
  #isBusy = false

  constructor(set: (percent: number) => void) {
    this.#set = set
  }

  /** `share` of the time the main thread was at work. */
  look(share: number): void {
    const isBusy = share > (this.#isBusy ? BUSY_UNTIL : BUSY_ABOVE)
    if (isBusy === this.#isBusy) return
    this.#isBusy = isBusy
    this.#set(isBusy ? BUSY_GROWTH_PERCENT : GROWTH_PERCENT)
  }
}

/** The young generation the main thread was started with, MB, as a worker's `maxYoungGenerationSizeMb`: that of another thread which signals. */
export function youngGenerationMb(nodeFlags: readonly string[] = process.execArgv): number {
  const asked = nodeFlags.flatMap((flag) => /^--max[-_]semi[-_]space[-_]size=(\d+)$/.exec(flag)?.[1] ?? []).at(-1)
  // V8 counts two halves, and as much again for large objects.
  return 3 * (Number(asked) || SEMI_SPACE_MB)
}
