import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { TransportName } from '../../gateway/sip-server/transport.ts'
import { isParseFailure } from '../../gateway/sip-server/wire-format.ts'
import type { parseMessage } from '../../gateway/sip-server/wire-format.ts'
import { openWire } from './sip-wire.ts'
import type { ServerPlace, Wire, WireOptions } from './sip-wire.ts'

export const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0',
  '',
].join('\r\n')

interface RequestOptions {
  readonly uri?: string
  readonly callId?: string
  readonly fromTag?: string
  readonly toTag?: string
  readonly branch?: string
  readonly cseq?: number
  readonly headers?: readonly string[]
  readonly body?: string
  /** Leave out a header that is there by default. */
  readonly without?: readonly string[]
}

interface ReplyOptions {
  readonly toTag?: string
  readonly headers?: readonly string[]
  readonly body?: string
  readonly contact?: string | null
}

interface Waiter {
  readonly matches: (message: SipMessage) => boolean
  readonly resolve: (message: SipMessage) => void
}

let counter = 0
const unique = (prefix: string): string => `${prefix}${process.pid}x${++counter}`

/** A scripted SIP user agent on a raw socket: it sends what a test says and answers nothing by itself. */
export class SipPeer {
  readonly transport: TransportName
  /** What it calls its own address in URIs and Via: a browser makes one up. */
  readonly host: string
  /** Everything received, in order. */
  readonly received: SipMessage[] = []
  readonly #server: string
  #wire: Wire | null = null
  readonly #queue: SipMessage[] = []
  readonly #waiters: Waiter[] = []

  private constructor(transport: TransportName, server: ServerPlace) {
    const isV6 = server.host.includes(':')
    this.transport = transport
    this.host = this.#isBrowser ? `${unique('ua')}.invalid` : isV6 ? '[::1]' : '127.0.0.1'
    this.#server = `${isV6 ? `[${server.host}]` : server.host}:${server.port}`
  }

  /** A peer of a server, on loopback itself. A stream peer listens, and connects with its first message. */
  static async open(transport: TransportName, server: ServerPlace, options: WireOptions = {}): Promise<SipPeer> {
    const peer = new SipPeer(transport, server)
    peer.#wire = await openWire(transport, server, options, (message) => peer.#take(message))
    return peer
  }

