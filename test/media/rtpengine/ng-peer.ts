import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { parseBencode, writeBencode, type Bencoded } from '../../../media/rtpengine/bencode.ts'

export interface NgQuestion {
  readonly cookie: string
  readonly command: string
  readonly fields: { readonly [key: string]: Bencoded }
  /** Sends these bytes back, with the cookie before them unless told another. */
  readonly answer: (reply: Bencoded | Buffer, cookie?: string) => void
}

/** Something that stands where an rtpengine should be, and does as a test tells it. */
export class NgPeer {
  readonly host = '127.0.0.1'
  readonly questions: NgQuestion[] = []
  readonly #socket: Socket
  #script: (question: NgQuestion) => void

  private constructor(socket: Socket, script: (question: NgQuestion) => void) {
    this.#socket = socket
    this.#script = script
    socket.on('message', (datagram, from) => this.#heard(datagram, from))
  }

  static async open(script: (question: NgQuestion) => void): Promise<NgPeer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new NgPeer(socket, script)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** From now on it does this. */
  follow(script: (question: NgQuestion) => void): void {
    this.#script = script
  }

  count(command: string): number {
    return this.questions.filter((question) => question.command === command).length
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #heard(datagram: Buffer, from: RemoteInfo): void {
    const space = datagram.indexOf(0x20)
    const cookie = datagram.toString('latin1', 0, space)
    const fields = parseBencode(datagram, space + 1) as NgQuestion['fields']
    const answer = (reply: Bencoded | Buffer, of = cookie): void => {
      const bytes = Buffer.isBuffer(reply) ? reply : Buffer.from(writeBencode(reply))
      this.#socket.send(Buffer.concat([Buffer.from(`${of} `), bytes]), from.port, from.address)
    }
    const question = { cookie, command: textOf(fields['command']), fields, answer }
    this.questions.push(question)
    this.#script(question)
  }
}

function textOf(value: Bencoded | undefined): string {
  return typeof value === 'string' ? value : ''
}
