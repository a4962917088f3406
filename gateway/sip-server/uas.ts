import type { Core } from './core.ts'
import { dialogIdOf } from './dialog.ts'
import { showCancelled } from './given-up.ts'
import type { ServerTransaction } from './state.ts'
import { settleAnswer } from './dialogs.ts'
import type { SipMessage } from './message.ts'
import { dropOffer } from './offers.ts'
import type { OutsideRequests } from './outside-requests.ts'
import { ALLOW, allowOf } from './methods.ts'
import { buildResponse, reasonOf, responsePeer } from './responses.ts'
import { sessionRefusal } from './session-terms.ts'
import { beginsDialog } from './subscriptions.ts'
import { ORIGIN_HEADER, TLS_CLIENT_HEADER } from './tls-identity.ts'
import { advertisedHost } from './transport.ts'
import type { Peer } from './transport.ts'
import type { UasAnswers } from './uas-answers.ts'
import type { UasInDialog } from './uas-in-dialog.ts'
import { schemeOf } from './uri.ts'
import { serialize } from './wire-format.ts'

/** Methods an application may be asked to answer outside a dialog. */
const ROUTABLE = new Set([
  'INVITE',
  'REGISTER',
  'MESSAGE',
  'OPTIONS',
  'INFO',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
  'REFER',
])
/** Methods that mean nothing outside a dialog. */
const IN_DIALOG_ONLY = new Set(['BYE', 'UPDATE', 'PRACK'])

/** The user agent server half (RFC 3261 §8.2, §9.2, §12.2.2, §13.3): requests from the network, shown to applications. */
export class Uas {
  readonly #core: Core
  readonly #answers: UasAnswers
  readonly #inDialog: UasInDialog
  readonly #outside: OutsideRequests | null

  /** `outside`: the requests others are asked about, null when there are none. */
  constructor(core: Core, answers: UasAnswers, inDialog: UasInDialog, outside: OutsideRequests | null) {
    this.#outside = outside
    this.#core = core
    this.#answers = answers
    this.#inDialog = inDialog
  }

