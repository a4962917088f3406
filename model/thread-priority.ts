import { getPriority, setPriority } from 'node:os'

/**
 * Nice values, −20 to 19, the least first. Signalling goes before all: each step of a call waits for it, and the SIP server's
 * next message for that. Measured against one value for all three: docs/performance.md.
 */
export const NICE = { signalling: -15, media: -10, sipServer: -8 } as const

/** What the thread had before it went first; null: it has not. */
let usual: number | null = null

/**
 * Has this thread go before others when the processors are busy. Linux alone has a priority for each thread (setpriority(2)), and lets
 * one go down to `nice` who has CAP_SYS_NICE, as root mostly does, or an RLIMIT_NICE of 20 − `nice`. It counts among what shares
 * a cgroup, and a session where the kernel groups by those (sched(7)). False: the system did not let it.
 */
export function goFirst(): boolean {
  if (process.platform !== 'linux') return false
  const before = getPriority()
  if (before <= NICE.signalling) return true
  if (!isNow(NICE.signalling)) return false
  usual = before
  return true
}

/** Starts a thread or a process, which has the priority of whoever starts it, as `nice`; without one, as if nobody had gone first. */
export function startAs<T>(nice: number | 'usual', start: () => T): T {
  if (usual === null) return start()
  isNow(nice === 'usual' ? usual : Math.min(nice, usual))
  try {
    return start()
  } finally {
    isNow(NICE.signalling)
  }
}

function isNow(nice: number): boolean {
  try {
    setPriority(nice)
    return true
  } catch {
    return false
  }
}
