import { setFlagsFromString } from 'node:v8'

/** About so often a function is called before TurboFan, the dearest of V8's compilers, has a go at it; what its loops do counts as well. V8's own choice is 10,000. */
const CALLS_BEFORE_TURBOFAN = 30_000

/**
 * Sets how all threads of this process compile, so that a start under full load is not the worst of a day. Called before any other thread starts.
 *
 * - What is called once a call has 10,000 calls behind it ten seconds after the start at 1,000 calls/s, all of it at once: TurboFan took a
 *   third of a core from callers then. Maglev's code, there long before, is as fast for what a call needs; what is called
 *   ten times a call, and loops, still come first.
 * - V8 notes how a function is used, which is what its compilers go by, from its ninth call on only. That saves memory where most
 *   functions are called a few times; of ours it put off what was to come.
 */
export function tuneCompiler(): void {
  setFlagsFromString(`--invocation-count-for-turbofan=${CALLS_BEFORE_TURBOFAN}`)
  setFlagsFromString('--no-lazy-feedback-allocation')
}
