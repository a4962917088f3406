import { SipSocket } from './sip-socket.ts'

const valueOf = (text: string, name: string): string =>
  new RegExp(`^${name}: ?(.*)$`, 'mi').exec(text)?.[1]?.trim() ?? ''

const linesOf = (text: string, name: string): string[] =>
  text.split('\r\n').filter((line) => line.startsWith(`${name}:`))

/** A user agent that writes its secret, and its address, wherever SIP and SDP have room for one. */
export class SecretiveAgent {
  readonly socket: SipSocket
  readonly secret: string
  /** Where it says it listens, from its next description on; RTCP is one above. */
  rtpPort = 45_000
  #invite = ''
  #cseq = 10
  #branch = 0
  #sdpVersion = 0

  private constructor(socket: SipSocket, secret: string) {
    this.socket = socket
    this.secret = secret
  }

  static async open(secret: string, host: string, server: { host: string; port: number }): Promise<SecretiveAgent> {
    return new SecretiveAgent(await SipSocket.open(host, server), secret)
  }

  /** What must not be read on the other side. */
  isBetrayedBy(text: string): boolean {
    return text.toLowerCase().includes(this.secret) || text.includes(this.socket.host)
  }

  get #place(): string {
    return `${this.socket.host}:${this.socket.port}`
  }

  get #telling(): string[] {
    const { secret } = this
    return [
      `Contact: "${secret}" <sip:${secret}@${this.#place};x-${secret}=1>`,
      `User-Agent: ${secret}/1.0`,
      `Server: ${secret}/1.0`,
      `Organization: ${secret}`,
      `Warning: 399 ${secret}.inner "${secret}"`,
      `Call-Info: <http://${secret}.inner/>;purpose=info`,
      `Reply-To: <sip:${secret}@${this.#place}>`,
      `P-Preferred-Identity: <sip:${secret}@${this.#place}>`,
      `P-Charging-Vector: icid-value=${secret};icid-generated-at=${this.socket.host}`,
      `X-${secret}: ${this.#place}`,
    ]
  }

  #sdp(direction: string): string {
    const { secret } = this
    return [
      'v=0',
      `o=${secret} 12345 ${++this.#sdpVersion} IN IP4 ${this.socket.host}`,
      `s=${secret}`,
      `i=${secret}`,
      `u=http://${secret}.inner/`,
      `e=${secret}@inner`,
      `c=IN IP4 ${this.socket.host}`,
      't=0 0',
      `a=tool:${secret}`,
      `m=audio ${this.rtpPort} RTP/AVP 0 101`,
      `i=${secret}`,
      `a=rtcp:${this.rtpPort + 1} IN IP4 ${this.socket.host}`,
      `a=candidate:1 1 UDP 1 ${this.socket.host} ${this.rtpPort} typ host`,
      `a=label:${secret}`,
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      `a=x-${secret}:${this.socket.host}`,
      `a=${direction}`,
      '',
    ].join('\r\n')
  }

  #write(start: string, lines: readonly string[], body: string, type: string): void {
    const content = body === '' ? [] : [`Content-Type: ${type}`]
    this.socket.send(
      [start, ...lines, ...this.#telling, ...content, `Content-Length: ${body.length}`, '', body].join('\r\n'),
    )
  }

  /** Calls `number` as `ani`. */
  invite(number: string, ani: string): void {
    const { secret } = this
    const start = `INVITE sip:${number}@127.0.0.1 SIP/2.0`
    const lines = [
      ...this.#vias(),
      `Record-Route: <sip:${this.#place};lr>, <sip:${secret}.inner;lr>`,
      'Max-Forwards: 70',
      `From: "Alice" <sip:${ani}@${secret}.inner>;tag=${secret}`,
      `To: <sip:${number}@${secret}.inner>`,
      `Call-ID: ${secret}@${this.socket.host}`,
      'CSeq: 1 INVITE',
      `P-Asserted-Identity: "Alice" <sip:${ani}@${secret}.inner>`,
      'Supported: timer',
      'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, MESSAGE',
    ]
    this.#write(start, lines, this.#sdp('sendrecv'), 'application/sdp')
  }

  #vias(): string[] {
    const branch = `z9hG4bK${this.secret}${++this.#branch}`
    return [
      `Via: SIP/2.0/UDP ${this.#place};branch=${branch};rport`,
      `Via: SIP/2.0/UDP ${this.secret}.inner;branch=${branch}i`,
    ]
  }

  /** Answers a request; an INVITE's is remembered as the dialog's. */
  reply(request: string, status: number, withSdp = false): void {
    if (request.startsWith('INVITE ') && this.#invite === '') this.#invite = request
    const { secret } = this
    const to = valueOf(request, 'To')
    const lines = [
      ...linesOf(request, 'Via'),
      ...linesOf(request, 'Record-Route'),
      ...(request.startsWith('INVITE ') ? [`Record-Route: <sip:${this.#place};lr>`] : []),
      `From: ${valueOf(request, 'From')}`,
      `To: ${to.includes('tag=') ? to : `"${secret}" ${to};tag=${secret}`}`,
      `Call-ID: ${valueOf(request, 'Call-ID')}`,
      `CSeq: ${valueOf(request, 'CSeq')}`,
      `Reason: SIP;cause=${status};text="${secret}.inner"`,
    ]
    this.#write(`SIP/2.0 ${status} ${secret} says so`, lines, withSdp ? this.#sdp('sendrecv') : '', 'application/sdp')
  }

  /** A request in the dialog that `answer` (to our INVITE) began, or that we began by answering. */
  inDialog(method: string, answer: string | null, options: { body?: string; sdp?: string; cseq?: number } = {}): void {
    const { secret } = this
    const from = answer === null ? `${valueOf(this.#invite, 'To')};tag=${secret}` : valueOf(answer, 'From')
    const to = answer === null ? valueOf(this.#invite, 'From') : valueOf(answer, 'To')
    const target = /<([^>]+)>/.exec(valueOf(answer ?? this.#invite, 'Contact'))?.[1] ?? ''
    const lines = [
      ...this.#vias(),
      'Max-Forwards: 70',
      `From: ${from}`,
      `To: ${to}`,
      `Call-ID: ${valueOf(answer ?? this.#invite, 'Call-ID')}`,
      `CSeq: ${options.cseq ?? ++this.#cseq} ${method}`,
      `Reason: SIP;cause=200;text="${secret} at ${this.socket.host}"`,
    ]
    const type = options.sdp === undefined ? 'application/dtmf-relay' : 'application/sdp'
    const body = options.sdp === undefined ? (options.body ?? '') : this.#sdp(options.sdp)
    this.#write(`${method} ${target} SIP/2.0`, lines, body, type)
  }

  close(): Promise<void> {
    return this.socket.close()
  }
}
