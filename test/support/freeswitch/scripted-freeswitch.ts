import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { isParseFailure } from '../../../gateway/sip-server/wire-format.ts'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { openWire, type ServerPlace, type Wire } from '../sip-wire.ts'
import { Channel, type Habits } from './channel.ts'
import { EventSocketWriter, readCommands } from './event-socket.ts'

interface Script {
  /** Where its SIP goes to: the one that called it. */
  readonly sipServer: ServerPlace
  readonly password?: string
  readonly profile?: string
  /** Comes up where another one was. */
  readonly port?: number
  /** Its acl lists nobody. */
  readonly isRude?: boolean
}

/**
 * A FreeSWITCH without audio: its event socket, the SIP profile that fsmrf calls, and the channels between them, behaving as a real one
 * was seen to, its unpleasant sides included.
 */
export class ScriptedFreeSwitch {
  readonly channels: Channel[] = []
  /** Every API command, as it came. */
  readonly commands: string[] = []
  readonly habits: Habits = { connectBackAfterMs: 0, playMs: 20, silentTo: new Set(), refuseWith: 0 }
  /** Of the inbound event socket. */
  readonly sockets = new Set<Socket>()
  readonly #script: Script
  readonly #listener: Server
  #wire: Wire | null = null
  #rtpPort = 30_000
  #isDead = false
  readonly #answered = new Map<string, string>()

  private constructor(script: Script) {
    this.#script = script
    this.#listener = createServer((socket) => this.#accept(socket))
  }

