import { randomUUID } from 'node:crypto'
import { copyAppHeaders, localizeContact } from './app-headers.ts'
import type { Application } from './application.ts'
import type { Core } from './core.ts'
import { ownAddress, ownContact } from './core.ts'
import { dialogIdOf, dialogOfRequest, isAddress } from './dialog.ts'
import type { Dialog, DialogRunner } from './dialog.ts'
import { settleAnswer } from './dialogs.ts'
import type { SipMessage } from './message.ts'
import { buildResponse, reasonOf, responsePeer } from './responses.ts'
import { timerMs } from './timers.ts'
import type { ServerTransaction } from './transaction.ts'
import type { Peer } from './transport.ts'
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
const ALLOW =
  'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REGISTER, MESSAGE, NOTIFY, SUBSCRIBE, REFER, PUBLISH'

const UNKNOWN_TRANSACTION = 'Response not sent due to unknown transaction'

/** The user agent server half (RFC 3261 §8.2, §9.2, §12.2.2, §13.3): requests from the network, shown to applications. */
export class Uas {
  readonly #core: Core
  readonly #dialogRunner: DialogRunner

  constructor(core: Core, dialogRunner: DialogRunner) {
    this.#core = core
    this.#dialogRunner = dialogRunner
  }

  /** A request that no transaction knows: inside a dialog, or new. */
  onRequest(request: SipMessage, source: Peer): void {
    if (this.#core.transactions.open >= this.#core.limits.maxTransactions) return this.#refuseOverLimit(request, source)
    if (request.toTag !== '') this.#onInDialog(request, source)
    else this.#onNew(request, source)
  }

  #onNew(request: SipMessage, source: Peer): void {
    const { transactions, dialogs, limits } = this.#core
    const { method } = request
    if (IN_DIALOG_ONLY.has(method)) return this.#reject(request, source, 481)
    if (!ROUTABLE.has(method)) return this.#reject(request, source, 405, { Allow: ALLOW })
    const scheme = schemeOf(request.requestUri)
    if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel') return this.#reject(request, source, 416)
    if (transactions.findMerged(request) !== undefined) return this.#reject(request, source, 482)
    if (method === 'INVITE') {
      if (request.get('contact') === undefined) return this.#reject(request, source, 400, {}, 'Missing Contact')
      // Another INVITE with the names of a call that is up: the application could not tell the two apart.
      if (dialogs.find(dialogIdOf(request.callId, request.fromTag)) !== undefined)
        return this.#reject(request, source, 491)
      if (dialogs.size >= limits.maxDialogs) return this.#refuseOverLimit(request, source)
    }
    const owner = this.#core.router.route(method.toLowerCase())
    if (owner === null) return this.#reject(request, source, 503)
    const transaction = transactions.createServer(request, source)
    transaction.owner = owner
    transactions.guardMerges(transaction)
    this.#watchSilence(transaction)
    if (method === 'INVITE') this.#answer(transaction, 100)
    const { host, port } = source.transport
    const receivedOn = {
      host: ownAddress(this.#core, source.transport, source.host).replace(/:\d+$/, '') || host,
      port,
    }
    this.#show(transaction, request, source, receivedOn)
  }

  #onInDialog(request: SipMessage, source: Peer): void {
    const { transactions, dialogs } = this.#core
    const dialog = dialogs.findForRequest(request)
    if (dialog === undefined) return this.#reject(request, source, 481)
    if (dialog.owner === null || !dialog.owner.isOpen) {
      dialogs.remove(dialog)
      return this.#reject(request, source, 481)
    }
    // RFC 3261 §12.2.2: a request out of order.
    if (request.cseq < dialog.remoteCSeq) return this.#reject(request, source, 500)
    dialog.remoteCSeq = request.cseq
    const transaction = transactions.createServer(request, source, dialog.localTag)
    transaction.owner = dialog.owner
    transaction.dialog = dialog
    transaction.dialogId = dialog.id
    if (!this.#admitInDialog(transaction, dialog, request)) return
    this.#watchSilence(transaction)
    this.#show(transaction, request, source, null)
    // The call is over for the peer whatever we answer; that answer is no longer part of the dialog.
    if (request.method === 'BYE') transaction.dialogId = ''
  }

  /** What each method does to the dialog. False when the server has answered by itself. */
  #admitInDialog(transaction: ServerTransaction, dialog: Dialog, request: SipMessage): boolean {
    switch (request.method) {
      case 'INVITE':
        // §14.2: one offer at a time, in either direction.
        if (dialog.clientInvite !== null) return this.#answerAndStop(transaction, 491)
        if (dialog.serverInvite !== null) return this.#answerAndStop(transaction, 500, retryAfter())
        dialog.serverInvite = transaction
        dialog.retarget(request)
        this.#answer(transaction, 100)
        return true
      case 'UPDATE':
        if (dialog.serverUpdate !== null) return this.#answerAndStop(transaction, 500, retryAfter())
        dialog.serverUpdate = transaction
        dialog.retarget(request)
        return true
      case 'BYE':
        this.#core.dialogs.remove(dialog)
        // §15.1.2: an INVITE still pending in it is over, too.
        if (dialog.serverInvite !== null) this.#terminateInvite(dialog.serverInvite)
        return true
      case 'NOTIFY':
        if (dialog.method === 'SUBSCRIBE' && /^\s*terminated/i.test(request.get('subscription-state') ?? ''))
          this.#core.dialogs.remove(dialog)
        return true
      default:
        return true
    }
  }

