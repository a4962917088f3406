// oxlint-disable-next-line import/no-unassigned-import -- It must run before drachtio-srf is loaded.
import './srf/plain-env.ts'
import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { holdRequests, refuseRequests } from './in-dialog/held-requests.ts'
import { ignoreEscapedNames } from './srf/escaped-names.ts'
import { quickenFrames, type FrameReader } from './srf/quick-frames.ts'
import { quickenMessages } from './srf/quick-messages.ts'
import type { MessageClass, MessageParser } from './srf/quick-messages.ts'
import { quickenParts } from './srf/quick-parts.ts'
import { loadQuietly } from './srf/quiet-debug.ts'
import { teachStatuses } from './srf/later-statuses.ts'
import { readSessionParts } from './srf/session-part.ts'
import { unfoldHeaders } from './srf/unfolded-headers.ts'
import { answerChallengesOurWay } from './srf/srf-digest.ts'
import type {
  LegDialog,
  RequestOptions,
  SendOptions,
  SipDialog,
  SipRequest,
  SipResponse,
  UacOptions,
  UacProgress,
} from './srf/srf-types.ts'
import { gatherWrites } from './srf/gather-writes.ts'
import { keepInSlots, type AgentClass } from './srf/slotted-tables.ts'
import { SlotMap, Slots } from '../model/slots.ts'

/**
 * Re-INVITEs a party and resolves to its answer. After a refusal drachtio-srf counts its re-INVITE as still on its way, and
 * would hold back every later one for ever: so the count is set right, and what was agreed before is agreed still. The caller
 * sends one at a time.
 */
export async function reinvite(
  dialog: LegDialog,
  offer: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const agreed = dialog.local.sdp
  try {
    return await dialog.modify(offer, { headers })
  } catch (error) {
    dialog.local.sdp = agreed
    // oxlint-disable-next-line no-underscore-dangle -- theirs, and there is no other way to it.
    const line = (dialog as { _reinvitesInProgress?: { count: number } })._reinvitesInProgress
    if (line) line.count = 0
    throw error
  }
}

/** What drachtio-srf will send (for any other status it throws), but for 199, which is not for everybody (RFC 6228 §4). */
const KNOWN_STATUSES = new Set(
  [
    [100, 180, 181, 182, 183, 200, 202, 204, 300, 301, 302, 305, 380],
    [400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 420, 421, 422, 423, 424],
    [428, 429, 430, 433, 436, 437, 438, 439, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494],
    [500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606],
    teachStatuses(),
  ].flat(),
)

/**
 * The status to pass on for one that came from outside: an unknown one means x00, an unknown provisional 183
 * (RFC 3261 §8.1.3.2).
 */
export function relayableStatus(status: number): number {
  if (KNOWN_STATUSES.has(status)) return status
  return status < 200 ? 183 : Math.floor(status / 100) * 100
}

type DialogCallback = (error: Error | null, dialog?: SipDialog) => void
type RequestHandler = (req: SipRequest, res: SipResponse) => void

/** The untyped parts of drachtio-srf that its own declarations leave out. */
interface SrfFace extends EventEmitter {
  _dialogs: SlotMap<string, object>
  /** What srf is built on: it tells of a lost connection at once, and not a turn later, and knows the connections there are. */
  readonly app: EventEmitter & { readonly client?: { readonly mapServer: ReadonlyMap<Socket, unknown> } }
  connect(options: { host: string; port: number; secret: string }): void
  disconnect(socket?: Socket): void
  invite(handler: RequestHandler): void
  prack(handler: RequestHandler): void
  options(handler: RequestHandler): void
  register(handler: RequestHandler): void
  message(handler: RequestHandler): void
  subscribe(handler: RequestHandler): void
  notify(handler: RequestHandler): void
  refer(handler: RequestHandler): void
  createUAC(uri: string, options: UacOptions, progress: UacProgress, callback: DialogCallback): void
  createUAS(
    req: SipRequest,
    res: SipResponse,
    options: SendOptions & { localSdp: string },
    callback: DialogCallback,
  ): void
  /** Again is no error. */
  removeDialog(dialog: SipDialog): void
  request(
    options: RequestOptions & { uri: string; stackDialogId?: string },
    callback: (error: Error | null, request?: SipRequest) => void,
  ): void
}

const claimedPracks = new WeakSet<SipRequest>()

/** Whoever is told of a PRACK may, there and then, take over its answer, which brings one to its offer (RFC 3262 §5). */
export function claimPrack(prack: SipRequest): SipResponse {
  claimedPracks.add(prack)
  return prack.res
}

/** The untyped parts of a response: how drachtio-srf finds the PRACK that acknowledges it. */
interface Acknowledged {
  readonly agent: {
    readonly mapServer: ReadonlyMap<Socket, { readonly pendingAckOrPrack: Map<string, unknown> } | undefined>
  }
  readonly socket: Socket
  readonly stackDialogId: string
}

