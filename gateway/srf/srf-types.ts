import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'

/** A request, as drachtio-srf hands it to us: of what it has, that which is used here. */
export interface SipRequest extends EventEmitter {
  readonly method: string
  readonly uri: string
  readonly body: string | undefined
  readonly source_address: string
  readonly source_port: number
  /** Our own address that a new request came in at, `host:port`. */
  readonly receivedOn?: string
  readonly protocol: string
  /** The control connection it came over. */
  readonly socket: Socket | undefined
  get(name: string): string | undefined
  has(name: string): boolean
  /** drachtio-srf joins the fields of one name by comma. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The whole message as it came. */
  readonly raw: string
  /** Where its answer goes: drachtio-srf puts it on every request it receives. */
  readonly res: SipResponse
  cancel(options: { headers?: Record<string, string> }, callback?: (error: Error | null) => void): void
}

/** An answer: one that has come, or the one to a request that has come. */
export interface SipResponse {
  readonly source_address: string
  readonly status: number
  readonly reason: string
  readonly body: string | undefined
  readonly finalResponseSent: boolean
  /** The dialog it began or belongs to, once it is received, or sent and echoed; '' when there is none. */
  readonly stackDialogId?: string
  get(name: string): string | undefined
  has(name: string): boolean
  send(
    status: number,
    reason?: string | SendOptions,
    options?: SendOptions,
    callback?: (error: Error | string | null) => void,
    onAcknowledged?: (request: SipRequest) => void,
  ): void
}

export interface SendOptions {
  headers?: Record<string, string>
  body?: string | undefined
}

/**
 * A header that must not be folded into one line (RFC 3261 §7.3.1 names WWW-Authenticate), for SendOptions: drachtio-srf
 * has one value for each name, which is written out as it is.
 */
export function headerLines(name: string, values: readonly string[]): Record<string, string> {
  return { [name]: values.join(`\r\n${name}: `) }
}

/** One side of a dialog (RFC 3261 §12), whose events are `destroy`, `modify`, `info`, `update` and so on. */
export interface LegDialog extends EventEmitter {
  readonly sip: { readonly callId: string; readonly localTag: string; readonly remoteTag: string }
  readonly local: { readonly uri: string; sdp: string }
  readonly remote: { readonly uri: string; readonly sdp: string }
  readonly connected: boolean
  destroy(options?: { headers?: Record<string, string> }): Promise<unknown>
  modify(sdp: string, options?: { headers?: Record<string, string> }): Promise<string>
  request(options: {
    method: string
    headers?: Record<string, string>
    body?: string | undefined
  }): Promise<LegResponse>
}

/** The answer to a request inside a dialog. */
export type LegResponse = Pick<SipResponse, 'status' | 'body' | 'get'>

/** drachtio-srf's dialog. */
export interface SipDialog extends LegDialog {
  readonly req: SipRequest
  readonly res: SipResponse
}

export interface UacOptions {
  /** Undefined: the other end makes the offer, which the ACK answers with `recvonly`. */
  readonly localSdp: string | undefined
  readonly headers: Record<string, string>
  readonly proxy?: string
  readonly auth?: { username: string; password: string }
}

export interface UacProgress {
  /** The INVITE as it went out, or why it could not. */
  cbRequest(error: Error | null, request?: SipRequest): void
  cbProvisional(response: SipResponse): void
}

export interface RequestOptions {
  readonly method: string
  /** The next hop. */
  readonly proxy?: string
  readonly headers: Record<string, string>
  readonly body?: string | undefined
  /** For challenges. */
  readonly auth?: { username: string; password: string }
}

/** What drachtio-srf rejects with when the answer was not a success. */
export interface SipFailure extends Error {
  readonly status: number
  readonly reason?: string
  readonly res?: SipResponse
}

export function isSipFailure(error: unknown): error is SipFailure {
  return error instanceof Error && typeof (error as Partial<SipFailure>).status === 'number'
}
