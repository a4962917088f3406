import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort, waitUntilBound } from '../../sipp/free-port.ts'

const START_LIMIT_MS = 10_000
const HOST = '127.0.0.1'

/** Whether rtpengine is on this machine (Debian: apt-get install rtpengine-daemon). */
export function rtpengineIsInstalled(): boolean {
  return spawnSync('rtpengine', ['--version'], { stdio: 'ignore' }).error === undefined
}

/** A real rtpengine, in userspace, on loopback. */
export class RtpengineProcess {
  readonly host = HOST
  /** Its ng port. */
  readonly port: number
  readonly #child: ChildProcess
  /** All it said. */
  said = ''

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (bytes: Buffer) => (this.said += String(bytes)))
  }

  /** `port`: its ng port, default a free one. `rtpPorts`: where its audio is. */
  static async start(options: { port?: number; rtpPorts?: readonly [number, number] } = {}): Promise<RtpengineProcess> {
    const [first, last] = options.rtpPorts ?? [23_000, 23_999]
    let port = options.port ?? (await findFreePort(HOST))
    // It would give its own ng port to a call: it binds with SO_REUSEADDR.
    while (!options.port && port >= first && port <= last) port = await findFreePort(HOST)
    const args = [
      '--config-file=none',
      '--foreground',
      '--log-stderr',
      '--log-level=4',
      '--table=-1',
      `--interface=${HOST}`,
      `--listen-ng=${HOST}:${port}`,
      `--port-min=${first}`,
      `--port-max=${last}`,
      '--num-threads=1',
      '--delete-delay=0',
      '--endpoint-learning=immediate',
    ]
    const engine = new RtpengineProcess(port, spawn('rtpengine', args, { stdio: ['ignore', 'pipe', 'pipe'] }))
    const ended = once(engine.#child, 'exit').then(() => false)
    if (!(await Promise.race([waitUntilBound('udp', HOST, port, START_LIMIT_MS), ended]))) {
      await engine.close()
      throw new Error(`rtpengine did not listen:\n${engine.said}`)
    }
    return engine
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Without a farewell: kill -9. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  /** Still there, and deaf and dumb: SIGSTOP, of which each of its threads takes notice in its own time. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP')
    const deadline = performance.now() + START_LIMIT_MS
    while (threadStates(this.pid).some((state) => state !== 'T')) {
      if (performance.now() > deadline) throw new Error('rtpengine did not stop')
      await sleep(5)
    }
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async close(): Promise<void> {
    this.thaw()
    await this.kill()
  }
}

/** A letter for each thread of a process, proc(5): T is stopped. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
    return stat.charAt(stat.lastIndexOf(')') + 2)
  })
}