/** Nobody waits for the PRACK of this answer any more; left to itself drachtio-srf waits until its connection is lost. */
export function forgetPrack(res: SipResponse): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- theirs, and there is no other way to it.
  const { agent, socket, stackDialogId } = res as unknown as Acknowledged
  agent.mapServer.get(socket)?.pendingAckOrPrack.delete(stackDialogId)
}

export interface SignalingOptions {
  readonly host: string
  readonly port: number
  readonly secret: string
  /** How long the first connection may take. */
  readonly connectTimeoutMs: number
  readonly log: { info(details: object, message: string): void; warn(details: object, message: string): void }
}

const require = createRequire(import.meta.url)

quickenParts()
const Srf = loadQuietly() as new () => SrfFace

/** drachtio-srf’s own; its types do not name it. */
const DigestClient = require('drachtio-srf/lib/digest-client.js') as { prototype: object }

/** Its reader of messages, the same for all connections. */
const parser = require('drachtio-srf/lib/sip-parser/parser.js') as MessageParser
// Whoever reads its debug lines reads each piece as it came.
if (!process.env['DEBUG'])
  quickenFrames((require('drachtio-srf/lib/wire-protocol.js') as { prototype: FrameReader }).prototype)
keepInSlots(require('drachtio-srf/lib/drachtio-agent.js') as AgentClass)
quickenMessages(parser, require('drachtio-srf/lib/sip-parser/message.js') as MessageClass)
readSessionParts(parser)
ignoreEscapedNames(parser)
unfoldHeaders(parser)

/**
 * The drachtio connection, over which every call of this gateway goes. Only this file imports drachtio-srf (what it hands us is typed
 * in srf-types.ts), and nothing here knows whether the server at the other end is the embedded one or real drachtio-server.
 */
export class Signaling {
  readonly #srf: SrfFace
  readonly #options: SignalingOptions
  #closed = false
  #connected = false
  /** The connection that calls came over last. */
  #line: Socket | null = null
  /** Who waits for an answer that a lost connection would never bring. */
  readonly #waiting = new Slots<(error: Error) => void>()
  #onLost = (): void => undefined
  /** `proto/host:port`, comma separated, as the server announced them. */
  addresses = ''

