import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { findFreePort } from '../../sipp/free-port.ts'
import { PeerProcess } from './peer-process.ts'
import type { Softphone, SoftphoneOptions } from './softphone.ts'
import { buildToneWav, isQuiet, readWav, tonesIn } from './tones.ts'
import { clockMs, type Voice } from './voice.ts'

const MODULES = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'].find((folder) => existsSync(folder))
/** Its microphone is a file; a story is over before that ends. */
const TONE_SECONDS = 60
/** Samples a second and channels of its files are as its codec has them. */
const G711_SOUND = [8000, 1] as const
const OPUS_SOUND = [48_000, 2] as const
/** What is looked at of the end of its recording: 20 ms, 16-bit at 8000 Hz. */
const LAST_BYTES = 320
const RECORDING = /^dump-.*-dec\.wav$/

export interface BaresipOptions extends SoftphoneOptions {
  /** Its own address: a carrier's, that is known by it. Default 127.0.0.1. */
  readonly address?: string
  /** The one codec it speaks. Default: G.711, both laws. */
  readonly codec?: 'opus'
}

/** baresip (Debian: baresip-core), told what to do over its control port. */
export class Baresip implements Softphone, Voice {
  #isMute = false
  readonly #peer: PeerProcess
  readonly #control: Socket

  private constructor(peer: PeerProcess, control: Socket) {
    this.#peer = peer
    this.#control = control
    control.on('error', () => {}) // It has ended; what it said tells.
    control.resume()
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    const controlPort = await findFreePort('127.0.0.1')
    const peer = await PeerProcess.start(
      'baresip',
      (folder) => ({
        accounts: account(options),
        config: config(options, folder, controlPort),
        contacts: options.contact === undefined ? '' : `"Colleague" <${options.contact}>;presence=p2p\n`,
        'tone.wav': buildToneWav(options.toneHz, TONE_SECONDS, ...(options.codec ? OPUS_SOUND : G711_SOUND)),
      }),
      (folder) => ['-f', folder, '-v', '-s'],
      /\[[\d:]+\] audio=\S+ \(bit\/s\) */g,
    )
    try {
      await peer.waitFor(/baresip is ready/)
      const control = connect(controlPort, '127.0.0.1')
      await once(control, 'connect')
      return new Baresip(peer, control)
    } catch (error) {
      await peer.close()
      throw error
    }
  }

  get said(): string {
    return this.#peer.said
  }
  get mark(): number {
    return this.#peer.mark
  }
  waitFor(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return this.#peer.waitFor(pattern, from)
  }

  dial(uri: string): void {
    this.#command('dial', uri)
  }
  hold(): Promise<void> {
    return this.#renegotiate('hold')
  }
  resume(): Promise<void> {
    return this.#renegotiate('resume')
  }
  key(digit: string): void {
    this.#command('sndcode', digit)
  }
  transfer(uri: string): void {
    this.#command('transfer', uri)
  }
  message(text: string): void {
    this.#command('message', text)
  }
  hangUp(): void {
    this.#command('hangup')
  }

  async tonesHeard(): Promise<Map<number, number>> {
    const all = new Map<number, number>()
    // A new file whenever its audio starts, as after a hold.
    for (const name of await readdir(this.#peer.folder)) {
      if (!RECORDING.test(name)) continue
      const heard = tonesIn(readWav(await readFile(join(this.#peer.folder, name))))
      for (const [hz, ms] of heard) all.set(hz, (all.get(hz) ?? 0) + ms)
    }
    return all
  }

  async setMute(isMute: boolean): Promise<number> {
    if (isMute !== this.#isMute) this.#command('mute')
    this.#isMute = isMute
    return clockMs()
  }

  /** It writes down what it hears as it hears it: this looks at the end of that. */
  async quietSince(ms: number): Promise<number | null> {
    const recordings = (await readdir(this.#peer.folder)).filter((name) => RECORDING.test(name)).toSorted()
    const file = await open(join(this.#peer.folder, recordings.at(-1)!))
    try {
      const { size } = await file.stat()
      const last = Buffer.alloc(LAST_BYTES)
      await file.read(last, 0, LAST_BYTES, size - LAST_BYTES)
      const samples = Int16Array.from({ length: LAST_BYTES / 2 }, (_, i) => last.readInt16LE(2 * i))
      return isQuiet(samples) ? Math.max(ms, clockMs()) : null
    } finally {
      await file.close()
    }
  }

  async close(): Promise<void> {
    this.#control.destroy()
    await this.#peer.close()
  }

  async #renegotiate(command: string): Promise<void> {
    const { mark } = this
    this.#command(command)
    await this.waitFor(/call: got SDP answer/, mark)
  }

  /** As its module ctrl_tcp wants it: JSON in netstrings. */
  #command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params })
    this.#control.write(`${Buffer.byteLength(json)}:${json},`)
  }
}

function account({ server, transport, username, password, registers, answers, srtp, codec }: BaresipOptions): string {
  const address = `<sip:${username}@${server.host}:${server.port};transport=${transport}>`
  const expires = registers === false ? 0 : 60
  return `${address};auth_user=${username};auth_pass="${password}";answermode=${answers === false ? 'manual' : 'auto'};regint=${expires}${srtp ? ';mediaenc=srtp-mand' : ''}${codec ? ';audio_codecs=opus/48000/2' : ''}\n`
}

function config(options: BaresipOptions, folder: string, controlPort: number): string {
  const address = options.address ?? '127.0.0.1'
  const lines = [
    `sip_listen ${address}:0`,
    `net_interface ${address}`,
    ...(options.trusted === undefined ? [] : [`sip_cafile ${options.trusted}`]),
    `module_path ${MODULES}`,
    ...[options.codec ?? 'g711', 'aufile', 'aubridge', 'sndfile', 'srtp', 'account'].map((name) => `module ${name}.so`),
    ...['menu', 'ctrl_tcp', 'contact', 'presence'].map((name) => `module_app ${name}.so`),
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    `snd_path ${folder}`,
    `audio_source aufile,${join(folder, 'tone.wav')}`,
    'audio_player aubridge,nil',
    'audio_alert aubridge,nil',
  ]
  return `${lines.join('\n')}\n`
}
