import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** What the machine's cores are for while two things are measured beside each other (Linux; elsewhere the system decides). */

/** Of the thing that is measured, and of what loads it. */
export const CORES = { measured: '0', load: `1-${availableParallelism() - 1}`, all: `0-${availableParallelism() - 1}` }

export function hasCoresToShare(): boolean {
  return availableParallelism() > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).error === undefined
}

/** Keeps all threads of a process, and those it is yet to start, on these cores. */
export function keepOn(cores: string, pid: number): void {
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' })
}

/** How long the threads of a process were ready to run and had no core, ms. */
export function waitedForCoreMs(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[1]) / 1e6)
      .reduce((sum, ms) => sum + ms, 0)
  } catch {
    return NaN // Not Linux.
  }
}

/** Time of all cores together that a virtual machine's host gave to others, ms. */
export function stolenMs(): number {
  try {
    return Number(/^cpu +(?:\d+ +){7}(\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))![1]) * 10
  } catch {
    return NaN
  }
}
