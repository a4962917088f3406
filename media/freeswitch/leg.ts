import { EventEmitter } from 'node:events'
import type { MediaStats } from '../../model/cdr.ts'
import { MediaUnavailable, UnacceptableMedia, type Sdp } from '../media-server.ts'
import { carriesSpeech, type Codec } from '../payload-types.ts'
import { readDescription, type Description } from '../sdp-reading.ts'
import { within } from './deadline.ts'
import { safeText, safeWord } from './event-socket-text.ts'
import type { FsEndpoint } from './fsmrf.ts'
import { readStats } from './leg-stats.ts'
import type { PartyDescription } from './party-description.ts'

export interface LegLimits {
  /** What FreeSWITCH has modules for, as far as it has said. */
  readonly codecs: () => readonly Codec[] | null
  readonly commandTimeoutMs: number
  readonly playTimeoutMs: number
}

/** Which of FreeSWITCH's API commands we use. All of them name a channel first. */
type Command =
  'uuid_break' | 'uuid_kill' | 'uuid_record' | 'uuid_send_dtmf' | 'uuid_setvar' | 'uuid_dump' | 'uuid_set_media_stats'

/**
 * One channel of FreeSWITCH, which is one party's audio: its SIP dialog with us and its own event socket. Everything asked of it ends:
 * with its answer, with MediaUnavailable after a deadline, or when the channel is gone. Emits `gone` once, unless we closed it.
 */
export class FreeSwitchLeg extends EventEmitter<{ gone: [cause: string]; digit: [digit: string, durationMs: number] }> {
  readonly #endpoint: FsEndpoint
  readonly #limits: LegLimits
  readonly #gone = Promise.withResolvers<never>()
  #isGone = false
  #dialogIsOver = false
  #isEavesdropping = false
  #onBridge: () => void = () => undefined
  #closing: Promise<void> | null = null
  readonly #party: PartyDescription
  /** What the party has said, as FreeSWITCH knows it. */
  #told: Sdp | null

  constructor(endpoint: FsEndpoint, party: PartyDescription, told: Sdp | null, limits: LegLimits) {
    super()
    this.#endpoint = endpoint
    this.#party = party
    this.#told = told
    this.#limits = limits
    this.#gone.promise.catch(() => undefined) // Somebody may be waiting, or nobody.
    endpoint.conn?.subscribe('CHANNEL_BRIDGE')
    endpoint.conn?.on(`esl::event::CHANNEL_BRIDGE::${endpoint.uuid}`, () => this.#onBridge())
    endpoint.on('dtmf', ({ dtmf, duration }) => this.emit('digit', dtmf, Math.round(Number(duration ?? 0) / 8) || 0))
    endpoint.on('destroy', (event) => this.#end(event?.reason ?? 'FreeSWITCH is gone'))
    this.#dialog?.once('destroy', () => {
      this.#dialogIsOver = true
      this.#end('FreeSWITCH hung up')
    })
  }

  get uuid(): string {
    return this.#endpoint.uuid
  }

  /** What FreeSWITCH says to this party: its offer where it began, else its answer. */
  get local(): Description {
    return readDescription(this.#endpoint.local.sdp)
  }

  get #dialog() {
    return this.#endpoint.dialog
  }

  /** Tells FreeSWITCH where the party is and what it takes. Throws UnacceptableMedia when FreeSWITCH has no codec for it. */
  async hear(description: Description): Promise<void> {
    const text = this.#party.write(description)
    if (text === this.#told) return
    // In a re-INVITE it refuses the stream and then ends the channel: so that it is not asked.
    if (!this.#speaksOneOf(description)) throw noCodec()
    let answer: unknown
    try {
      answer = await this.#run('take a description', this.#endpoint.modify(text))
    } catch (error) {
      throw refusalOf(error)
    }
    if (/^m=audio 0 /m.test(String(answer))) throw noCodec()
    this.#told = text
  }

  /** Numbers are each one's own here. */
  #speaksOneOf({ audio }: Description): boolean {
    const ours = this.#limits.codecs()
    const isOurs = (codec: Codec): boolean =>
      ours!.some(({ name, hertz }) => name.toLowerCase() === codec.name.toLowerCase() && hertz === codec.hertz)
    return ours === null || audio.codecs.some((codec) => carriesSpeech(codec) && isOurs(codec))
  }

  /**
   * Resolves once they hear each other. FreeSWITCH answers the command before it begins, and ends both channels if one of them is told
   * to go meanwhile.
   */
  async bridge(other: FreeSwitchLeg): Promise<void> {
    const begun = this.#run('begin a bridge', Promise.any([this.#nextBridge(), other.#nextBridge()]))
    begun.catch(() => undefined) // The command has failed.
    await this.#run('join two channels', this.#endpoint.bridge(other.uuid))
    await begun
  }

  /** FreeSWITCH tells one of the two. */
  #nextBridge(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onBridge = resolve
    return promise
  }

