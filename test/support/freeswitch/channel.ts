import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { readDescription } from '../../../media/sdp-reading.ts'
import { EventSocketWriter, readCommands } from './event-socket.ts'

/** What FreeSWITCH has modules for, as our vars.xml names them. */
const CODECS = ['opus', 'G722', 'PCMU', 'PCMA']

/** From the answer to uuid_bridge until it is there. */
const BRIDGE_MS = 5

interface ChannelParts {
  readonly invite: SipMessage
  readonly rtpPort: number
  readonly habits: Habits
  api(line: string): string
  find(uuid: string): Channel | undefined
  /** Says BYE in its dialog. */
  hangUp(channel: Channel): void
}

/** How a scripted FreeSWITCH behaves; a test changes what it likes while it runs. */
export interface Habits {
  /** From its 200 until it connects back. fsmrf gives up after 4 s. */
  connectBackAfterMs: number
  /** How long each file plays. */
  playMs: number
  /** Commands and applications that are never answered. */
  readonly silentTo: Set<string>
  /** The status of every INVITE; 0: it answers by itself. */
  refuseWith: number
}

/** One call that a scripted FreeSWITCH has: its dialog, its event socket, what became of it. */
export class Channel {
  readonly uuid = randomUUID() as string
  readonly invite: SipMessage
  readonly variables = new Map<string, string>()
  /** What it says, and what it has been told. */
  localSdp: string
  remoteSdp: string
  bridgedTo: Channel | null = null
  /** File → whether it is masked now. */
  readonly recordings = new Map<string, boolean>()
  /** What it has been told to execute, with the argument. */
  readonly executed: string[] = []
  /** Whom it eavesdrops on, and the last that was said to it meanwhile; null when it does not. */
  eavesdrop: { readonly on: Channel; command: string | null; tell(command: string): void } | null = null
  isUp = true
  lastCSeq = 0
  readonly #parts: ChannelParts
  #version = 1
  #socket: Socket | null = null
  #writer: EventSocketWriter | null = null
  #playing: (() => void) | null = null
  #hangsUpNext = false
  /** Who eavesdrops on it is told when it ends. */
  readonly #heardBy = new Set<() => void>()

  constructor(parts: ChannelParts) {
    this.#parts = parts
    this.invite = parts.invite
    this.remoteSdp = parts.invite.body
    this.localSdp = this.#write(this.remoteSdp === '' ? null : this.remoteSdp)
    this.variables.set('sip_h_X-DCE-Owner', parts.invite.get('x-dce-owner') ?? '')
  }

  /** False: no codec in common, and nothing has changed. */
  modify(offer: string): boolean {
    const answer = this.#write(offer)
    if (answer === '') return false
    this.remoteSdp = offer
    this.localSdp = answer
    return true
  }