  #answerAndStop(transaction: ServerTransaction, status: number, headers: Record<string, string> = {}): false {
    this.#answer(transaction, status, headers)
    return false
  }

  /** §9.2. The CANCEL is answered here; the INVITE too, if it was still open. */
  onCancel(cancel: ServerTransaction, invite: ServerTransaction | null): void {
    if (invite === null) return this.#answer(cancel, 481)
    const request = cancel.request!
    this.#answer(cancel, 200)
    if (invite.isAnswered) {
      // Too late: no effect on the call (§9.2). A caller that then says neither ACK nor BYE is helped by our timers.
      if (invite.state === 'accepted' && invite.dialog !== null) invite.dialog.isCancelledLate = true
      return
    }
    const { owner } = invite
    this.#terminateInvite(invite)
    if (owner === null || !owner.isOpen) return
    owner.show({
      source: 'network',
      peer: cancel.source,
      protocol: cancel.source.transport.name,
      transactionId: invite.id,
      dialogId: '',
      receivedOn: null,
      message: request,
      afterFlush: invite.echoFlush,
    })
  }

  #terminateInvite(invite: ServerTransaction): void {
    if (invite.isAnswered) return
    invite.isCancelled = true
    this.#answer(invite, 487)
    this.#closeInvite(invite)
  }

  /** The INVITE has failed: an early dialog goes with it, a confirmed one stays as it was. */
  #closeInvite(invite: ServerTransaction): void {
    const { dialog } = invite
    if (dialog === null) return
    if (dialog.serverInvite === invite) dialog.serverInvite = null
    if (dialog.state === 'early') this.#core.dialogs.remove(dialog)
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
    const isFirst = transaction.id === dialog.inviteId
    dialog.owner?.show({
      source: 'network',
      peer: source,
      protocol: '',
      transactionId: isFirst ? dialog.inviteId : randomUUID(),
      dialogId: dialog.id,
      receivedOn: null,
      message: ack,
      afterFlush: transaction.echoFlush,
    })
    // A caller that cancelled too late owes us a BYE (RFC 3261 §9.1, §15); one that does not know is hung up on.
    if (dialog.isCancelledLate) dialog.lateTimer = wheel.arm(4 * timers.t1Ms, dialog, 'late-cancel')
  }

  /** A response the application has written (`sip|<transactionId>|` and a status line). */
  respond(app: Application, frameId: string, transactionId: string, answer: SipMessage): void {
    const transaction = this.#core.transactions.findServer(transactionId)
    if (transaction === undefined || transaction.owner !== app || transaction.isCancelled)
      return app.refuse(frameId, UNKNOWN_TRANSACTION)
    const { status } = answer
    if (status < 101 || status > 699) return app.refuse(frameId, 'Unknown server error sending response')
    if (transaction.isAnswered) {
      // The first final answer stands, and is what the application gets to see.
      this.#echo(app, frameId, transaction, transaction.lastResponse!.toString('latin1'))
      return
    }
    if (transaction.source.connection?.isOpen === false)
      return app.refuse(frameId, 'transport for response has been shutdown or closed')
    const request = transaction.request!
    if (answer.toTag !== '' && request.toTag === '' && transaction.dialog === null) transaction.localTag = answer.toTag
    const response = this.#buildAnswer(transaction, request, answer)
    const text = serialize(response)
    this.#advance(transaction, response, status)
    this.#core.transactions.respond(transaction, status, Buffer.from(text, 'latin1'))
    if (transaction.isInvite && status >= 200 && status < 300) this.#awaitAck(transaction, request.cseq)
    if (status < 200) this.#watchSilence(transaction)
    this.#echo(app, frameId, transaction, text)
  }

  #buildAnswer(transaction: ServerTransaction, request: SipMessage, answer: SipMessage): SipMessage {
    const { transport, host } = transaction.source
    const local = ownAddress(this.#core, transport, host)
    const reason = answer.reason === '' ? reasonOf(answer.status) : answer.reason
    const response = buildResponse(request, answer.status, reason, transaction.localTag)
    const contacts = answer.getAll('contact')
    for (const contact of contacts) response.add('Contact', localizeContact(contact, local, transport.name))
    const isDialogAnswer = transaction.isInvite || transaction.method === 'SUBSCRIBE'
    // §12.1.1 wants a Contact in whatever begins a dialog, provisional or not.
    if (contacts.length === 0 && isDialogAnswer && answer.status < 300) {
      const known = transaction.dialog?.localContact ?? ''
      response.add('Contact', known === '' ? ownContact(this.#core, transport, host) : known)
    }
    copyAppHeaders(response, answer, local)
    return response
  }

  /** What an answer does to its dialog, before it is sent. */
  #advance(transaction: ServerTransaction, response: SipMessage, status: number): void {
    const { dialogs, wheel, limits } = this.#core
    const begins = transaction.isInvite || (transaction.method === 'SUBSCRIBE' && status >= 200)
    if (begins && status < 300 && transaction.dialog === null && isAddress(transaction.request!.get('from') ?? '')) {
      const dialog = dialogOfRequest(this.#dialogRunner, transaction, transaction.source)
      if (dialogs.add(dialog)) {
        transaction.dialog = dialog
        transaction.dialogId = dialog.id
        if (transaction.isInvite) dialog.serverInvite = transaction
      }
    }
    const { dialog } = transaction
    if (dialog === null) return
    if (status < 300 && begins) dialog.localContact = response.get('contact') ?? dialog.localContact
    if (status < 200) return
    if (dialog.serverUpdate === transaction) dialog.serverUpdate = null
    if (status >= 300) {
      if (transaction.isInvite) this.#closeInvite(transaction)
      return
    }
    if (!begins) return
    dialog.serverInvite = null
    if (dialog.state === 'early') {
      dialog.state = 'confirmed'
      dialog.lifeTimer = wheel.arm(limits.maxDialogMs, dialog, 'life')
    }
  }

  /** §13.3.1.4: the 2xx is sent again until its ACK comes, over any transport. */
  #awaitAck(transaction: ServerTransaction, cseq: number): void {
    const { dialog } = transaction
    if (dialog === null) return
    settleAnswer(dialog)
    const { wheel, timers } = this.#core
    dialog.answer = {
      transaction,
      cseq,
      firings: 0,
      retransmitTimer: wheel.arm(timers.t1Ms, dialog, 'answer-again'),
      giveUpTimer: wheel.arm(timers.giveUpMs, dialog, 'no-ack'),
    }
  }

  /** The ACK has not come yet: the 2xx once more, then twice as late, at most every T2. */
  repeatAnswer(dialog: Dialog): void {
    const { answer } = dialog
    if (answer === null) return
    const { wheel, timers, transactions } = this.#core
    answer.firings++
    transactions.repeatAccepted(answer.transaction)
    answer.retransmitTimer = wheel.arm(timerMs(timers, 'G', answer.firings, false), dialog, 'answer-again')
  }

  /** The application has been silent too long (`silence`), or an INVITE has rung too long. */
  onTimer(transaction: ServerTransaction): void {
    if (transaction.isAnswered) return
    // After 64*T1 a non-INVITE client has given up by itself (§17.1.2.2): there is nobody to answer.
    if (!transaction.isInvite) {
      if (transaction.dialog?.serverUpdate === transaction) transaction.dialog.serverUpdate = null
      this.#core.transactions.forget(transaction)
      return
    }
    transaction.isCancelled = true
    this.#answer(transaction, 504)
    this.#closeInvite(transaction)
  }

  /** The application is gone: what it had not answered is answered for it. */
  onApplicationClosed(app: Application): void {
    for (const transaction of [...this.#core.transactions.servers()]) {
      if (transaction.owner !== app || transaction.isAnswered) continue
      transaction.isCancelled = true
      this.#answer(transaction, 503)
      this.#closeInvite(transaction)
    }
  }

  #watchSilence(transaction: ServerTransaction): void {
    const { wheel, limits, timers } = this.#core
    transaction.silenceTimer?.cancel()
    const hasRung = transaction.lastStatus > 100
    const inviteMs = hasRung ? limits.maxRingingMs : limits.applicationSilenceMs
    const waitMs = transaction.isInvite ? inviteMs : timers.giveUpMs
    transaction.silenceTimer = wheel.arm(waitMs, transaction, 'silence')
  }

  #echo(app: Application, frameId: string, transaction: ServerTransaction, text: string): void {
    transaction.echoFlush = app.echo(frameId, {
      isRequest: false,
      protocol: transaction.source.transport.name,
      host: transaction.source.host,
      port: transaction.source.port,
      transactionId: transaction.id,
      dialogId: transaction.dialogId,
      text,
    })
  }

  #show(
    transaction: ServerTransaction,
    request: SipMessage,
    source: Peer,
    receivedOn: { host: string; port: number } | null,
  ): void {
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

  /** Answers by itself, in a transaction of its own. */
  #reject(
    request: SipMessage,
    source: Peer,
    status: number,
    headers: Record<string, string> = {},
    reason = reasonOf(status),
  ): void {
    this.#answer(this.#core.transactions.createServer(request, source), status, headers, reason)
  }

  #answer(
    transaction: ServerTransaction,
    status: number,
    headers: Record<string, string> = {},
    reason = reasonOf(status),
  ): void {
    const response = buildResponse(transaction.request!, status, reason, status === 100 ? '' : transaction.localTag)
    for (const [name, value] of Object.entries(headers)) response.add(name, value)
    this.#core.transactions.respond(transaction, status, Buffer.from(serialize(response), 'latin1'))
  }

  /** Too much at once: answered without a transaction, so that the refusal itself costs no memory. */
  #refuseOverLimit(request: SipMessage, source: Peer): void {
    this.#core.counters.overLimit++
    this.respondStatelessly(request, source, 503, reasonOf(503), { 'Retry-After': '10' })
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
    this.#core.counters.countSent('', status)
    const target = responsePeer(request, source)
    target.transport.send(Buffer.from(serialize(response), 'latin1'), target, null)
  }
}

/** §14.2: a random time, so that two sides do not meet again. */
function retryAfter(): Record<string, string> {
  return { 'Retry-After': String(Math.floor(Math.random() * 10)) }
}
