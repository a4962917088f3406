import type { Socket } from 'node:net'

/** Calls `take` with each frame of a peer that speaks to an event socket: lines up to an empty one. */
export function readCommands(socket: Socket, take: (lines: readonly string[]) => void): void {
  let text = ''
  socket.on('data', (data) => {
    text += data.toString()
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end)
      text = text.slice(end + 2)
      take(frame.split('\n'))
    }
  })
  socket.on('error', () => undefined)
}

/** One side of the event socket, as FreeSWITCH writes it. */
export class EventSocketWriter {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  authRequest(): void {
    this.#frame(['Content-Type: auth/request'])
  }

  reply(text: string): void {
    this.#frame(['Content-Type: command/reply', `Reply-Text: ${text}`])
  }

  /** The answer to `connect`: the channel's data, values escaped as in a URL. */
  channelData(values: Readonly<Record<string, string>>): void {
    const lines = Object.entries(values).map(([name, value]) => `${name}: ${encodeURIComponent(value)}`)
    this.#frame([
      'Event-Name: CHANNEL_DATA',
      ...lines,
      'Content-Type: command/reply',
      'Reply-Text: %2BOK',
      'Socket-Mode: async',
      'Control: full',
    ])
  }

  apiResponse(body: string): void {
    this.#frame(['Content-Type: api/response', `Content-Length: ${Buffer.byteLength(body)}`], body)
  }

  event(values: Readonly<Record<string, string>>): void {
    const body = JSON.stringify(values)
    this.#frame([`Content-Length: ${Buffer.byteLength(body)}`, 'Content-Type: text/event-json'], body)
  }

  /** An address that `apply-inbound-acl` does not list. */
  rejectRudely(): void {
    const body = 'Access Denied, go away.\n'
    this.#frame(['Content-Type: text/rude-rejection', `Content-Length: ${body.length}`], body)
    this.#socket.end()
  }

  goodbye(): void {
    const body = 'Disconnected, goodbye.\n'
    this.#frame(['Content-Type: text/disconnect-notice', `Content-Length: ${body.length}`], body)
    this.#socket.end()
  }

  #frame(lines: readonly string[], body = ''): void {
    if (this.#socket.writable) this.#socket.write(`${lines.join('\n')}\n\n${body}`)
  }
}