  /** The application `socket ${sip_h_X-esl-outbound} async full` of the dialplan. */
  connectBack(): void {
    const [host, port] = this.invite.get('x-esl-outbound')!.split(':') as [string, string]
    this.#socket = connect(Number(port), host)
    this.#writer = new EventSocketWriter(this.#socket)
    readCommands(this.#socket, (lines) => this.#command(lines))
  }

  dial(digit: string): void {
    this.event({ 'Event-Name': 'DTMF', 'DTMF-Digit': digit, 'DTMF-Duration': '2000', 'DTMF-Source': 'RTP' })
  }

  stopPlaying(): void {
    this.#playing?.()
  }

  /** The channel ends, for this reason, with all that hangs on it. */
  end(cause: string, saysBye = true): void {
    if (!this.isUp) return
    this.isUp = false
    this.part()
    this.event({ 'Event-Name': 'CHANNEL_CALLSTATE', 'Channel-Call-State': 'HANGUP', 'Hangup-Cause': cause })
    this.#writer?.goodbye()
    for (const stop of this.#heardBy) stop()
    if (saysBye) this.#parts.hangUp(this)
  }

  /** A moment after the command is answered: before that, the end of one would be the end of both. */
  bridge(other: Channel): void {
    this.part()
    other.part()
    this.bridgedTo = other
    other.bridgedTo = this
    setTimeout(() => this.event({ 'Event-Name': 'CHANNEL_BRIDGE' }), BRIDGE_MS)
  }

  part(): void {
    if (this.bridgedTo) this.bridgedTo.bridgedTo = null
    this.bridgedTo = null
  }

  /** The process is killed. */
  vanish(): void {
    this.isUp = false
    this.#socket?.destroy()
  }

  event(values: Readonly<Record<string, string>>): void {
    this.#writer?.event({ 'Unique-ID': this.uuid, 'Channel-Call-UUID': this.uuid, ...values })
  }

  #command(lines: readonly string[]): void {
    const [verb = '', ...rest] = lines[0]!.split(' ')
    const writer = this.#writer!
    switch (verb) {
      case 'connect':
        return writer.channelData({
          'Channel-Unique-ID': this.uuid,
          'Unique-ID': this.uuid,
          variable_sip_user_agent: this.invite.get('user-agent') ?? '',
          variable_rtp_local_sdp_str: this.localSdp,
          variable_switch_r_sdp: this.remoteSdp,
        })
      case 'api': {
        if (this.#parts.habits.silentTo.has(rest[0]!)) return
        return writer.apiResponse(this.#parts.api(rest.join(' ')))
      }
      case 'sendmsg': {
        const headers = headersOf(lines)
        writer.reply('+OK')
        return this.#execute(
          headers.get('execute-app-name')!,
          headers.get('execute-app-arg') ?? '',
          headers.get('Event-UUID')!,
        )
      }
      case 'sendevent': {
        // An event with a channel's id is queued for what runs there.
        const headers = headersOf(lines)
        const command = headers.get('eavesdrop-command')
        const channel = this.#parts.find(headers.get('unique-id') ?? '')
        if (command !== undefined && channel?.eavesdrop) channel.eavesdrop.tell(command)
        return writer.reply(`+OK ${randomUUID()}`)
      }
      case 'exit':
        return writer.goodbye()
      default:
        return writer.reply('+OK')
    }
  }

  #execute(application: string, argument: string, id: string): void {
    this.executed.push(`${application} ${argument}`.trim())
    if (this.#parts.habits.silentTo.has(application)) return
    const complete = (values: Readonly<Record<string, string>> = {}): void =>
      this.event({
        'Event-Name': 'CHANNEL_EXECUTE_COMPLETE',
        Application: application,
        'Application-UUID': id,
        ...values,
      })
    // It waits for its turn behind an application that is running.
    if (application === 'hangup') return this.eavesdrop ? void (this.#hangsUpNext = true) : this.end('NORMAL_CLEARING')
    if (application === 'eavesdrop') return this.#eavesdrop(this.#parts.find(argument), complete)
    if (application !== 'playback') return complete()
    if (argument.includes('missing')) return complete({ 'Application-Response': 'FILE NOT FOUND' })
    const timer = setTimeout(() => this.#playing?.(), this.#parts.habits.playMs)
    this.#playing = () => {
      clearTimeout(timer)
      this.#playing = null
      complete({ 'Application-Response': 'FILE PLAYED' })
    }
  }

  #eavesdrop(on: Channel | undefined, complete: () => void): void {
    if (on === undefined) return complete()
    const stop = (): void => {
      on.#heardBy.delete(stop)
      this.#heardBy.delete(leave)
      this.eavesdrop = null
      complete()
      if (this.#hangsUpNext) this.end('NORMAL_CLEARING')
    }
    const leave = (): void => void on.#heardBy.delete(stop)
    this.eavesdrop = {
      on,
      command: null,
      tell(command) {
        this.command = command
        if (command === '*') stop()
      },
    }
    on.#heardBy.add(stop)
    this.#heardBy.add(leave)
  }

  /** An offer, or the answer to one with its first codec for speech that we have and its key presses; '' when there is none. */
  #write(offer: string | null): string {
    const wanted = offer === null ? null : readDescription(offer).audio
    const speech = wanted?.codecs.find((codec) =>
      CODECS.some((name) => name.toLowerCase() === codec.name.toLowerCase()),
    )
    if (wanted !== null && speech === undefined) return ''
    const keys = wanted?.codecs.find((codec) => codec.name === 'telephone-event')
    const payloads = wanted === null ? '9 0 8 101' : [speech, keys].flatMap((each) => each?.payload ?? []).join(' ')
    const maps = wanted === null ? ['9 G722/8000', '0 PCMU/8000', '8 PCMA/8000', '101 telephone-event/8000'] : []
    for (const each of [speech, keys])
      if (each) maps.push(`${each.payload} ${each.name}/${each.hertz}${each.channels > 1 ? `/${each.channels}` : ''}`)
    return [
      'v=0',
      `o=FreeSWITCH 1700000000 ${this.#version++} IN IP4 127.0.0.1`,
      's=FreeSWITCH',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.#parts.rtpPort} RTP/AVP ${payloads}`,
      ...maps.map((map) => `a=rtpmap:${map}`),
      'a=ptime:20',
      '',
    ].join('\r\n')
  }
}

function headersOf(lines: readonly string[]): Map<string, string> {
  return new Map(lines.slice(1).map((line) => line.split(': ', 2) as [string, string]))
}
