import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const LINE_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 5000

/** Whether a program is on this machine; test/run-all.js says which Debian package brings it. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

/** Somebody else's program beside the exchange: in a folder of its own, which is its home too, with all it says kept. */
export class PeerProcess {
  readonly folder: string
  /** All it said, in order, standard error included; but for noise, when that is read. */
  #said = ''
  readonly #noise: RegExp | null
  readonly #program: string
  #child: ChildProcess | null = null
  readonly #listeners = new Set<() => void>()

  private constructor(program: string, noise: RegExp | null) {
    this.#noise = noise
    this.#program = program
    this.folder = mkdtempSync(join(tmpdir(), `dce-${program}-`))
  }

  /** `files` are written into its folder first; `args` are told the folder. `noise` is what nobody wants to read in a failure. */
  static async start(
    program: string,
    files: (folder: string) => Readonly<Record<string, string | Buffer>>,
    args: (folder: string) => readonly string[],
    noise: RegExp | null = null,
  ): Promise<PeerProcess> {
    const peer = new PeerProcess(program, noise)
    for (const [name, content] of Object.entries(files(peer.folder))) {
      const path = join(peer.folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    }
    const child = spawn(program, args(peer.folder), {
      cwd: peer.folder,
      env: { ...process.env, HOME: peer.folder },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => peer.#hear(String(bytes)))
    child.stdin.on('error', () => {}) // It has ended; whoever waits for it says so.
    child.once('exit', (code, signal) => peer.#hear(`\n[${program} ended: ${signal ?? code}]\n`))
    peer.#child = child
    return peer
  }

  get hasExited(): boolean {
    return this.#child!.exitCode !== null || this.#child!.signalCode !== null
  }

  get said(): string {
    return this.#noise === null ? this.#said : this.#said.replaceAll(this.#noise, '')
  }

  /** Where the next `waitFor` may begin to look, for a line that has been said before. */
  get mark(): number {
    return this.#said.length
  }

  write(line: string): void {
    this.#child!.stdin!.write(`${line}\n`)
  }

  /** The first match after `from`, said already or yet to come. Throws with all it said when it is not, or the program ends. */
  waitFor(pattern: RegExp, from = 0, limitMs = LINE_LIMIT_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        act()
      }
      const fail = (why: string): void =>
        settle(() => reject(new Error(`${this.#program} ${why} without saying ${pattern}; it said:\n${this.said}`)))
      const timer = setTimeout(() => fail(`went on for ${limitMs} ms`), limitMs)
      const look = (): void => {
        const found = pattern.exec(this.#said.slice(from))
        if (found) settle(() => resolve(found))
        else if (this.hasExited) fail('ended')
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** Ends it, by a word of its own if it has one, then by signals; and removes its folder. Idempotent. */
  async close(goodbye?: string): Promise<void> {
    if (!this.hasExited) {
      const child = this.#child!
      const exited = once(child, 'exit')
      if (goodbye === undefined) child.kill('SIGTERM')
      else this.write(goodbye)
      const timers = [
        setTimeout(() => child.kill('SIGTERM'), STOP_LIMIT_MS),
        setTimeout(() => child.kill('SIGKILL'), 2 * STOP_LIMIT_MS),
      ]
      await exited
      timers.forEach(clearTimeout)
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  #hear(text: string): void {
    this.#said += text
    for (const look of this.#listeners) look()
  }
}
