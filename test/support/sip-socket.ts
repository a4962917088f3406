import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { eventually } from './exchange.ts'

/** A UDP socket with a loopback address of its own choosing, and every byte that came to it. */
export class SipSocket {
  readonly host: string
  readonly port: number
  /** Whole messages, in order. */
  readonly received: string[] = []
  readonly #socket: Socket
  readonly #server: { readonly host: string; readonly port: number }
  #onRequest: ((text: string) => void) | null = null

  private constructor(socket: Socket, server: { host: string; port: number }) {
    this.#socket = socket
    this.#server = server
    this.host = socket.address().address
    this.port = socket.address().port
    socket.on('message', (bytes) => {
      const text = bytes.toString('latin1')
      this.received.push(text)
      if (!text.startsWith('SIP/2.0 ')) this.#onRequest?.(text)
    })
  }

  static async open(host: string, server: { host: string; port: number }): Promise<SipSocket> {
    const socket = createSocket('udp4')
    socket.bind(0, host)
    await once(socket, 'listening')
    // A story that fails leaves it open; that must not keep the run from its end.
    socket.unref()
    return new SipSocket(socket, server)
  }

  /** Calls `answer` with each request as it arrives. */
  onRequest(answer: (text: string) => void): void {
    this.#onRequest = answer
  }

  send(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#server.port, this.#server.host)
  }

  /** A request as simple as can be; `more` are header lines. */
  request(method: string, branch: string, more: readonly string[] = []): void {
    const lines = [
      `${method} sip:x@${this.#server.host} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.host}:${this.port};branch=z9hG4bK${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:x@${this.host}>;tag=${branch}`,
      `To: <sip:x@${this.#server.host}>`,
      `Call-ID: ${branch}@${this.host}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:x@${this.host}:${this.port}>`,
      ...more,
      'Content-Length: 0',
    ]
    this.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  /** The first message, received or yet to come, that begins so. */
  async receive(start: string, limitMs = 20_000): Promise<string> {
    return eventually(
      async () => this.received.find((text) => text.startsWith(start)),
      () => `no ${start} at ${this.host}; received: ${this.received.map((text) => text.split('\r\n')[0]).join(', ')}`,
      limitMs,
    )
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
