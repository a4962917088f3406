import { SipMessage } from '../../gateway/sip-server/message.ts'
import { setParam } from '../../gateway/sip-server/headers.ts'
import { serialize } from '../../gateway/sip-server/wire-format.ts'
import { Retransmission } from './timers.ts'
import type { AgentTimers } from './timers.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ResponseParts {
  readonly reason?: string
  readonly toTag?: string
  readonly contact?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly contentType?: string
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  600: 'Busy Everywhere',
  603: 'Decline',
}

/** A request received and our answers: RFC 3261 §17.2, over UDP. */
export class ServerTransaction {
  readonly request: SipMessage
  readonly source: Address
  /** A CANCEL came for this INVITE, and has had its 200. */
  onCancel: ((cancel: SipMessage) => void) | null = null
  /** The 2xx or refusal of this INVITE was never acknowledged. */
  onAckLost: (() => void) | null = null
  readonly #timers: AgentTimers
  readonly #send: (text: string) => void
  #retransmission: Retransmission | null = null
  #lastText: string | null = null
  #finalStatus = 0
  #isSettled = false

  constructor(options: { request: SipMessage; source: Address; timers: AgentTimers; send: (text: string) => void }) {
    this.request = options.request
    this.source = options.source
    this.#timers = options.timers
    this.#send = options.send
  }

  get hasFinal(): boolean {
    return this.#finalStatus !== 0
  }

  /** A final answer went out, and nothing more is expected. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Answers; after a final answer nothing more is sent. Of an INVITE the final answer is repeated until its ACK. */
  respond(status: number, parts: ResponseParts = {}): void {
    if (this.hasFinal) return
    const text = serialize(buildResponse(this.request, status, parts))
    this.#lastText = text
    this.#send(text)
    if (status < 200) return
    this.#finalStatus = status
    if (this.request.method !== 'INVITE') {
      this.#isSettled = true
      return
    }
    this.#retransmission = new Retransmission({
      timers: this.#timers,
      capMs: this.#timers.t2Ms,
      send: () => this.#send(text),
      onTimeout: () => {
        this.#isSettled = true
        this.onAckLost?.()
      },
    })
    this.#retransmission.start()
  }

  /** The same request came again: say the same again (§17.2.1). */
  repeat(): void {
    if (this.#lastText !== null) this.#send(this.#lastText)
  }

  acknowledged(): void {
    this.#isSettled = this.hasFinal
    this.#retransmission?.stop()
  }

  close(): void {
    this.#retransmission?.stop()
  }
}

function buildResponse(request: SipMessage, status: number, parts: ResponseParts): SipMessage {
  const response = new SipMessage('', '', status, parts.reason ?? REASONS[status] ?? 'Unknown')
  for (const field of request.headers) {
    if (field.key === 'via' || field.key === 'record-route') response.add(field.name, field.value)
  }
  response.add('From', request.get('from')!)
  const to = request.get('to')!
  const isTagged = request.toTag !== '' || parts.toTag === undefined || status === 100
  response.add('To', isTagged ? to : setParam(to, 'tag', parts.toTag))
  response.add('Call-ID', request.callId)
  response.add('CSeq', request.get('cseq')!)
  if (parts.contact !== undefined) response.add('Contact', parts.contact)
  for (const [name, value] of Object.entries(parts.headers ?? {})) response.add(name, value)
  if (parts.body !== undefined) {
    response.add('Content-Type', parts.contentType ?? 'application/sdp')
    response.body = parts.body
  }
  return response
}