  /** Parks both channels of a bridge. */
  async unbridge(): Promise<void> {
    await this.#run('part two channels', this.#endpoint.unbridge())
  }

  /** Plays until the end or `stopPlaying`. Throws MediaUnavailable for a file that is not there. */
  async play(file: string): Promise<void> {
    const path = safeWord('what is to be played', file)
    await this.#run('play to the end', this.#endpoint.play(path), this.#limits.playTimeoutMs)
  }

  async stopPlaying(): Promise<void> {
    await this.command('uuid_break', 'all')
  }

  /** Hears this and the other's peer, until `this` or the other ends. */
  async eavesdrop(other: FreeSwitchLeg): Promise<void> {
    this.#isEavesdropping = true
    try {
      await this.#run('listen to another channel', this.#endpoint.execute('eavesdrop', other.uuid), null)
    } finally {
      this.#isEavesdropping = false
    }
  }

  /** Says to a running `eavesdrop` what a key press would, without anybody's keys being heard. */
  async eavesdropCommand(command: string): Promise<void> {
    const { conn } = this.#endpoint
    if (conn === null) return this.#gone.promise
    const { promise, resolve } = Promise.withResolvers<void>()
    const said = safeWord('a command to eavesdrop', command)
    conn.sendRecv('sendevent NOTIFY', { 'unique-id': this.uuid, 'eavesdrop-command': said }, () => resolve())
    await this.#run('take a command', promise)
  }

  /** Runs a command on this channel and resolves to what it printed; rejects with what it complained of. */
  async command(command: Command, ...words: readonly string[]): Promise<string> {
    const args = [this.uuid, ...words].map((word) => safeText(`an argument of ${command}`, word))
    const body = (await this.#run(command, this.#endpoint.api(command, args))).getBody()
    if (body.startsWith('-ERR') || body.startsWith('-USAGE'))
      throw new MediaUnavailable(`FreeSWITCH refuses ${command}: ${body.trim().slice(0, 200)}`)
    return body
  }

  async stats(): Promise<MediaStats> {
    await this.command('uuid_set_media_stats')
    return readStats(await this.command('uuid_dump'))
  }

  /** Ends the channel and its dialog, whichever of them still is; never rejects, and takes no longer than two commands may. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const dialog = this.#dialog
    const ms = this.#limits.commandTimeoutMs
    if (!this.#isGone) {
      // `hangup` waits for its turn behind an application that is running; uuid_kill would take the other channel of a bridge along.
      if (this.#isEavesdropping) void this.eavesdropCommand('*').catch(() => undefined)
      const destroyed = Promise.race([this.#endpoint.destroy(), this.#gone.promise]) // FreeSWITCH may die meanwhile.
      await within('end a channel', ms, destroyed).catch(() => undefined)
    }
    this.#end('closed')
    // With FreeSWITCH dead nobody says BYE: then we do, so that the SIP server forgets the dialog, too.
    if (dialog !== null && !this.#dialogIsOver) await within('answer BYE', ms, dialog.destroy()).catch(() => undefined)
  }

  /** However it ends. */
  onEnded(listener: () => void): void {
    this.#gone.promise.catch(listener)
  }

  #end(cause: string): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#gone.reject(new MediaUnavailable(`the channel of FreeSWITCH is gone: ${cause}`))
    if (this.#closing === null) this.emit('gone', cause)
  }

  /** What fsmrf waits for on a channel that is gone it waits for in vain. `ms` null: it takes as long as the call. */
  #run<T>(what: string, promise: Promise<T>, ms: number | null = this.#limits.commandTimeoutMs): Promise<T> {
    promise.catch(() => undefined)
    if (this.#isGone) return this.#gone.promise
    const ended = Promise.race([promise, this.#gone.promise])
    return (ms === null ? ended : within(what, ms, ended)).catch((error: unknown) => {
      throw error instanceof Error ? asUnavailable(what, error) : new MediaUnavailable(`FreeSWITCH: ${String(error)}`)
    })
  }
}

/** fsmrf rejects with plain errors, whose text is FreeSWITCH's; a SIP failure stays what it is. */
function asUnavailable(what: string, error: Error): Error {
  if (error instanceof MediaUnavailable || 'status' in error) return error
  return new MediaUnavailable(`FreeSWITCH did not ${what}: ${error.message.trim().slice(0, 200)}`)
}

/** FreeSWITCH answers an INVITE it has no codec for with 488 (RFC 3261 §21.4.26); anything else is its own trouble. */
export function refusalOf(error: unknown): Error {
  if (error instanceof UnacceptableMedia || error instanceof MediaUnavailable) return error
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  if (status === 488 || status === 415 || status === 606) return noCodec()
  const said = error instanceof Error ? error.message : String(error)
  const why = typeof status === 'number' ? `it answered ${status}` : said
  return new MediaUnavailable(`FreeSWITCH did not take the call: ${why}`)
}

function noCodec(): UnacceptableMedia {
  return new UnacceptableMedia('the media server has no codec in common with the description', 305)
}
