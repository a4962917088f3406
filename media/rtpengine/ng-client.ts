import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { keepAudioFrom } from '../control-places.ts'
import { MediaUnavailable } from '../media-server.ts'
import { NotBencode, parseBencode, writeBencode, type Bencoded } from './bencode.ts'

/** Questions that one rtpengine may owe answers to at a time: far more than a healthy one ever does. The next fails at once. */
export const NG_PENDING_LIMIT = 2048
/** The first wait before a question is asked again, ms; each further one is twice as long. rtpengine answers in under 1 ms. */
export const NG_FIRST_RETRY_MS = 100
/** So many times may a question find nobody listening before it is given up: once, since the error may belong to one before it. */
const REFUSALS_BORNE = 1

export interface NgRequest {
  readonly command:
    | 'ping'
    | 'offer'
    | 'answer'
    | 'delete'
    | 'query'
    | 'block media'
    | 'unblock media'
    | 'play media'
    | 'stop media'
    | 'play DTMF'
    | 'subscribe request'
    | 'subscribe answer'
    | 'unsubscribe'
  readonly [field: string]: Bencoded | undefined
}

/** A reply's dictionary. */
export interface NgReply {
  readonly [field: string]: Bencoded
}

/** rtpengine answered, and its answer is no. */
export class NgRefused extends MediaUnavailable {}

interface Waiting {
  readonly datagram: Buffer
  resolve(reply: NgReply): void
  reject(error: Error): void
  readonly deadlineMs: number
  waitMs: number
  timer: NodeJS.Timeout
  refusals: number
}

/**
 * Asks one rtpengine over its ng protocol: `<cookie> <bencoded dictionary>` in a UDP datagram. A question is asked again until it is
 * answered or late: rtpengine knows a repeated cookie, and answers it as it did the first time. What answers no question of ours, or
 * answers it twice, is counted in `strayReplies` and forgotten.
 */
export class NgClient {
  readonly #host: string
  readonly #port: number
  readonly #deadlineMs: number
  readonly #waiting = new Map<string, Waiting>()
  readonly #prefix: string
  #socket: Socket | null = null
  #lastCookie = 0
  #closed = false
  strayReplies = 0

  /** `prefix` tells this client's cookies from any other's at the same rtpengine; `deadlineMs`: how long an answer may take. */
  constructor(options: { host: string; port: number; deadlineMs: number; prefix: string }) {
    this.#host = options.host
    this.#port = options.port
    this.#deadlineMs = options.deadlineMs
    this.#prefix = options.prefix
  }

