import { setFlagsFromString } from 'node:v8'

/** Garbage may pile up to so much of what is alive, percent, before the old generation is collected. */
const GROWTH_PERCENT = 160

/** Half a young generation, MB, when nobody asks for another: V8's own choice on 64 bits. */
const SEMI_SPACE_MB = 16

/**
 * Sets how all threads of this process collect garbage. Called before any other thread starts.
 *
 * - Under load V8 lets the old generation grow to four times what is alive, for the least work. It begins to mark before it is there, by
 *   two halves of the young one: of 70 MB alive under load, with a limit of twice that, at 105, after a second at 1,000 calls/s. With this
 *   limit the pause between two is twice as long, for some 45 MB of garbage.
 * - `--max-semi-space-size` would go before every thread's own limit, and a relay, whose garbage is nothing, take the 64 MB
 *   of young generation that signalling is given. `--initial-old-space-size`, by which an old generation is first collected when it
 *   comes to what it is under load anyway, is for those that signal, too. The main thread has had its own of both by now.
 */
export function tuneCollector(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
  setFlagsFromString('--max-semi-space-size=0')
  setFlagsFromString('--initial-old-space-size=0')
}

/** The young generation the main thread was started with, MB, as a worker's `maxYoungGenerationSizeMb`: that of another thread which signals. */
export function youngGenerationMb(nodeFlags: readonly string[] = process.execArgv): number {
  const asked = nodeFlags.flatMap((flag) => /^--max[-_]semi[-_]space[-_]size=(\d+)$/.exec(flag)?.[1] ?? []).at(-1)
  // V8 counts two halves, and as much again for large objects.
  return 3 * (Number(asked) || SEMI_SPACE_MB)
}
