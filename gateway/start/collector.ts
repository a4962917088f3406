import { setFlagsFromString } from 'node:v8'

/** Garbage may pile up to so much of what is alive, percent, before the old generation is collected. */
const GROWTH_PERCENT = 130

/** Half a young generation, MB, when nobody asks for another: V8's own choice on 64 bits. */
const SEMI_SPACE_MB = 16

/**
 * Sets how all threads of this process collect garbage. Called before any other thread starts.
 *
 * - Under load V8 lets the old generation grow to four times what is alive, for the least work. With this limit it is looked through once
 *   in some eight seconds at 1,000 calls/s, and its garbage is some 80 MB.
 * - `--max-semi-space-size` would go before every thread's own limit, and a relay, whose garbage is nothing, take the 256 MB
 *   of young generation that the main thread is given, so that a call is over before a second sweep finds it.
 *   `--initial-old-space-size`, by which an old generation is first collected when it comes to what it is under load anyway (V8 looks through it
 *   once what is left to this limit is less than half a young generation), is for those that signal, too. The main thread has had its own of both by now.
 */
export function tuneCollector(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
  setFlagsFromString('--max-semi-space-size=0')
  setFlagsFromString('--initial-old-space-size=0')
}

/** Messages live for milliseconds, calls for longer: a thread that only signals is swept often enough with this. */
const MAX_SIGNALLING_MB = 32

/** The young generation of another thread that signals, MB, as a worker's `maxYoungGenerationSizeMb`: no more than the main thread was started with. */
export function youngGenerationMb(nodeFlags: readonly string[] = process.execArgv): number {
  const asked = nodeFlags.flatMap((flag) => /^--max[-_]semi[-_]space[-_]size=(\d+)$/.exec(flag)?.[1] ?? []).at(-1)
  // V8 counts two halves, and as much again for large objects.
  return 3 * Math.min(Number(asked) || SEMI_SPACE_MB, MAX_SIGNALLING_MB)
}
