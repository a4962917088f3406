import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { readTags } from './application-tags.ts'
import type { ApplicationTags } from './application-tags.ts'
import type { Application, Echo, Shown } from './application.ts'
import {
  FrameReader,
  readFrame,
  writeCdr,
  writeEcho,
  writeProxied,
  writeResponse,
  writeShown,
} from './control-codec.ts'
import type { SipServerLimits } from './limits.ts'
import type { SipMessage } from './message.ts'
import { readProxyCommand } from './proxy-command.ts'
import type { ProxyCommand } from './proxy-command.ts'
import type { Peer } from './transport.ts'
import { isParseFailure, parseAppMessage } from './wire-format.ts'
import { WritePace } from './write-pace.ts'

/** What applications ask of the SIP layers. Each call answers its frame, now or when a name has been resolved. */
export interface SipActions {
  respond(app: Application, frameId: string, transactionId: string, response: SipMessage): void
  sendInDialog(app: Application, frameId: string, dialogId: string, request: SipMessage): void
  cancel(app: Application, frameId: string, transactionId: string, request: SipMessage): void
  sendNew(app: Application, frameId: string, routeUrl: string, request: SipMessage): void
  proxy(app: Application, frameId: string, command: ProxyCommand, extra: SipMessage | null): void
  /** The dialog whose Call-ID this is, for a request that names no dialog; '' when there is none. */
  dialogOfCall(app: Application, request: SipMessage): string
  /** An application has authenticated. */
  opened(app: Application): void
  closed(app: Application): void
  onInternalError(error: unknown): void
}

interface ConnectionOptions {
  readonly secret: string
  readonly limits: SipServerLimits
  readonly actions: SipActions
  /** `hostports|version|local hostports`: what follows OK when an application has authenticated. */
  readonly greeting: string
  readonly directory: ApplicationDirectory
  /** Where it listens, when we connected to it: part of what it is known by. */
  readonly place?: string
}

/** Who is connected, and who wants which requests. */
export interface ApplicationDirectory {
  /** It has authenticated: its tags count from now on. */
  enter(connection: ControlConnection): void
  want(connection: ControlConnection, method: string): void
  unwant(connection: ControlConnection, method: string): void
  /** It takes no more requests; again is no error. */
  leave(connection: ControlConnection): void
  /** Its socket is gone. */
  closed(connection: ControlConnection): void
}

const NO_TAGS: ApplicationTags = { tags: [], weight: 1, identity: '' }

/** One application connected over the drachtio control protocol (drachtio-wire-protocol.md). */
export class ControlConnection implements Application {
  /** What it said of itself when it authenticated. */
  tags = NO_TAGS
  /** Methods it wants, in lower case. */
  readonly routes = new Set<string>()
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #reader: FrameReader
  #isAuthenticated = false
  #isOpen = true
  /** Frames of the present flush, and those that must not travel with it. */
  #pending = ''
  #held = ''
  #pendingFrames = 0
  #isFlushScheduled = false
  #flushNumber = 1
  readonly #pace = new WritePace()
  readonly #authenticateTimer: NodeJS.Timeout

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#reader = new FrameReader(options.limits.maxFrameBytes)
    this.#authenticateTimer = setTimeout(() => this.close(), options.limits.authenticateMs)
    socket.on('data', (chunk) => this.#receive(chunk))
    // What follows is 'close', and that says all there is to say.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
  }

  get isOpen(): boolean {
    return this.#isOpen && this.#isAuthenticated
  }

