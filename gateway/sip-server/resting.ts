import type { Receiver } from './transport.ts'

/** A socket, or a WebSocket. */
interface Stream {
  pause(): void
  resume(): void
}

/**
 * A stream that is not read for a while, since its source has sent all it may for now. Asked again when the time is up: other
 * streams of the same source may have been before it.
 */
export class Rest {
  readonly #stream: Stream
  readonly #host: string
  readonly #receiver: Receiver
  readonly #onOver: () => void
  #timer: NodeJS.Timeout

  private constructor(stream: Stream, host: string, receiver: Receiver, forMs: number, onOver: () => void) {
    this.#stream = stream
    this.#host = host
    this.#receiver = receiver
    this.#onOver = onOver
    stream.pause()
    this.#timer = this.#wait(forMs)
  }

  /** Null: it may be read on. */
  static ifNeeded(stream: Stream, host: string, receiver: Receiver, onOver: () => void): Rest | null {
    const forMs = receiver.restMs(host)
    return forMs > 0 ? new Rest(stream, host, receiver, forMs, onOver) : null
  }

  #wait(forMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.ceil(forMs))
  }

  #look(): void {
    const forMs = this.#receiver.restMs(this.#host)
    if (forMs > 0) {
      this.#timer = this.#wait(forMs)
      return
    }
    this.#onOver()
    this.#stream.resume()
  }

  /** Its stream is closed. */
  stop(): void {
    clearTimeout(this.#timer)
  }
}