  /**
   * Rejects with NgRefused when the answer is no, with MediaUnavailable when none comes in time or it is unreadable. `blob`: the bytes of
   * its field of that name.
   */
  request(request: NgRequest, deadlineMs = this.#deadlineMs, blob?: Buffer): Promise<NgReply> {
    if (this.#closed) return Promise.reject(new MediaUnavailable(`${this.#name}: the client is closed`))
    if (this.#waiting.size >= NG_PENDING_LIMIT)
      return Promise.reject(new MediaUnavailable(`${this.#name} owes ${NG_PENDING_LIMIT} answers already`))
    return new Promise((resolve, reject) => {
      const cookie = `${this.#prefix}_${++this.#lastCookie}`
      const waiting: Waiting = {
        datagram: datagramOf(cookie, request, blob),
        resolve,
        reject,
        deadlineMs: performance.now() + deadlineMs,
        waitMs: Math.min(NG_FIRST_RETRY_MS, deadlineMs),
        timer: setTimeout(() => this.#again(cookie, request.command), Math.min(NG_FIRST_RETRY_MS, deadlineMs)),
        refusals: 0,
      }
      this.#waiting.set(cookie, waiting)
      this.#send(waiting.datagram)
    })
  }

  /** Questions without an answer yet. */
  get pending(): number {
    return this.#waiting.size
  }

  /** The address of this machine that the rtpengine sees; null before the first answer. */
  get localAddress(): string | null {
    try {
      return this.#socket?.address().address ?? null
    } catch {
      return null // It is not bound yet.
    }
  }

  close(): void {
    this.#closed = true
    for (const [cookie, waiting] of this.#waiting) {
      this.#forget(cookie)
      waiting.reject(new MediaUnavailable(`${this.#name}: the client is closed`))
    }
    this.#socket?.close()
    this.#socket = null
  }

  get #name(): string {
    return `rtpengine ${this.#host}:${this.#port}`
  }

  #again(cookie: string, command: string): void {
    const waiting = this.#waiting.get(cookie)
    if (!waiting) return
    const leftMs = waiting.deadlineMs - performance.now()
    if (leftMs < 1) {
      this.#forget(cookie)
      waiting.reject(new MediaUnavailable(`${this.#name} did not answer ${command} in time`))
      return
    }
    this.#send(waiting.datagram)
    waiting.waitMs = Math.min(waiting.waitMs * 2, leftMs)
    waiting.timer = setTimeout(() => this.#again(cookie, command), waiting.waitMs)
  }

  #send(datagram: Buffer): void {
    const socket = (this.#socket ??= this.#open())
    try {
      socket.send(datagram)
    } catch {
      // Not connected yet: Node tells it by throwing. The question is asked again.
    }
  }

  /** A connected socket hears of nobody but this rtpengine, and hears when nobody listens there. */
  #open(): Socket {
    const socket = createSocket(isIPv6(this.#host) ? 'udp6' : 'udp4')
    socket.on('error', () => this.#refused())
    socket.on('message', (datagram) => this.#receive(datagram))
    socket.once('connect', () => {
      keepAudioFrom(socket.remoteAddress().address, this.#port)
      for (const { datagram } of this.#waiting.values()) socket.send(datagram)
    })
    socket.connect(this.#port, this.#host)
    return socket
  }

  #receive(datagram: Buffer): void {
    const space = datagram.indexOf(0x20)
    const cookie = space === -1 ? '' : datagram.toString('latin1', 0, space)
    const waiting = this.#waiting.get(cookie)
    if (!waiting) {
      this.strayReplies++ // Late, repeated, or not ours.
      return
    }
    this.#forget(cookie)
    try {
      waiting.resolve(readReply(parseBencode(datagram, space + 1)))
    } catch (error) {
      waiting.reject(
        error instanceof NotBencode
          ? new MediaUnavailable(`${this.#name} answered gibberish: ${error.message}`)
          : (error as Error),
      )
    }
  }

  /**
   * The machine says that nobody listens there (ICMP port unreachable), but not to which question: each is given up the second
   * time, having been asked again meanwhile.
   */
  #refused(): void {
    for (const [cookie, waiting] of this.#waiting) {
      if (waiting.refusals++ < REFUSALS_BORNE) continue
      this.#forget(cookie)
      waiting.reject(new MediaUnavailable(`${this.#name}: nobody listens there`))
    }
  }

  #forget(cookie: string): void {
    clearTimeout(this.#waiting.get(cookie)?.timer)
    this.#waiting.delete(cookie)
  }
}

function datagramOf(cookie: string, request: NgRequest, blob: Buffer | undefined): Buffer {
  const text = `${cookie} ${writeBencode(request)}`
  if (!blob) return Buffer.from(text)
  const end = Buffer.from('e')
  return Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(`4:blob${blob.length}:`), blob, end])
}

/** A dictionary with `result: ok` or `pong`; else throws NgRefused with what it says, or NotBencode when it is no such thing. */
function readReply(value: Bencoded): NgReply {
  if (typeof value !== 'object' || Array.isArray(value)) throw new NotBencode('not a dictionary')
  const reply = value as NgReply
  const { result } = reply
  if (result === 'ok' || result === 'pong') return reply
  if (typeof result !== 'string') throw new NotBencode('it has no result')
  const why = reply['error-reason'] ?? reply['message'] ?? result
  throw new NgRefused(`rtpengine refuses: ${typeof why === 'string' ? why.slice(0, 200) : result}`)
}
