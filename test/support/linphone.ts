import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeerProcess } from './peer-process.ts'
import type { Softphone, SoftphoneOptions } from './softphone.ts'
import { buildToneWav, readWav, tonesIn } from './tones.ts'

/** Its microphone is a file; a story is over before that ends. */
const TONE_SECONDS = 60
/** What its audio says twice a second, and the list of its codecs. */
const NOISE = /^\S+ \S+ (?:mediastreamer-|ortp-|bctbx-|liblinphone-message-Codec).*\n/gm

/** Linphone's console phone (Debian: linphone-cli), told what to do on its prompt. It has files for a microphone and an ear. */
export class Linphone implements Softphone {
  readonly #peer: PeerProcess
  readonly #contact: string

  private constructor(peer: PeerProcess, contact = '') {
    this.#peer = peer
    this.#contact = contact
  }

  static async start(options: SoftphoneOptions): Promise<Linphone> {
    const peer = await PeerProcess.start(
      'linphonec',
      () => ({
        linphonerc: config(options),
        'tone.wav': buildToneWav(options.toneHz, TONE_SECONDS),
        // Without this folder for its database it opens no port.
        '.local/share/linphone/.keep': '',
      }),
      // All it logs, SIP included.
      (folder) => ['-c', join(folder, 'linphonerc'), '-d', '5', ...(options.answers === false ? [] : ['-a'])],
      NOISE,
    )
    const phone = new Linphone(peer, options.contact)
    try {
      await peer.waitFor(/linphonec>/)
      // There is no sound card; before the first call.
      phone.#say('soundcard use files')
      await peer.waitFor(/Using wav files/)
      phone.#say(`play ${join(peer.folder, 'tone.wav')}`)
      phone.#say(`record ${join(peer.folder, 'heard.wav')}`)
      return phone
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
    this.#say(`call ${uri}`)
  }
  async hold(): Promise<void> {
    const { mark } = this
    this.#say('pause')
    await this.waitFor(/to LinphoneCallPaused$/m, mark)
  }
  async resume(): Promise<void> {
    const { mark } = this
    this.#say('resume')
    await this.waitFor(/to LinphoneCallStreamsRunning$/m, mark)
  }
  key(digit: string): void {
    this.#say(digit)
  }
  transfer(uri: string): void {
    this.#say(`transfer ${uri}`)
  }
  message(text: string): void {
    this.#say(`chat ${this.#contact} "${text}"`)
  }
  /** An attended transfer (RFC 5589 §7): of its first call to the party of its second. */
  transferToOther(): void {
    this.#say('transfer 1 --to-call 2')
  }
  hangUp(): void {
    this.#say('terminate')
  }

  async tonesHeard(): Promise<Map<number, number>> {
    return tonesIn(readWav(await readFile(join(this.#peer.folder, 'heard.wav'))))
  }

  close(): Promise<void> {
    return this.#peer.close('quit')
  }

  #say(command: string): void {
    this.#peer.write(command)
  }
}

function config({ server, transport, username, password, registers, trusted, srtp }: SoftphoneOptions): string {
  const lines = [
    '[sip]',
    // -1: any free one.
    'sip_port=-1',
    'sip_tcp_port=-1',
    'sip_tls_port=-1',
    'use_ipv6=0',
    'ipv6_migration_done=1',
    'guess_hostname=0',
    'default_proxy=0',
    ...(trusted === undefined ? [] : [`root_ca=${trusted}`]),
    ...(srtp ? ['media_encryption=srtp', 'media_encryption_mandatory=1'] : []),
    '[proxy_0]',
    `reg_proxy=<sip:${server.host}:${server.port};transport=${transport}>`,
    `reg_route=<sip:${server.host}:${server.port};transport=${transport};lr>`,
    `reg_identity=sip:${username}@${server.host}`,
    'reg_expires=60',
    `reg_sendregister=${registers === false ? 0 : 1}`,
    '[auth_info_0]',
    `username=${username}`,
    `passwd=${password}`,
    '[rtp]',
    'audio_rtp_port=-1',
  ]
  return `${lines.join('\n')}\n`
}
