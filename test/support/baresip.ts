import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MODULES = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'].find((folder) => existsSync(folder))

export interface BaresipOptions {
  readonly server: { readonly host: string; readonly port: number }
  readonly username: string
  readonly password: string
  readonly transport: 'udp' | 'tcp'
}

/** Whether the baresip softphone is on this machine (Debian: apt-get install baresip-core). */
export function baresipIsInstalled(): boolean {
  return MODULES !== undefined && spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error === undefined
}

/** A softphone that was not written for these tests: it registers, and answers every call by itself with silence. */
export class Baresip {
  readonly #child: ChildProcess
  readonly #folder: string
  /** All it said, its SIP messages included. */
  said = ''

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (bytes: Buffer) => (this.said += String(bytes)))
  }

  static async start({ server, username, password, transport }: BaresipOptions): Promise<Baresip> {
    const folder = mkdtempSync(join(tmpdir(), 'dce-baresip-'))
    const address = `sip:${username}@${server.host}:${server.port};transport=${transport}`
    const account = `<${address}>;auth_user=${username};auth_pass="${password}";answermode=auto;regint=60\n`
    const config = [
      'sip_listen 127.0.0.1:0',
      `module_path ${MODULES}`,
      'module account.so',
      'module g711.so',
      'module aubridge.so',
      'module_app menu.so',
      'audio_source aubridge,nil',
      'audio_player aubridge,nil',
      'net_interface 127.0.0.1',
    ]
    await writeFile(join(folder, 'accounts'), account)
    await writeFile(join(folder, 'config'), `${config.join('\n')}\n`)
    await writeFile(join(folder, 'contacts'), '')
    const child = spawn('baresip', ['-f', folder, '-v', '-s'], { stdio: ['pipe', 'pipe', 'pipe'] })
    return new Baresip(child, folder)
  }

  /** Ends it, letting it unregister. */
  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(timer)
    }
    await rm(this.#folder, { recursive: true, force: true })
  }
}