  get #isBrowser(): boolean {
    return this.transport === 'ws' || this.transport === 'wss'
  }

  get port(): number {
    return this.#wire!.port
  }

  /** `host:port` as URIs and Via have it. */
  get #place(): string {
    return this.#isBrowser ? this.host : `${this.host}:${this.port}`
  }

  #take(parsed: ReturnType<typeof parseMessage>): void {
    // The answer to a request without Call-ID has none either; everything else must be well formed.
    const isPartial = isParseFailure(parsed) && parsed.reason.startsWith('Missing') && parsed.partial !== null
    const message = isPartial ? parsed.partial : parsed
    if (isParseFailure(message)) throw new Error(`the server sent a malformed message: ${message.reason}`)
    this.received.push(message)
    const at = this.#waiters.findIndex((waiter) => waiter.matches(message))
    if (at === -1) this.#queue.push(message)
    else this.#waiters.splice(at, 1)[0]!.resolve(message)
  }

  /** The next message of this method or status, or `final` answer, received already or yet to come; others stay for later. */
  async receive(what: string | number, options: { method?: string; timeoutMs?: number } = {}): Promise<SipMessage> {
    const matches = (message: SipMessage): boolean =>
      (typeof what === 'number'
        ? message.status === what
        : what === 'final'
          ? message.status >= 200
          : message.method === what) &&
      (options.method === undefined || message.cseqMethod === options.method)
    const at = this.#queue.findIndex(matches)
    if (at !== -1) return this.#queue.splice(at, 1)[0]!
    const { promise, resolve, reject } = Promise.withResolvers<SipMessage>()
    this.#waiters.push({ matches, resolve })
    const timer = setTimeout(() => {
      const seen = this.received.map((each) => each.method || each.status).join(' ')
      reject(new Error(`no ${what} came; received: ${seen}`))
    }, options.timeoutMs ?? 20_000)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** How many messages of this method or status have come so far. */
  count(what: string | number): number {
    return this.received.filter((each) => (typeof what === 'number' ? each.status === what : each.method === what))
      .length
  }

  send(text: string): void {
    this.#wire!.send(Buffer.from(text, 'latin1'))
  }

  /** Drops its connection. */
  disconnect(): void {
    this.#wire!.disconnect()
  }

  get contact(): string {
    const parameter = this.transport === 'udp' ? '' : `;transport=${this.#isBrowser ? 'ws' : this.transport}`
    return `<sip:peer@${this.#place}${parameter}>`
  }

  /** Writes a request, and answers its text: sent again, it is a retransmission. */
  buildRequest(method: string, options: RequestOptions = {}): string {
    const uri = options.uri ?? `sip:service@${this.#server}`
    const body = options.body ?? ''
    const branch = options.branch ?? unique('z9hG4bKp')
    const lines = [
      `Via: SIP/2.0/${this.transport.toUpperCase()} ${this.#place};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: "Caller" <sip:caller@127.0.0.1>;tag=${options.fromTag ?? unique('ft')}`,
      `To: <sip:service@127.0.0.1>${options.toTag === undefined ? '' : `;tag=${options.toTag}`}`,
      `Call-ID: ${options.callId ?? unique('call')}@test`,
      `CSeq: ${options.cseq ?? 1} ${method}`,
      `Contact: ${this.contact}`,
      ...(options.headers ?? []),
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ].filter((line) => !(options.without ?? []).some((name) => line.startsWith(`${name}:`)))
    return `${method} ${uri} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`
  }

  request(method: string, options: RequestOptions = {}): string {
    const text = this.buildRequest(method, options)
    this.send(text)
    return text
  }

  /** Answers a request. */
  reply(request: SipMessage, status: number, reason: string, options: ReplyOptions = {}): string {
    const body = options.body ?? ''
    const toTag = options.toTag ?? 'peer-tag'
    const to = request.get('to')!
    const lines = [
      ...request.getAll('via').map((via) => `Via: ${via}`),
      ...request.getAll('record-route').map((route) => `Record-Route: ${route}`),
      `From: ${request.get('from')}`,
      `To: ${to.includes('tag=') || status === 100 ? to : `${to};tag=${toTag}`}`,
      `Call-ID: ${request.callId}`,
      `CSeq: ${request.get('cseq')}`,
      ...(options.contact === null ? [] : [`Contact: ${options.contact ?? this.contact}`]),
      ...(options.headers ?? []),
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ]
    const text = `SIP/2.0 ${status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
    this.send(text)
    return text
  }

  /** A request inside the dialog that `answer` (a response to our INVITE) began. */
  requestAsCaller(method: string, answer: SipMessage, options: RequestOptions = {}): string {
    return this.request(method, {
      uri: uriIn(answer.get('contact')),
      callId: answer.callId.replace(/@test$/, ''),
      fromTag: answer.fromTag,
      toTag: answer.toTag,
      cseq: method === 'ACK' ? answer.cseq : answer.cseq + 1,
      ...options,
    })
  }

  /** A request inside the dialog that `invite` (received) began, answered with `toTag`. */
  requestAsCallee(method: string, invite: SipMessage, options: RequestOptions & { toTag?: string } = {}): string {
    const ours = `${invite.get('to')};tag=${options.toTag ?? 'peer-tag'}`
    const text = this.buildRequest(method, { uri: uriIn(invite.get('contact')), cseq: 1, ...options })
      .replace(/^From: .*$/m, `From: ${ours}`)
      .replace(/^To: .*$/m, `To: ${invite.get('from')}`)
      .replace(/^Call-ID: .*$/m, `Call-ID: ${invite.callId}`)
    this.send(text)
    return text
  }

  close(): Promise<void> {
    return this.#wire!.close()
  }
}

function uriIn(contact: string | undefined): string {
  return /<([^>]+)>/.exec(contact ?? '')?.[1] ?? contact ?? 'sip:nobody@127.0.0.1'
}