  constructor(options: SignalingOptions) {
    this.#options = options
    this.#srf = new Srf()
    // oxlint-disable-next-line no-underscore-dangle -- theirs, and there is no other way to it.
    this.#srf._dialogs = new SlotMap()
    answerChallengesOurWay(DigestClient)
    this.#srf.prack((req, res) => {
      if (!claimedPracks.has(req)) res.send(200)
    })
  }

  get connected(): boolean {
    return this.#connected
  }

  onInvite(handler: RequestHandler): void {
    this.#srf.invite((req, res) => {
      if (req.socket !== undefined) {
        gatherWrites(req.socket)
        this.#line = req.socket
      }
      handler(req, res)
    })
  }

  /** A request of this method that belongs to no call: new, or of a dialog that `accept` or `ask` began. */
  on(method: 'register' | 'options' | 'message' | 'subscribe' | 'notify' | 'refer', handler: RequestHandler): void {
    this.#srf[method](handler)
  }

  /** Whoever waits for an answer learns of it by itself; this is for those who would be told nothing any more. */
  onLost(handler: () => void): void {
    this.#onLost = handler
  }

  /** Resolves once the server has accepted us; later losses reconnect by themselves (drachtio-srf backs off). */
  async connect(): Promise<void> {
    const { host, port, secret, connectTimeoutMs, log } = this.#options
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no drachtio server at ${host}:${port} within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      )
      this.#srf.on('connect', (error: Error | null, addresses: string) => {
        clearTimeout(timer)
        if (this.#closed) return this.#srf.disconnect() // It was on its way when we closed.
        if (error) return reject(new Error(`the drachtio server at ${host}:${port} refused us: ${error.message}`))
        this.#connected = true
        this.addresses = addresses
        log.info({ addresses }, 'connected to the SIP server')
        resolve()
      })
      this.#srf.app.on('close', () => this.#lost())
      this.#srf.on('error', (error: Error) => this.#lost(error))
      this.#srf.connect({ host, port, secret })
    })
  }

  #lost(error?: Error): void {
    this.#connected = false
    this.#onLost()
    for (const reject of this.#waiting) reject(new ConnectionLost())
    this.#waiting.clear()
    if (!this.#closed) this.#options.log.warn({ error: error?.message }, 'the connection to the SIP server is lost')
  }

  /** Without a connection drachtio-srf does not fail: it throws, as it would at a bug of ours. */
  get #hasLine(): boolean {
    return (this.#srf.app.client?.mapServer.size ?? 0) > 0
  }

  /** Calls somebody. Requests of the dialog it resolves to wait until `releaseRequests`. */
  createUAC(uri: string, options: UacOptions, progress: UacProgress): Promise<SipDialog> {
    if (!this.#hasLine) return Promise.reject(new ConnectionLost())
    const { promise, resolve, reject } = Promise.withResolvers<SipDialog>()
    this.#srf.createUAC(uri, options, progress, (error, dialog) => {
      if (!dialog) return reject(error ?? new Error('no dialog came of the call'))
      holdRequests(dialog)
      resolve(this.#adopt(dialog))
    })
    return this.#unlessLost(promise)
  }

  /** Answers a call. Requests of the dialog it resolves to wait until `releaseRequests`. */
  createUAS(req: SipRequest, res: SipResponse, options: SendOptions & { localSdp: string }): Promise<SipDialog> {
    const { promise, resolve, reject } = Promise.withResolvers<SipDialog>()
    this.#srf.createUAS(req, res, options, (error, dialog) => {
      if (!dialog) return reject(error ?? new Error('no dialog came of the answer'))
      holdRequests(dialog)
      resolve(this.#adopt(dialog))
    })
    return this.#unlessLost(promise)
  }

  /**
   * Sends a request outside any dialog this connection knows and resolves to the final status. `proxy` is the next hop.
   * A challenge is answered once with `auth`. Uses the callback form: with the promise form an answer that arrives in the same packet as the echo is lost.
   */
  async request(uri: string, options: RequestOptions): Promise<number> {
    return (await this.ask(uri, options)).status
  }

  /** The same, resolving to the final response. `onSent` sees the request as it went out, before anything comes back. */
  ask(uri: string, options: RequestOptions, onSent?: (request: SipRequest) => void): Promise<SipResponse> {
    return this.#ask({ uri, ...options }, onSent)
  }

  /** The same in a dialog without a call, which a SUBSCRIBE began. */
  askInDialog(stackDialogId: string, options: RequestOptions): Promise<SipResponse> {
    return this.#ask({ uri: 'sip:placeholder', stackDialogId, ...options }) // The server knows where it is.
  }

  #ask(options: Parameters<SrfFace['request']>[0], onSent?: (request: SipRequest) => void): Promise<SipResponse> {
    if (!this.#hasLine) return Promise.reject(new ConnectionLost())
    const { promise, resolve, reject } = Promise.withResolvers<SipResponse>()
    this.#srf.request(options, (error, request) => {
      if (error || !request) return reject(error ?? new Error('request not sent'))
      onSent?.(request)
      request.on('response', (response: SipResponse) => {
        if (response.status >= 200) resolve(response)
      })
    })
    return this.#unlessLost(promise)
  }

  /** Accepts a request that begins a dialog without a call, a SUBSCRIBE, and resolves to the dialog's id. */
  accept(res: SipResponse, status: number, options: SendOptions): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    res.send(status, undefined, options, (error) => {
      if (error === null && res.stackDialogId) resolve(res.stackDialogId)
      else reject(error instanceof Error ? error : new Error(error ?? 'no dialog came of the answer'))
    })
    return this.#unlessLost(promise)
  }

  /** drachtio-srf forgets what it waits for when the connection is lost: without this, whoever asked would wait for ever. */
  #unlessLost<T>(answer: Promise<T>): Promise<T> {
    // No race of promises, and none of ours besides: six answers a call are waited for.
    return new Promise((resolve, reject) => {
      const slot = this.#waiting.add(reject)
      answer.then(
        (value) => {
          this.#waiting.free(slot, reject)
          resolve(value)
        },
        (error: unknown) => {
          this.#waiting.free(slot, reject)
          reject(error)
        },
      )
    })
  }

  /**
   * drachtio-srf sends a dialog's requests over the connection the dialog began on, and fails when that is gone. A dialog that
   * has none takes the present one, so calls outlive a lost connection (the embedded server gives them back).
   */
  #adopt(dialog: SipDialog): SipDialog {
    const request: { socket: Socket | undefined } = dialog.req
    request.socket = undefined
    const destroy = dialog.destroy.bind(dialog)
    const modify = dialog.modify.bind(dialog)
    const ask = dialog.request.bind(dialog)
    return Object.assign(dialog, {
      destroy: (...args: Parameters<typeof destroy>) => {
        refuseRequests(dialog)
        // Where the BYE's answer is lost with the connection, drachtio-srf would keep the dialog for ever.
        return this.#unlessLost(destroy(...args)).finally(() => this.#srf.removeDialog(dialog))
      },
      modify: (...args: Parameters<typeof modify>) => this.#unlessLost(modify(...args)),
      request: (...args: Parameters<typeof ask>) => this.#unlessLost(ask(...args)),
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // It forgets the half of a frame it has and would then throw at the other half: nobody reads what comes now.
    this.#line?.removeAllListeners('data').resume()
    if (this.#connected) this.#srf.disconnect()
    // Without a connection it throws instead of giving up the search for one: a socket that leads nowhere makes it give up.
    else this.#srf.disconnect(new Socket())
  }
}

/** The connection to the SIP server broke before the answer came. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly status = 503

  constructor() {
    super('the connection to the SIP server was lost')
  }
}
