import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const STOP_LIMIT_MS = 20_000
const POLL_MS = 5

/**
 * Stops these processes: still there, and deaf and dumb until `thaw`. Resolves once each of their threads stands still, of which
 * each takes notice in its own time. Without /proc (not Linux) it cannot tell, and does not wait.
 */
export async function freeze(...pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const deadline = performance.now() + STOP_LIMIT_MS
  for (const pid of pids)
    while (threadStates(pid).some((state) => !isStill(state))) {
      if (performance.now() > deadline) throw new Error(`process ${pid} did not stop: ${threadStates(pid).join('')}`)
      await sleep(POLL_MS)
    }
}

/** Lets them go on. Whoever has ended meanwhile is passed over. */
export function thaw(...pids: readonly number[]): void {
  for (const pid of pids)
    try {
      process.kill(pid, 'SIGCONT')
    } catch {
      // It is gone.
    }
}

/** Stops a process, and then all it has started: it starts nothing more that would not be stopped. All of them. */
export async function freezeTree(pid: number): Promise<number[]> {
  await freeze(pid)
  const children = childrenOf(pid).map((child) => child.pid)
  await freeze(...children)
  return [pid, ...children]
}

/** What a process has started and is still there, with how each calls itself (Linux). */
export function childrenOf(parent: number): { readonly pid: number; readonly title: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => Number(fieldsOf(`/proc/${name}/stat`)[1]) === parent)
    .map((name) => ({ pid: Number(name), title: read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trimEnd() }))
}

/** Stopped, or dead and gone. */
function isStill(state: string): boolean {
  return 'TtZX'.includes(state)
}

/** A letter for each thread of a process, proc(5). */
function threadStates(pid: number): string[] {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.map((thread) => fieldsOf(`/proc/${pid}/task/${thread}/stat`)[0] ?? 'X')
}

/** The fields of a `stat` of proc(5) from its third, the state, on: the second may hold anything. */
function fieldsOf(path: string): string[] {
  const stat = read(path)
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** '' when whom it is about has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
