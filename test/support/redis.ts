import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { findFreePort } from '../../sipp/free-port.ts'

/** A real redis-server on a free port of the loopback, that keeps nothing on the disk. */
export class RedisServer {
  readonly port: number
  readonly #args: readonly string[]
  #process: ChildProcess | null = null

  constructor(port: number, args: readonly string[] = []) {
    this.port = port
    this.#args = args
  }

  static async start(): Promise<RedisServer> {
    // None that the kernel gives away: whoever asks for one while it is down would meet himself there.
    const server = new RedisServer(await findFreePort('127.0.0.1'))
    await server.start()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#process!.pid!
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...this.#args]
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = child
    const failed = once(child, 'error').then(([error]) => {
      throw new Error(`redis-server (Debian: redis-server) cannot be run: ${(error as Error).message}`)
    })
    const lines = createInterface({ input: child.stdout })
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => line.includes('Ready to accept connections') && resolve())
      child.once('exit', () => reject(new Error('redis-server ended before it served')))
    })
    await Promise.race([ready, failed])
    failed.catch(() => {})
  }

  /** As a power cut would: what was in its memory is gone. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child) return
    this.#process = null
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
