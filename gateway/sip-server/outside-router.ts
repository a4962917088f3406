import type { Application } from './application.ts'
import type { ControlServer } from './control.ts'
import { readAddress, readHandlerAnswer } from './handler-answer.ts'
import type { HandlerAnswer } from './handler-answer.ts'
import { askHandler } from './handler-question.ts'
import type { SipServerLimits } from './limits.ts'
import type { SipMessage } from './message.ts'
import type { RequestHandler } from './request-handler.ts'
import type { Peer } from './transport.ts'

/** What becomes of a request that somebody outside was asked about. */
export type Verdict =
  | { readonly kind: 'application'; readonly app: Application; readonly abandon: () => void }
  | Extract<HandlerAnswer, { action: 'reject' | 'redirect' | 'proxy' }>

/** Says who is to have a request that has a handler; the engine, which opens no socket, asks it. */
export interface OutsideRouter {
  wants(method: string): boolean
  /** Never rejects. */
  decide(request: SipMessage, source: Peer): Promise<Verdict>
}

const FAILED: Verdict = { action: 'reject', status: 500, reason: '' }
const NOBODY: Verdict = { action: 'reject', status: 480, reason: '' }

/** drachtio's outbound connection mode: an HTTP server says for each request which application it is for, or what else to do. */
export class HandlerRouter implements OutsideRouter {
  readonly #handlers: ReadonlyMap<string, RequestHandler>
  readonly #control: ControlServer
  readonly #limits: SipServerLimits
  readonly #userAgent: string
  readonly #log: (level: 'info' | 'warn', message: string) => void
  /** One line for the first failure of a handler in a row. */
  readonly #failing = new Set<RequestHandler>()

  constructor(options: {
    readonly handlers: readonly RequestHandler[]
    readonly control: ControlServer
    readonly limits: SipServerLimits
    readonly userAgent: string
    readonly log: (level: 'info' | 'warn', message: string) => void
  }) {
    this.#handlers = new Map(options.handlers.map((handler) => [handler.method, handler]))
    this.#control = options.control
    this.#limits = options.limits
    this.#userAgent = options.userAgent
    this.#log = options.log
  }

  #handlerOf(method: string): RequestHandler | undefined {
    return this.#handlers.get(method) ?? this.#handlers.get('*')
  }

  wants(method: string): boolean {
    return this.#handlerOf(method) !== undefined
  }

  async decide(request: SipMessage, source: Peer): Promise<Verdict> {
    const handler = this.#handlerOf(request.method)!
    const answer = await this.#ask(handler, request, source)
    if (answer === null) return FAILED
    if (answer.action === 'connect') return this.#connect(handler, answer)
    if (answer.action !== 'tag') return answer
    const app = this.#control.applications.routeToTag(answer.tag)
    return app === null ? NOBODY : { kind: 'application', app, abandon: () => undefined }
  }

  async #ask(handler: RequestHandler, request: SipMessage, source: Peer): Promise<HandlerAnswer | null> {
    const address = /^(tcp|tls):/.test(handler.url) ? readAddress(handler.url) : null
    if (address !== null) return { action: 'connect', address }
    try {
      const answer = readHandlerAnswer(await askHandler(handler, request, source, this.#limits, this.#userAgent))
      if (answer === null) throw new Error('its answer is no action')
      this.#failing.delete(handler)
      return answer
    } catch (error) {
      this.#complain(handler, error)
      return null
    }
  }

  async #connect(
    handler: RequestHandler,
    { address }: Extract<HandlerAnswer, { action: 'connect' }>,
  ): Promise<Verdict> {
    try {
      const app = await this.#control.connect(address, handler.verifyPeer)
      return { kind: 'application', app, abandon: () => app.close() }
    } catch (error) {
      this.#complain(handler, error)
      return NOBODY
    }
  }

  #complain(handler: RequestHandler, error: unknown): void {
    if (this.#failing.has(handler)) return
    this.#failing.add(handler)
    const why = error instanceof Error ? error.message : String(error)
    this.#log('warn', `request handler ${handler.method} ${handler.url}: ${why}`)
  }
}