  static async start(script: Script): Promise<ScriptedFreeSwitch> {
    const freeswitch = new ScriptedFreeSwitch(script)
    freeswitch.#wire = await openWire('udp', script.sipServer, {}, (message) => {
      if (!isParseFailure(message)) freeswitch.#sip(message)
    })
    freeswitch.#listener.listen(script.port ?? 0, '127.0.0.1')
    await once(freeswitch.#listener, 'listening')
    return freeswitch
  }

  /** Of its event socket. */
  get port(): number {
    const address = this.#listener.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  get live(): Channel[] {
    return this.channels.filter((channel) => channel.isUp)
  }

  find(uuid: string): Channel | undefined {
    return this.live.find((channel) => channel.uuid === uuid)
  }

  /** kill -9: every connection breaks, and SIP is answered by nobody. */
  async die(): Promise<void> {
    if (this.#isDead) return
    this.#isDead = true
    for (const channel of this.channels) channel.vanish()
    for (const socket of this.sockets) socket.destroy()
    await Promise.all([this.#wire?.close(), new Promise((resolve) => void this.#listener.close(resolve))])
  }

  /** Ends its half of the event socket only: the channels go on. */
  dropEventSocket(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    const { password = 'ClueCon', isRude = false } = this.#script
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    const writer = new EventSocketWriter(socket)
    readCommands(socket, ([line = '']) => {
      const [verb, ...rest] = line.split(' ')
      if (verb === 'auth') {
        if (rest.join(' ') === password) return writer.reply('+OK accepted')
        writer.reply('-ERR invalid')
        return writer.goodbye()
      }
      if (verb !== 'api') return writer.reply('+OK')
      if (!this.habits.silentTo.has(rest[0]!)) writer.apiResponse(this.#api(rest.join(' ')))
    })
    if (isRude) writer.rejectRudely()
    else writer.authRequest()
  }

  #api(line: string): string {
    this.commands.push(line)
    const [command = '', uuid = '', ...args] = line.split(' ')
    if (command === 'sofia') return this.#sofiaStatus()
    if (command === 'status') return 'UP 0 years, 0 days\nFreeSWITCH is ready\n'
    if (command === 'show')
      return JSON.stringify({ row_count: this.live.length, rows: this.live.map((each) => ({ uuid: each.uuid })) })
    const channel = this.find(uuid)
    if (channel === undefined) return '-ERR No such channel!\n'
    switch (command) {
      case 'uuid_getvar':
        return channel.variables.get(args[0]!) ?? '_undef_'
      case 'uuid_setvar':
        channel.variables.set(args[0]!, args[1]!)
        return '+OK\n'
      case 'uuid_kill':
        channel.end('NORMAL_CLEARING')
        return '+OK\n'
      case 'uuid_bridge': {
        const other = this.find(args[0]!)
        if (other === undefined) return '-ERR Invalid uuid\n'
        channel.bridge(other)
        return `+OK ${other.uuid}\n`
      }
      case 'uuid_transfer':
        channel.part()
        return '+OK\n'
      case 'uuid_break':
        channel.stopPlaying()
        return '+OK\n'
      case 'uuid_record':
        return record(channel, args)
      case 'uuid_dump':
        return [...dumpOf(channel)].map(([name, value]) => `variable_${name}: ${encodeURIComponent(value)}`).join('\n')
      case 'uuid_send_dtmf':
      case 'uuid_set_media_stats':
        return '+OK\n'
      default:
        return `-ERR ${command} Command not found!\n`
    }
  }

  #sofiaStatus(): string {
    const { profile = 'drachtio_mrf' } = this.#script
    const name = profile.padStart(25)
    return `Name Type Data State\n====\n${name}\t profile\t sip:mod_sofia@127.0.0.1:${this.#wire!.port}\tRUNNING (0)\n====\n1 profile\n`
  }

  #sip(message: SipMessage): void {
    if (this.#isDead || !message.isRequest || message.method === 'ACK') return
    const id = `${message.method} ${message.topVia?.branch}`
    const before = this.#answered.get(id)
    if (before !== undefined) return this.#wire!.send(Buffer.from(before)) // It came again.
    const channel = this.live.find((each) => each.invite.callId === message.callId)
    if (message.method === 'BYE') {
      this.#answer(message, channel ? 200 : 481)
      channel?.end('NORMAL_CLEARING', false)
    } else if (message.method === 'INVITE' && channel) {
      // It refuses the stream and not the request, and then ends the channel.
      const isTaken = channel.modify(message.body)
      this.#answer(message, 200, isTaken ? channel.localSdp : channel.localSdp.replace(/^m=audio \d+/m, 'm=audio 0'))
      if (!isTaken) channel.end('INCOMPATIBLE_DESTINATION')
    } else if (message.method === 'INVITE') this.#take(message)
    else this.#answer(message, 200)
  }

  #take(invite: SipMessage): void {
    if (this.habits.refuseWith !== 0) return this.#answer(invite, this.habits.refuseWith)
    const channel = new Channel({
      invite,
      rtpPort: (this.#rtpPort += 2),
      habits: this.habits,
      api: (line) => this.#api(line),
      find: (each) => this.find(each),
      hangUp: (ended) => this.#sayBye(ended),
    })
    if (channel.localSdp === '') return this.#answer(invite, 488)
    this.channels.push(channel)
    this.#answer(invite, 200, channel.localSdp)
    setTimeout(() => {
      if (channel.isUp && !this.#isDead) channel.connectBack()
    }, this.habits.connectBackAfterMs)
  }

  #answer(request: SipMessage, status: number, body = ''): void {
    const to = request.get('to')!
    const lines = [
      ...request.getAll('via').map((via) => `Via: ${via}`),
      `From: ${request.get('from')}`,
      `To: ${to.includes('tag=') ? to : `${to};tag=fs`}`,
      `Call-ID: ${request.callId}`,
      `CSeq: ${request.get('cseq')}`,
      `Contact: <sip:mod_sofia@127.0.0.1:${this.#wire!.port}>`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ]
    const text = `SIP/2.0 ${status} Scripted\r\n${lines.join('\r\n')}\r\n\r\n${body}`
    this.#answered.set(`${request.method} ${request.topVia?.branch}`, text)
    this.#wire!.send(Buffer.from(text))
  }

  #sayBye({ invite, uuid }: Channel): void {
    if (this.#isDead) return
    const target = /<([^>]+)>/.exec(invite.get('contact') ?? '')?.[1] ?? invite.get('contact')
    const lines = [
      `Via: SIP/2.0/UDP 127.0.0.1:${this.#wire!.port};branch=z9hG4bK${uuid}`,
      'Max-Forwards: 70',
      `From: ${invite.get('to')};tag=fs`,
      `To: ${invite.get('from')}`,
      `Call-ID: ${invite.callId}`,
      'CSeq: 1 BYE',
      'Content-Length: 0',
    ]
    this.#wire!.send(Buffer.from(`BYE ${target} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`))
  }
}

function record(channel: Channel, [verb, file]: readonly string[]): string {
  if (file === undefined) return '-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>]\n'
  if (verb === 'start') {
    if (file.startsWith('/nowhere/')) return '-ERR Cannot record session!\n'
    channel.recordings.set(file, false)
    return '+OK Success\n'
  }
  if (!channel.recordings.has(file)) return '-ERR Cannot find that recording!\n'
  if (verb === 'stop') channel.recordings.delete(file)
  else channel.recordings.set(file, verb === 'mask')
  return '+OK Success\n'
}

function dumpOf(channel: Channel): ReadonlyMap<string, string> {
  return new Map([['rtp_local_sdp_str', channel.localSdp], ['switch_r_sdp', channel.remoteSdp], ...channel.variables])
}
