import { Agent, buildConnector, errors, request, type Dispatcher } from 'undici'
import { AddressRefused, type AddressGuard } from './address-guard.ts'

export interface HttpClientLimits {
  /** Connections to one origin; what is beyond waits for one of them, within its own time. */
  readonly connections: number
  /** The longest answer, in bytes; a longer one breaks its connection off. */
  readonly maxAnswerBytes: number
  /** An idle connection is kept so long, unless its server says less, ms. */
  readonly keepAliveMs?: number
}

/** Different origins spoken to at once. */
const MAX_ORIGINS = 2000
const MAX_HEADER_BYTES = 16_384
/** Of an answer that is not looked at so much is waited for, so that its connection can be used again. */
const MAX_UNREAD_BYTES = 65_536
const CONNECT_MS = 2000
/** A TLS handshake takes longer than most answers. */
const KEEP_ALIVE_MS = 30_000
/** Each request has a time of its own; this only ends what it has forgotten. */
const ANSWER_MS = 30_000

/** Why a request came to no answer. */
export type HttpFailureKind = 'late' | 'unreachable' | 'address_refused' | 'too_long' | 'malformed'

export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
  readonly kind: HttpFailureKind

  constructor(kind: HttpFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export interface OutgoingRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export interface IncomingReply {
  readonly status: number
  readonly text: string
}

/**
 * Requests to URLs that customers name: kept-alive connections, a bounded number to each origin, one request on each at a time (a slow answer
 * holds up no other), no redirect followed, and no answer longer than the limit read.
 */
export class HttpClient {
  readonly #agent: Agent

  constructor(guard: AddressGuard, { connections, maxAnswerBytes, keepAliveMs = KEEP_ALIVE_MS }: HttpClientLimits) {
    const connect = buildConnector({ timeout: CONNECT_MS, lookup: guard.lookup })
    this.#agent = new Agent({
      connections,
      pipelining: 1,
      maxOrigins: MAX_ORIGINS,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: maxAnswerBytes,
      connect: (options, callback) => {
        // An address in the URL itself is never looked up.
        if (guard.mayCall(options.hostname)) return connect(options, callback)
        process.nextTick(() => callback(new AddressRefused(`${options.hostname} is not called`), null))
      },
    })
  }

  /**
   * Resolves with any status there is, redirects included. Throws HttpFailure: `late` after `timeoutMs`, or once `gone` is aborted, whatever has
   * come by then.
   */
  send(outgoing: OutgoingRequest, timeoutMs: number, gone?: AbortSignal): Promise<IncomingReply> {
    return this.#answerTo(outgoing, timeoutMs, gone, async ({ statusCode, headers, body }) => {
      const encoding = headers['content-encoding']
      if (encoding !== undefined && encoding !== 'identity') {
        body.on('error', () => {}) // It says that we have broken it off.
        body.destroy()
        throw new HttpFailure('malformed', `the answer is in ${String(encoding)}, which was not asked for`)
      }
      return { status: statusCode, text: await body.text() }
    })
  }

  /** As `send`, for whom the status says all: however the rest comes, or does not, it is not looked at. */
  statusOf(outgoing: OutgoingRequest, timeoutMs: number): Promise<number> {
    return this.#answerTo(outgoing, timeoutMs, undefined, async ({ statusCode, body }) => {
      await body.dump({ limit: MAX_UNREAD_BYTES }).catch(() => {})
      return statusCode
    })
  }

  async #answerTo<T>(
    { method, url, headers, body }: OutgoingRequest,
    timeoutMs: number,
    gone: AbortSignal | undefined,
    read: (answer: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const ending = new AbortController()
    const giveUp = (): void => ending.abort(new HttpFailure('late', 'nobody waits for the answer any more'))
    if (gone?.aborted) giveUp()
    gone?.addEventListener('abort', giveUp)
    const timer = setTimeout(() => ending.abort(new HttpFailure('late', `no answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      const options = { method, headers: inPlain(headers), body, signal: ending.signal }
      return await read(await request(url, { ...options, dispatcher: this.#agent }))
    } catch (error) {
      throw failureOf(ending.signal.aborted ? ending.signal.reason : error)
    } finally {
      clearTimeout(timer)
      gone?.removeEventListener('abort', giveUp)
    }
  }

  /** Takes no more requests, and ends its connections once those under way are answered. */
  retire(): Promise<void> {
    return this.#agent.close()
  }

  /** Ends all connections, requests under way included. */
  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

/** Answers are wanted as they are: none is unpacked, which a small one could use to become a large one. */
function inPlain(headers: OutgoingRequest['headers']): Record<string, string> {
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'accept-encoding')
  return { ...Object.fromEntries(others), 'Accept-Encoding': 'identity' }
}

function failureOf(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  if (isRefused(error)) return new HttpFailure('address_refused', message)
  if (error instanceof errors.ResponseExceededMaxSizeError) return new HttpFailure('too_long', message)
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError)
    return new HttpFailure('malformed', message)
  return new HttpFailure('unreachable', message)
}

/** Where several addresses were tried, each has its own error. */
function isRefused(error: unknown): boolean {
  if (error instanceof AddressRefused) return true
  return error instanceof AggregateError && error.errors.some(isRefused)
}