  get identity(): string {
    const { place = '' } = this.#options
    return `${place}|${this.tags.identity}`
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk, (payload) => {
        this.#take(payload)
        return this.#isOpen
      })
    } catch (error) {
      // A stream without frames cannot be found again; drachtio closes it without a word, too.
      if (!(error instanceof Error) || error.name !== 'FrameError') throw error
      this.close()
    }
  }

  #take(payload: string): void {
    const { tokens, text } = readFrame(payload)
    const [id, type] = tokens
    if (id === undefined || type === undefined) return this.#refuseAndClose(id ?? '', 'Unknown message type')
    if (type === 'authenticate') return this.#authenticate(id, tokens[2] ?? '', tokens[3] ?? '')
    if (!this.#isAuthenticated) return this.#refuseAndClose(id, 'not authenticated')
    switch (type) {
      case 'ping':
        return this.#reply(id, 'OK', 'pong')
      case 'route':
        return this.#route(id, (tokens[2] ?? '').toLowerCase())
      case 'remove_route':
        this.routes.delete((tokens[2] ?? '').toLowerCase())
        this.#options.directory.unwant(this, (tokens[2] ?? '').toLowerCase())
        return this.#reply(id, 'OK')
      case 'sip':
        try {
          return this.#sip(id, tokens, text)
        } catch (error) {
          this.#options.actions.onInternalError(error)
          return this.refuse(id, 'Unknown server error')
        }
      case 'proxy':
        return this.#proxy(id, tokens, text)
      default:
        return this.#refuseAndClose(id, 'Unknown message type')
    }
  }

  #authenticate(id: string, secret: string, tags: string): void {
    const { directory, actions, greeting } = this.#options
    if (!isSame(secret, this.#options.secret)) return this.#refuseAndClose(id, 'incorrect secret')
    const read = readTags(tags)
    if (read === null) return this.#refuseAndClose(id, 'invalid tags')
    if (this.#isAuthenticated) return this.#reply(id, 'OK', greeting)
    clearTimeout(this.#authenticateTimer)
    this.#isAuthenticated = true
    this.tags = read
    this.#reply(id, 'OK', greeting)
    directory.enter(this)
    actions.opened(this)
  }

  #route(id: string, method: string): void {
    if (method === '' || this.routes.has(method)) return this.#reply(id, 'OK')
    if (this.routes.size >= this.#options.limits.maxRoutes) return this.refuse(id, 'too many routes')
    this.routes.add(method)
    this.#options.directory.want(this, method)
    this.#reply(id, 'OK')
  }

  #sip(id: string, tokens: readonly string[], text: string): void {
    const { actions } = this.#options
    const transactionId = tokens[2] ?? ''
    const dialogId = tokens[3] ?? ''
    const routeUrl = tokens[4] ?? ''
    const isResponse = text.startsWith('SIP/')
    if (isResponse && transactionId === '') return this.#refuseAndClose(id, 'transaction id missing')
    const message = parseAppMessage(text)
    if (isParseFailure(message)) {
      const startLine = text.slice(0, Math.max(0, text.indexOf('\r')))
      const isUri =
        message.reason === 'Malformed Request-URI' || message.partial === null || message.reason === 'Not a SIP message'
      if (isResponse) return this.refuse(id, 'Unknown server error sending response')
      return this.refuse(id, isUri ? `invalid request-uri: ${startLine}` : message.reason)
    }
    if (isResponse) return actions.respond(this, id, transactionId, message)
    if (dialogId !== '') return actions.sendInDialog(this, id, dialogId, message)
    if (transactionId !== '') return actions.cancel(this, id, transactionId, message)
    const known = actions.dialogOfCall(this, message)
    if (known !== '') return actions.sendInDialog(this, id, known, message)
    actions.sendNew(this, id, routeUrl, message)
  }

  #proxy(id: string, tokens: readonly string[], text: string): void {
    const command = readProxyCommand(tokens)
    if (command === null) return this.#refuseAndClose(id, 'Unknown message type')
    const message = text === '' ? null : parseAppMessage(text)
    if (message !== null && isParseFailure(message)) return this.refuse(id, message.reason)
    try {
      this.#options.actions.proxy(this, id, command, message)
    } catch (error) {
      this.#options.actions.onInternalError(error)
      this.refuse(id, 'Unknown server error')
    }
  }

  tellProxied(frameId: string, response: SipMessage, source: Peer | null): void {
    this.#append(writeProxied(frameId, response, source), -1)
  }

  finishProxied(frameId: string): void {
    this.#reply(frameId, 'OK', 'done')
  }

  tellCdr(event: string, source: string, detail: string, message: SipMessage): void {
    this.#append(writeCdr(event, source, detail, message), -1)
  }

  show(shown: Shown): number {
    return this.#append(writeShown(shown), shown.afterFlush)
  }

  echo(frameId: string, echo: Echo): number {
    return this.#append(writeEcho(frameId, echo), -1)
  }

  refuse(frameId: string, reason: string): void {
    this.#reply(frameId, 'NOK', reason)
  }

  #reply(frameId: string, ...tokens: string[]): void {
    this.#append(writeResponse(frameId, ...tokens), -1)
  }

  #refuseAndClose(frameId: string, reason: string): void {
    this.#reply(frameId, 'NO', reason)
    this.#flush()
    this.#isOpen = false
    this.#options.directory.leave(this)
    this.#socket.end()
    // It may not read; we do not wait for that.
    this.#socket.setTimeout(1_000, () => this.#socket.destroy())
  }

  /**
   * Adds a frame to the present flush, or to the next one if it must not share a write with flush `afterFlush`. Once a
   * frame waits for the next flush, everything behind it does: the order is kept.
   */
  #append(frame: string, afterFlush: number): number {
    if (!this.#isOpen) return -1
    const waits = this.#held !== '' || afterFlush === this.#flushNumber
    if (waits) this.#held += frame
    else this.#pending += frame
    this.#pendingFrames++
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true
      this.#pace.next(() => this.#flush())
    }
    return waits ? this.#flushNumber + 1 : this.#flushNumber
  }

  #flush(): void {
    this.#isFlushScheduled = false
    if (!this.#isOpen) return
    if (this.#socket.writableLength > this.#options.limits.maxApplicationQueueBytes) return this.close()
    this.#socket.write(this.#pending, 'latin1')
    this.#pace.wrote(this.#pendingFrames)
    this.#pendingFrames = 0
    this.#flushNumber++
    this.#pending = this.#held
    this.#held = ''
    if (this.#pending === '') return
    this.#isFlushScheduled = true
    // Not at once: on its heels the reader would find both in one chunk all the same.
    this.#pace.next(() => this.#flush())
  }

  close(): void {
    this.#isOpen = false
    this.#options.directory.leave(this)
    this.#socket.destroy()
  }

  #closed(): void {
    clearTimeout(this.#authenticateTimer)
    this.#isOpen = false
    this.#options.directory.leave(this)
    this.#options.directory.closed(this)
    if (this.#isAuthenticated) this.#options.actions.closed(this)
  }
}

/** Compares secrets in the same time whatever they share. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest()
  return timingSafeEqual(digest(one), digest(other))
}
