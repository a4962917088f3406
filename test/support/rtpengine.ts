import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { findFreePort, waitUntilBound } from '../../sipp/free-port.ts'
import { freeze } from './frozen.ts'

const START_LIMIT_MS = 30_000
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
    const port = options.port ?? (await findFreePort(HOST))
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

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Without a farewell: kill -9. */
  async kill(): Promise<void> {
    if (this.hasEnded) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  /** Still there, and deaf and dumb. */
  freeze(): Promise<void> {
    return freeze(this.pid)
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async close(): Promise<void> {
    this.thaw()
    await this.kill()
  }
}
