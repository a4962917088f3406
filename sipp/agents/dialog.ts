import { setParam, uriOf } from '../../gateway/sip-server/headers.ts'
import { SipMessage } from '../../gateway/sip-server/message.ts'
import { parseUri } from '../../gateway/sip-server/uri.ts'
import type { Address } from './server-transaction.ts'

/** What both sides of a call know of each other: RFC 3261 §12. */
export class Dialog {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** Our From or To as we must write it, tag included; and theirs. */
  readonly #local: string
  readonly #remote: string
  readonly #routes: readonly string[]
  readonly #fallback: Address
  remoteTarget: string
  cseq: number

  private constructor(options: {
    invite: SipMessage
    local: string
    remote: string
    localTag: string
    remoteTag: string
    routes: readonly string[]
    remoteTarget: string
    fallback: Address
    cseq: number
  }) {
    this.callId = options.invite.callId
    this.localTag = options.localTag
    this.remoteTag = options.remoteTag
    this.#local = options.local
    this.#remote = options.remote
    this.#routes = options.routes
    this.#fallback = options.fallback
    this.remoteTarget = options.remoteTarget
    this.cseq = options.cseq
  }

  /** The caller's view, from an answer with a To tag. `sentTo` is used when the Contact names no address. */
  static asCaller(invite: SipMessage, response: SipMessage, localTag: string, sentTo: Address): Dialog {
    return new Dialog({
      invite,
      local: invite.get('from')!,
      remote: response.get('to')!,
      localTag,
      remoteTag: response.toTag,
      routes: response.getAll('record-route').toReversed(),
      remoteTarget: targetOf(response) ?? invite.requestUri,
      fallback: sentTo,
      cseq: invite.cseq,
    })
  }

  /** The callee's view. */
  static asCallee(invite: SipMessage, localTag: string, source: Address): Dialog {
    return new Dialog({
      invite,
      local: setParam(invite.get('to')!, 'tag', localTag),
      remote: invite.get('from')!,
      localTag,
      remoteTag: invite.fromTag,
      routes: invite.getAll('record-route'),
      remoteTarget: targetOf(invite) ?? `sip:${source.host}:${source.port}`,
      fallback: source,
      cseq: 0,
    })
  }

  /** A request within the dialog, without Via: the transaction adds it. An ACK has the CSeq of its INVITE. */
  buildRequest(method: string, contact: string, cseq?: number): SipMessage {
    const request = new SipMessage(method, this.remoteTarget, 0, '')
    request.cseq = cseq ?? ++this.cseq
    request.callId = this.callId
    request.add('Max-Forwards', '70')
    for (const route of this.#routes) request.add('Route', route)
    request.add('From', this.#local)
    request.add('To', this.#remote)
    request.add('Call-ID', this.callId)
    request.add('CSeq', `${request.cseq} ${method}`)
    request.add('Contact', contact)
    return request
  }

  /** Where requests go: the first route, else the remote target (loose routing, §16.12). */
  get destination(): Address {
    const uri = parseUri(this.#routes[0] === undefined ? this.remoteTarget : (uriOf(this.#routes[0]) ?? ''))
    if (uri === null || uri.host === '') return this.#fallback
    return { host: uri.host.replace(/^\[|\]$/g, ''), port: uri.port ?? 5060 }
  }

  /** A re-INVITE, UPDATE or their answers may move the target (§12.2). */
  refreshTarget(message: SipMessage): void {
    this.remoteTarget = targetOf(message) ?? this.remoteTarget
  }
}

function targetOf(message: SipMessage): string | null {
  const contact = message.get('contact')
  return contact === undefined ? null : uriOf(contact)
}
