import { WebSocket, type RawData } from 'ws'
import type { Caller } from './endpoint.ts'
import { Problem } from './problems.ts'
import { TOPICS, type Topic } from './feed-messages.ts'

/** How long a client that sent no token with its request has to send one. */
export const AUTH_TIMEOUT_MS = 5_000
export const PING_INTERVAL_MS = 30_000
/** Messages a client may send in ten seconds: it has little to say. */
export const MAX_MESSAGES = 50
const MESSAGE_WINDOW_MS = 10_000

// Close codes of our own are in the range RFC 6455 §7.4.2 leaves to applications.
export const CLOSE_UNAUTHORIZED = 4401
const CLOSE_POLICY = 1008
export const CLOSE_GOING_AWAY = 1001

/** Who a client is, and by which token. */
export interface Admitted {
  readonly token: string
  readonly caller: Caller
}

export interface FeedClientOptions {
  readonly socket: WebSocket
  readonly authenticate: (token: string) => Promise<Caller>
  readonly bufferBytes: number
  readonly now: () => number
  /** Told when it has said who it is. */
  readonly onAdmitted: () => void
  /** Told when a client is dropped because it does not read. */
  readonly onSlow: () => void
}

/** One reader of the live feed: who it is, what it asked for, and whether it still listens. */
export class FeedClient {
  readonly #options: FeedClientOptions
  readonly #topics = new Set<Topic>()
  #admitted: Admitted | null = null
  #alive = true
  #messages = { count: 0, since: 0 }
  #timer: NodeJS.Timeout | undefined

  constructor(options: FeedClientOptions, admitted: Admitted | null) {
    this.#options = options
    const { socket } = options
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('pong', () => (this.#alive = true))
    socket.on('error', () => undefined) // A protocol error or reset: ws closes it, `close` follows.
    socket.on('close', () => clearTimeout(this.#timer))
    if (admitted) this.#welcome(admitted)
    else this.#endIn(AUTH_TIMEOUT_MS, 'send {"type":"auth","token":…} first')
  }

  get caller(): Caller | null {
    return this.#admitted?.caller ?? null
  }

  wants(topic: Topic): boolean {
    return this.#topics.has(topic)
  }

  /** Sends a text; drops a client whose unread messages pass the limit, for its memory is ours. */
  send(text: string): void {
    const { socket, bufferBytes, onSlow } = this.#options
    if (socket.readyState !== WebSocket.OPEN) return
    if (socket.bufferedAmount > bufferBytes) {
      onSlow()
      socket.terminate()
    } else socket.send(text)
  }

  /** To be called every PING_INTERVAL_MS: one that has not answered the last ping is gone. */
  ping(): void {
    if (!this.#alive) return this.#options.socket.terminate()
    this.#alive = false
    this.#options.socket.ping()
    if (this.#admitted) void this.#askAgain(this.#admitted.token)
  }

  /** Whoever was logged out, or whose key or account is gone, has heard enough. */
  async #askAgain(token: string): Promise<void> {
    await this.#options.authenticate(token).catch((error: unknown) => {
      if (error instanceof Problem) this.close(CLOSE_UNAUTHORIZED, 'the token is no longer valid')
    })
  }

  close(code: number, reason: string): void {
    this.#options.socket.close(code, reason)
  }

  terminate(): void {
    this.#options.socket.terminate()
  }

  #welcome(admitted: Admitted): void {
    this.#admitted = admitted
    this.#options.onAdmitted()
    const { caller } = admitted
    if (caller.token) this.#endIn(caller.token.expiresAtMs - this.#options.now(), 'the access token has expired')
    else clearTimeout(this.#timer)
    this.send(JSON.stringify({ type: 'welcome', role: caller.role, account_id: caller.accountId, topics: TOPICS }))
  }

  #endIn(ms: number, reason: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.close(CLOSE_UNAUTHORIZED, reason), Math.min(Math.max(ms, 0), 2 ** 31 - 1))
    this.#timer.unref()
  }

  #receive(data: RawData, isBinary: boolean): void {
    const now = this.#options.now()
    if (now - this.#messages.since > MESSAGE_WINDOW_MS) this.#messages = { count: 0, since: now }
    if (++this.#messages.count > MAX_MESSAGES) return this.close(CLOSE_POLICY, 'too many messages')
    const message = isBinary ? null : parse(data)
    if (!message) return this.#refuse('malformed_json', 'Send a JSON object as text.')
    const { type, topics, token } = message
    if (type === 'auth' && typeof token === 'string') return void this.#authenticate(token)
    if (!this.#admitted) return this.close(CLOSE_UNAUTHORIZED, 'authenticate first')
    if (type === 'ping') return this.send('{"type":"pong"}')
    if (type !== 'subscribe' && type !== 'unsubscribe') {
      return this.#refuse('invalid', 'The type is auth, subscribe, unsubscribe or ping.')
    }
    if (!Array.isArray(topics) || !topics.every(isTopic)) {
      return this.#refuse('invalid', `topics is a list of: ${TOPICS.join(', ')}.`)
    }
    for (const topic of topics) {
      if (type === 'subscribe') this.#topics.add(topic)
      else this.#topics.delete(topic)
    }
    this.send(JSON.stringify({ type: 'subscribed', topics: [...this.#topics] }))
  }

  async #authenticate(token: string): Promise<void> {
    try {
      const caller = await this.#options.authenticate(token)
      // A fresh token prolongs the same reader; another's would read what was subscribed to before.
      if (this.caller && this.caller.accountId !== caller.accountId) this.#topics.clear()
      this.#welcome({ token, caller })
    } catch {
      this.close(CLOSE_UNAUTHORIZED, 'the token is not valid')
    }
  }

  #refuse(code: string, detail: string): void {
    this.send(JSON.stringify({ type: 'error', code, detail }))
  }
}

function isTopic(value: unknown): value is Topic {
  return (TOPICS as readonly unknown[]).includes(value)
}

function parse(data: RawData): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse((data as Buffer).toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