  /** A request that no transaction knows: inside a dialog, or new. */
  onRequest(request: SipMessage, source: Peer): void {
    if (this.#core.transactions.open >= this.#core.limits.maxTransactions) return this.#refuseOverLimit(request, source)
    // §9.2: a CANCEL that means nothing we know.
    if (request.method === 'CANCEL') this.respondStatelessly(request, source, 481, reasonOf(481))
    else if (request.toTag !== '') this.#onInDialog(request, source)
    else this.#onNew(request, source)
  }

  #onNew(request: SipMessage, source: Peer): void {
    const { transactions, dialogs, limits } = this.#core
    const { method } = request
    if (IN_DIALOG_ONLY.has(method)) return this.#reject(request, source, 481)
    if (!ROUTABLE.has(method)) return this.#reject(request, source, 501, { Allow: ALLOW })
    const scheme = schemeOf(request.requestUri)
    if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') return this.#reject(request, source, 416)
    if (transactions.findMerged(request) !== undefined) return this.#reject(request, source, 482)
    if (this.#isBeyond(request, source)) return
    if (method === 'INVITE') {
      const contact = request.get('contact')
      // `*` is a place for REGISTER alone (§20.10): there is none to send our BYE to.
      if (contact === undefined || contact === '*')
        return this.#reject(request, source, 400, {}, contact === '*' ? 'Malformed Contact' : 'Missing Contact')
      // Another INVITE with the names of a call that is up: the application could not tell the two apart.
      if (dialogs.find(dialogIdOf(request.callId, request.fromTag)) !== undefined)
        return this.#reject(request, source, 491)
      const refusal = sessionRefusal(request, limits.minSessionExpiresS)
      if (refusal !== null) return this.#reject(request, source, refusal.status, refusal.headers, refusal.reason)
    }
    if (beginsDialog(method) && dialogs.size >= limits.maxDialogs) return this.#refuseOverLimit(request, source)
    const isOutside = this.#outside !== null && this.#outside.wants(method)
    if (isOutside && !this.#outside.hasRoom()) return this.#refuseOverLimit(request, source)
    const owner = isOutside ? null : this.#core.router.route(method.toLowerCase())
    if (owner === null && !isOutside) return this.#refuseUnrouted(request, source)
    const identity = source.connection?.clientIdentity ?? null
    if (identity !== null) request.add(TLS_CLIENT_HEADER, identity)
    const origin = source.connection?.origin ?? null
    if (origin !== null) request.add(ORIGIN_HEADER, origin)
    const transaction = transactions.createServer(request, source)
    transaction.owner = owner
    transactions.guardMerges(transaction)
    this.#answers.watchSilence(transaction)
    if (method === 'INVITE') {
      this.#core.cdr.attempt('network', request)
      this.#answers.answer(transaction, 100)
    }
    const host = advertisedHost(source.transport, source.host, [])
    const receivedOn = { host, port: source.transport.port }
    if (isOutside) this.#outside.take(transaction, source, () => this.#show(transaction, request, source, receivedOn))
    else this.#show(transaction, request, source, receivedOn)
  }

  /** §8.2.2.3, §8.2.3. A REGISTER is the registrar's to judge, whose extensions are its own. */
  #isBeyond(request: SipMessage, source: Peer): boolean {
    const { understanding } = this.#core
    if (understanding === null || request.method === 'REGISTER') return false
    const refusal = understanding.refusalOf(request)
    if (refusal !== null) this.#reject(request, source, refusal.status, refusal.headers, refusal.reason)
    return refusal !== null
  }

  #onInDialog(request: SipMessage, source: Peer): void {
    const { transactions, dialogs } = this.#core
    let dialog = dialogs.findForRequest(request)
    if (dialog === undefined && request.method === 'NOTIFY') dialog = this.#answers.beginByNotify(request, source)
    if (dialog === undefined) return this.#reject(request, source, 481)
    if (dialog.owner === null || !dialog.owner.isOpen) {
      dialogs.remove(dialog)
      return this.#reject(request, source, 481)
    }
    const refusal = this.#inDialog.refusalOf(dialog, request)
    if (refusal !== 0) return this.#reject(request, source, refusal, refusal === 501 ? { Allow: ALLOW } : {})
    if (this.#isBeyond(request, source)) return
    const transaction = transactions.createServer(request, source, dialog.localTag)
    transaction.owner = dialog.owner
    transaction.dialog = dialog
    transaction.dialogId = dialog.id
    if (!this.#inDialog.admit(transaction, dialog, request)) return
    this.#answers.watchSilence(transaction)
    this.#show(transaction, request, source, null)
    // The call is over for the peer whatever we answer; that answer is no longer part of the dialog.
    if (request.method === 'BYE') transaction.dialogId = ''
  }

  /** §9.2. The CANCEL is answered here; the INVITE too, if it was still open. */
  onCancel(cancel: ServerTransaction, invite: ServerTransaction): void {
    const request = cancel.request!
    cancel.party = invite.party || (invite.dialog?.party ?? '')
    this.#answers.answer(cancel, 200)
    if (invite.isCancelled) return
    if (invite.proxied !== null) return invite.proxied.cancel(request.get('reason') ?? '')
    if (invite.isAnswered) {
      // Too late: no effect on the call (§9.2). A caller that then says neither ACK nor BYE is helped by our timers.
      if (invite.state === 'accepted' && invite.dialog !== null) invite.dialog.isCancelledLate = true
      return
    }
    this.#answers.terminateInvite(invite)
    showCancelled(invite.owner, invite, request, cancel.source)
  }

  /** An ACK that belongs to a 2xx of ours, or to nothing. */
  onAck(ack: SipMessage, source: Peer): void {
    const { dialogs, counters, wheel, timers } = this.#core
    const dialog = dialogs.findForRequest(ack)
    if (dialog === undefined) {
      counters.dropped++
      return
    }
    if (dialog.answer === null || dialog.answer.cseq !== ack.cseq) {
      counters.retransmissionsReceived++
      return
    }
    const { transaction } = dialog.answer
    settleAnswer(dialog)
    dropOffer(dialog, 'ours', !transaction.hadSession)
    transaction.dialog = null
    const isFirst = transaction.id === dialog.inviteId
    dialog.owner?.show({
      source: 'network',
      peer: source,
      protocol: '',
      transactionId: isFirst ? dialog.inviteId : this.#core.chance.uuid(),
      dialogId: dialog.id,
      receivedOn: null,
      message: ack,
      afterFlush: transaction.echoFlush,
    })
    const { heldBye } = dialog
    dialog.heldBye = null
    if (heldBye !== null) return heldBye.send()
    // A caller that cancelled too late owes us a BYE (RFC 3261 §9.1, §15); one that does not know is hung up on.
    if (dialog.isCancelledLate) dialog.lateTimer = wheel.arm(4 * timers.t1Ms, dialog, 'late-cancel')
  }

  #show(
    transaction: ServerTransaction,
    request: SipMessage,
    source: Peer,
    receivedOn: { host: string; port: number } | null,
  ): void {
    // What an application does about these at once shows how far behind it is.
    const { method, isInvite } = transaction
    if (isInvite ? receivedOn !== null : method === 'BYE') this.#core.overload?.shown(transaction.id, isInvite)
    transaction.owner!.show({
      source: 'network',
      peer: source,
      protocol: source.transport.name,
      transactionId: transaction.id,
      dialogId: transaction.dialogId,
      receivedOn,
      message: request,
      afterFlush: -1,
    })
  }

  /** Nobody is there who would serve it: 503; or nobody who is there does: 405 (§8.2.1), or a peer would think us unwell. */
  #refuseUnrouted(request: SipMessage, source: Peer): void {
    const { router } = this.#core
    if (!router.isForeign(request.method.toLowerCase())) return this.#reject(request, source, 503)
    this.#reject(request, source, 405, { Allow: allowOf(router.routes()) })
  }

