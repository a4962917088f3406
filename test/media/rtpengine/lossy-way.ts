import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const HOST = '127.0.0.1'

/** A way to a real rtpengine that loses what a test wants: all datagrams of one question, or of its answers. */
export class LossyWay {
  readonly #socket: Socket
  readonly #lost = new Set<string>()
  #lose: { readonly command: string; readonly what: 'question' | 'answer' } | null = null
  #lostWhat: 'question' | 'answer' = 'question'

  private constructor(socket: Socket, enginePort: number) {
    this.#socket = socket
    let client = 0
    socket.on('message', (datagram, from) => {
      const text = datagram.toString('latin1')
      const cookie = text.slice(0, text.indexOf(' '))
      const isAnswer = from.port === enginePort
      if (!isAnswer) client = from.port
      if (!isAnswer && this.#lose && text.includes(`7:command${this.#lose.command.length}:${this.#lose.command}`)) {
        this.#lost.add(cookie)
        this.#lostWhat = this.#lose.what
        this.#lose = null
      }
      const isLost = this.#lost.has(cookie) && isAnswer === (this.#lostWhat === 'answer')
      if (!isLost) socket.send(datagram, isAnswer ? client : enginePort, HOST)
    })
  }

  static async open(enginePort: number): Promise<LossyWay> {
    const socket = createSocket('udp4')
    socket.bind(0, HOST)
    await once(socket, 'listening')
    return new LossyWay(socket, enginePort)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** The next question with this command, however often it is asked, or all its answers. */
  loseNext(command: string, what: 'question' | 'answer'): void {
    this.#lose = { command, what }
  }

  close(): void {
    this.#socket.close()
  }
}
