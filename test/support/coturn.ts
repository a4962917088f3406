import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../../sipp/free-port.ts'
import { isInstalled } from './peer-process.ts'

const START_LIMIT_MS = 30_000

/** coturn on loopback that knows one secret, and checks time-limited credentials by it. */
export class Coturn {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  static isInstalled(): boolean {
    return isInstalled('turnserver') && isInstalled('turnutils_uclient')
  }

  static async start(secret: string): Promise<Coturn> {
    const port = await findFreePort('127.0.0.1')
    const flags = [
      '--no-cli',
      '--no-tls',
      '--no-dtls',
      '--no-multicast-peers',
      '--allow-loopback-peers',
      '--log-file=stdout',
    ]
    const identity = ['--use-auth-secret', `--static-auth-secret=${secret}`, '--realm=dce', '--pidfile=', '-n']
    const place = ['-L', '127.0.0.1', '-E', '127.0.0.1', '-p', String(port), '--min-port=40000', '--max-port=40100']
    const child = spawn('turnserver', [...flags, ...identity, ...place], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (bytes) => (said += bytes))
    child.stderr.on('data', (bytes) => (said += bytes))
    const deadline = performance.now() + START_LIMIT_MS
    while (!said.includes('admin thread')) {
      if (child.exitCode !== null || performance.now() > deadline) {
        child.kill('SIGKILL')
        throw new Error(`coturn did not start:\n${said}`)
      }
      await sleep(50)
    }
    return new Coturn(port, child)
  }

  /** Allocates a relayed address with these credentials and sends a packet through it, as coturn's own client does. */
  allocate(username: string, credential: string): { readonly worked: boolean; readonly said: string } {
    const args = [
      '-y',
      '-u',
      username,
      '-w',
      credential,
      '-n',
      '1',
      '-m',
      '1',
      '-c',
      '-p',
      String(this.port),
      '127.0.0.1',
    ]
    const { status, stdout, stderr } = spawnSync('turnutils_uclient', args, { encoding: 'utf8', timeout: 60_000 })
    return { worked: status === 0, said: stdout + stderr }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
