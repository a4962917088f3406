import { readdirSync, readFileSync } from 'node:fs'

/** What processes have taken of the processors so far, all their threads together, in µs; null where the system does not tell (Linux does). */
export function processorTimeUs(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + timeOf(pid), 0)
  } catch {
    return null // One of them is gone, or there is no /proc.
  }
}

function timeOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000)
    .reduce((sum, us) => sum + us, 0)
}