  /** Answers by itself, in a transaction of its own. */
  #reject(
    request: SipMessage,
    source: Peer,
    status: number,
    headers: Record<string, string> = {},
    reason = reasonOf(status),
  ): void {
    this.#answers.answer(this.#core.transactions.createServer(request, source), status, headers, reason)
  }

  /** Too much at once: answered without a transaction, so that the refusal itself costs no memory. */
  #refuseOverLimit(request: SipMessage, source: Peer): void {
    this.#core.counters.overLimit++
    this.respondStatelessly(request, source, 503, reasonOf(503), { 'Retry-After': '10' })
  }

  /** A new call while those there are need all there is. */
  refuseForNow(request: SipMessage, source: Peer, retryAfterSeconds: number): void {
    this.respondStatelessly(request, source, 503, reasonOf(503), { 'Retry-After': String(retryAfterSeconds) })
  }

  /**
   * One too many of its source: the application never hears of it. Without Retry-After, which would have the peer take all of
   * its calls elsewhere (RFC 3261 §21.5.4); what can never be answered otherwise is told so.
   */
  refuseUnseen(request: SipMessage, source: Peer): void {
    const { method } = request
    const isNever = method === 'CANCEL' || request.toTag !== '' || IN_DIALOG_ONLY.has(method)
    const status = isNever ? 481 : ROUTABLE.has(method) ? 503 : 501
    this.respondStatelessly(request, source, status, reasonOf(status), status === 501 ? { Allow: ALLOW } : {})
  }

  /** Answers a request that gets no transaction (RFC 3261 §8.2.7). */
  respondStatelessly(
    request: SipMessage,
    source: Peer,
    status: number,
    reason: string,
    headers: Record<string, string> = {},
  ): void {
    // §8.2.7: the same tag for the same request, as nobody remembers it.
    const response = buildResponse(request, status, reason, `stateless-${status}`)
    for (const [name, value] of Object.entries(headers)) response.add(name, value)
    const target = responsePeer(request, source)
    const { counters, parties } = this.#core
    counters.countSent('', status, target.transport.name)
    parties.count(parties.ofAddress(source.host), 'in', request.method, source.transport.name, status)
    target.transport.send(serialize(response), target, null)
  }
}
