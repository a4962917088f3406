import type { Core } from './core.ts'
import { dialogIdOf, dialogOfResponse } from './dialog.ts'
import type { ClientTransaction, Dialog, DialogRunner } from './state.ts'
import type { HangUp } from './hang-up.ts'
import { endFork, isNextProvisional, selectFork } from './forks.ts'
import { SipMessage } from './message.ts'
import { dropOffer, noteAnswer, noteSession } from './offers.ts'
import { buildResponse, reasonOf } from './responses.ts'
import { agreeAsUac } from './session-terms.ts'
import type { SessionTimers } from './session-timers.ts'
import { addSubscription, endsLastSubscription, limitLife, subscribes } from './subscriptions.ts'
import type { Peer } from './transport.ts'

const CANCEL_RACE = 'ACK-BYE due to cancel race condition'

/** What answers to our requests do (RFC 3261 §12.1.2, §13.2.2): to dialogs, and shown to the application that asked. */
export class UacAnswers {
  readonly #core: Core
  readonly #dialogRunner: DialogRunner
  readonly #hangUp: HangUp
  readonly #sessions: SessionTimers

  constructor(core: Core, dialogRunner: DialogRunner, hangUp: HangUp, sessions: SessionTimers) {
    this.#core = core
    this.#dialogRunner = dialogRunner
    this.#hangUp = hangUp
    this.#sessions = sessions
  }

  onResponse(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    // Answers to CANCEL and to requests of the server's own are nobody's business.
    if (transaction.owner === null) return this.#onOwn(transaction, response)
    if (transaction.isSuperseded) return this.#onLateAnswer(transaction, response, source)
    if (transaction.failover !== null) {
      if (response.status === 503 && this.#tryNext(transaction, response)) return
      if (response.status !== 503) transaction.failover?.onAnswered(transaction)
    }
    if (!transaction.isInvite) this.#onOther(transaction, response, source)
    else if (response.status < 200) this.#onProvisional(transaction, response, source)
    else if (response.status < 300) this.#onAccepted(transaction, response, source)
    else this.#onRefused(transaction, response, source)
  }

  /** An answer to a refresh (RFC 4028 §7.2). */
  #onOwn(transaction: ClientTransaction, response: SipMessage): void {
    const { dialog, request } = transaction
    const { status } = response
    if (!transaction.isRefresh || status < 200) return
    if (transaction.isInvite && status < 300) {
      if (transaction.acceptedTag !== null) return this.#repeatAck(transaction)
      transaction.acceptedTag = response.toTag
      transaction.ringTimer?.cancel()
      if (dialog !== null) this.#hangUp.acknowledge(dialog, transaction.cseq, transaction)
    }
    if (dialog === null || request === null) return
    if (transaction.isInvite && status < 300) this.#acceptInDialog(transaction, response)
    else if (transaction.isInvite) this.#closeInvite(transaction)
    else if (status < 300) dialog.retarget(response)
    noteAnswer(dialog, response, 'theirs', transaction.hadSession)
    if (status < 300)
      this.#sessions.start(dialog, agreeAsUac(request, response, this.#core.limits.minSessionExpiresS), response)
    else this.#sessions.onRefused(dialog, status, response)
  }

  #onProvisional(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    const { wheel, limits, counters } = this.#core
    transaction.hasProvisional = true
    if (transaction.pendingCancel !== null) {
      this.#startCancel(transaction, transaction.pendingCancel)
      transaction.pendingCancel = null
    } else if (!transaction.isCancelled) {
      transaction.ringTimer?.cancel()
      transaction.ringTimer = wheel.arm(limits.maxRingingMs, transaction, 'ringing')
    }
    if (response.status === 100) return
    if (++transaction.provisionals > limits.maxShownProvisionals) {
      counters.overLimit++
      return
    }
    if (!isNextProvisional(transaction, response, limits.maxForks)) return
    if (!transaction.isInDialog && response.toTag !== '') this.#learnEarly(transaction, response, source)
    const { dialog } = transaction
    if (dialog !== null) {
      noteAnswer(dialog, response, 'theirs', transaction.hadSession)
      // RFC 6228 §4: one fork has failed. Only who asked for such news gets it, but for what must be acknowledged.
      if (response.status === 199) {
        endFork(dialog, response.toTag)
        if (!wantsForkEnds(transaction) && response.get('rseq') === undefined) return
      }
    }
    this.#show(transaction, response, source, dialogIdOf(response.callId, response.fromTag))
  }

  /** §12.1: the first answer with a tag begins the early dialog; other forks take it over until one has answered. */
  #learnEarly(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    if (transaction.dialog !== null) {
      const { dialog } = transaction
      if (dialog.state === 'early' && selectFork(dialog, response.toTag, this.#core.limits.maxForks))
        dialog.learnFromResponse(response)
      return
    }
    const dialog = dialogOfResponse(this.#dialogRunner, transaction, response, source)
    if (!this.#core.dialogs.add(dialog)) return
    transaction.dialog = dialog
    dialog.clientInvite = transaction
    this.#noteOffer(transaction, dialog)
  }

  #noteOffer({ hadSession, request }: ClientTransaction, dialog: Dialog): void {
    if (hadSession && request !== null) noteSession(dialog, request, 'ours')
  }

  #onAccepted(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    const isAgain = transaction.acceptedTag === response.toTag
    if (isAgain) return this.#repeatAck(transaction)
    if (transaction.acceptedTag !== null) return this.#dismissFork(transaction, response, source)
    transaction.acceptedTag = response.toTag
    transaction.ringTimer?.cancel()
    const dialog = transaction.isInDialog
      ? this.#acceptInDialog(transaction, response)
      : this.#confirm(transaction, response, source)
    if (dialog === null) return
    dialog.unackedInvite = transaction
    noteAnswer(dialog, response, 'theirs', transaction.hadSession)
    if (transaction.request !== null)
      this.#sessions.start(
        dialog,
        agreeAsUac(transaction.request, response, this.#core.limits.minSessionExpiresS),
        response,
      )
    const { owner } = transaction
    if (owner === null || !owner.isOpen) {
      this.#hangUp.acknowledge(dialog, transaction.cseq, transaction)
      dialog.unackedInvite = null
      // A call that was up before stays up: its application may come back to it.
      if (!transaction.isInDialog) this.#hangUp.end(dialog, CANCEL_RACE)
      return
    }
    // With an offer of ours in the INVITE there is nothing to think about before the ACK.
    if (transaction.hadSession) this.#core.overload?.shown(dialog.id, false)
    const flush = this.#show(transaction, response, source, dialog.id)
    // §9.1: the CANCEL came too late. The application sees the answer, and the BYE that follows from it.
    if (transaction.isCancelled && !transaction.isInDialog) {
      this.#hangUp.acknowledge(dialog, transaction.cseq, transaction)
      this.#hangUp.end(dialog, CANCEL_RACE, flush)
    }
  }

  /** §13.2.2.4: another fork has answered as well. The application has its call; this one is ended. */
  #dismissFork(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    const fork = dialogOfResponse(this.#dialogRunner, transaction, response, source)
    // Its ACK is its own: the one kept in the transaction belongs to the call that stays.
    if (transaction.dismissedTags.includes(response.toTag))
      return this.#hangUp.acknowledge(fork, transaction.cseq, null)
    if (transaction.dismissedTags.length >= this.#core.limits.maxForks) {
      this.#core.counters.overLimit++
      return
    }
    transaction.dismissedTags.push(response.toTag)
    this.#hangUp.dismiss(fork, transaction.cseq, CANCEL_RACE)
  }

  #acceptInDialog(transaction: ClientTransaction, response: SipMessage): Dialog | null {
    const { dialog } = transaction
    if (dialog === null) return null
    if (dialog.clientInvite === transaction) dialog.clientInvite = null
    dialog.retarget(response)
    return dialog
  }

  #confirm(transaction: ClientTransaction, response: SipMessage, source: Peer): Dialog | null {
    const { dialogs, wheel, limits } = this.#core
    let { dialog } = transaction
    if (dialog === null) {
      dialog = dialogOfResponse(this.#dialogRunner, transaction, response, source)
      if (!dialogs.add(dialog)) {
        this.#hangUp.dismiss(dialog, transaction.cseq, CANCEL_RACE)
        this.#showMadeUp(transaction, 500, 'dialog already exists')
        return null
      }
      transaction.dialog = dialog
      this.#noteOffer(transaction, dialog)
    } else {
      selectFork(dialog, response.toTag, Infinity)
      dialog.learnFromResponse(response)
      dialog.forks = null
    }
    dialog.clientInvite = null
    dialog.state = 'confirmed'
    this.#core.cdr.start('network', 'uac', response)
    dialog.lifeTimer = wheel.arm(limits.maxDialogMs, dialog, 'life')
    return dialog
  }

  #repeatAck(transaction: ClientTransaction): void {
    const { ack, ackTarget } = transaction
    if (ack === null || ackTarget === null) return
    this.#core.counters.retransmissionsSent++
    ackTarget.transport.send(ack, ackTarget, null)
  }

  #onRefused(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    this.#closeInvite(transaction)
    this.#noteRefusal('network', transaction, response)
    this.#show(transaction, response, source, dialogIdOf(response.callId, response.fromTag))
  }

  #noteRefusal(source: 'network' | 'application', transaction: ClientTransaction, response: SipMessage): void {
    if (!transaction.isInvite || transaction.isInDialog) return
    this.#core.cdr.stop(source, transaction.isCancelled ? 'call-canceled' : 'call-rejected', response)
  }

  #closeInvite(transaction: ClientTransaction): void {
    transaction.ringTimer?.cancel()
    const { dialog } = transaction
    if (dialog === null) return
    if (dialog.clientInvite === transaction) dialog.clientInvite = null
    dropOffer(dialog, 'ours', transaction.hadSession)
    if (!transaction.isInDialog) this.#core.dialogs.remove(dialog)
  }

  #onOther(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    if (response.status === 100) return
    const { dialogs } = this.#core
    const { request } = transaction
    if (response.status >= 200 && !transaction.isInDialog && request !== null && subscribes(request)) {
      dialogs.stopAwaiting(transaction)
      if (response.status < 300) this.#subscribe(transaction, request, response, source)
    }
    if (response.status >= 200) this.#finishInDialog(transaction, response.status, response)
    this.#show(transaction, response, source, transaction.dialogId)
  }

  #subscribe(transaction: ClientTransaction, request: SipMessage, response: SipMessage, source: Peer): void {
    const { dialogs, wheel, limits } = this.#core
    // The NOTIFY was first; that dialog may be over by now.
    if (transaction.dialogId !== '') {
      const begun = dialogs.find(transaction.dialogId)
      if (begun !== undefined) limitLife(this.#core, begun, response)
      return
    }
    const dialog = dialogOfResponse(this.#dialogRunner, transaction, response, source)
    if (!dialogs.add(dialog)) return
    dialog.state = 'confirmed'
    dialog.lifeTimer = wheel.arm(limits.maxDialogMs, dialog, 'life')
    addSubscription(dialog, request)
    limitLife(this.#core, dialog, response)
    transaction.dialogId = dialog.id
  }

  #finishInDialog(transaction: ClientTransaction, status: number, response: SipMessage | null): void {
    const { dialog, method, request } = transaction
    if (dialog === null) return
    // A challenged BYE is sent again with credentials; any other answer, or none, ends the dialog (§15.1.1).
    if (method === 'BYE' && status !== 401 && status !== 407 && this.#core.dialogs.remove(dialog))
      this.#core.cdr.stop('application', 'normal-release', request!)
    if (method === 'NOTIFY' && request !== null && status !== 401 && status !== 407) {
      if (endsLastSubscription(dialog, request)) this.#core.dialogs.remove(dialog)
    }
    if (status < 300 && request !== null && subscribes(request)) {
      addSubscription(dialog, request)
      if (method === 'SUBSCRIBE' && response !== null) {
        dialog.retarget(response)
        limitLife(this.#core, dialog, response)
      }
    }
    if (method === 'UPDATE' && response !== null && status < 300) {
      dialog.retarget(response)
      // Before the call is up, the INVITE's answer will say how long it lasts.
      if (dialog.state === 'confirmed' && request !== null)
        this.#sessions.start(dialog, agreeAsUac(request, response, this.#core.limits.minSessionExpiresS), response)
    }
    if (response !== null) noteAnswer(dialog, response, 'theirs', transaction.hadSession)
    else dropOffer(dialog, 'ours', transaction.hadSession)
  }

  /** RFC 3263 §4.3. A call that is being cancelled, or rings already, goes nowhere else. */
  #tryNext(transaction: ClientTransaction, refusal: SipMessage | null): boolean {
    const { failover } = transaction
    if (failover === null || transaction.isCancelled) return false
    if (!transaction.isInDialog && transaction.dialog !== null) return false
    transaction.failover = null
    if (!failover.tryNext(transaction, refusal)) return false
    transaction.isSuperseded = true
    transaction.ringTimer?.cancel()
    return true
  }

  /** What a hop says that has been given up: it shall not ring, and an answer of its is hung up. */
  #onLateAnswer(transaction: ClientTransaction, response: SipMessage, source: Peer): void {
    if (!transaction.isInvite) return
    if (response.status >= 200) {
      if (response.status >= 300) return
      if (!transaction.isInDialog) this.#dismissFork(transaction, response, source)
      else if (transaction.dialog !== null) this.#hangUp.acknowledge(transaction.dialog, transaction.cseq, null)
      return
    }
    if (transaction.pendingCancel === null) return
    this.#startCancel(transaction, transaction.pendingCancel)
    transaction.pendingCancel = null
  }

  /** Nothing has been heard of this hop: the next one gets the request, and this one is cancelled should it wake up. */
  #onSilence(transaction: ClientTransaction): void {
    if (transaction.state !== 'calling' && transaction.state !== 'trying') return
    if (!this.#tryNext(transaction, null)) return
    if (!transaction.isInvite) return this.#core.transactions.abandon(transaction)
    transaction.retransmitTimer?.cancel()
    this.sendCancel(transaction, this.buildCancel(transaction))
  }

  /** §8.1.3.1: no answer is as good as 408, no way there as good as 503. */
  onFailure(transaction: ClientTransaction, event: 'timeout' | 'transport-error'): void {
    if ((transaction.owner === null && !transaction.isRefresh) || transaction.isSuperseded) return
    if (this.#tryNext(transaction, null)) return
    const status = event === 'timeout' ? 408 : 503
    this.#giveUp(transaction, status)
  }

  #giveUp(transaction: ClientTransaction, status: number): void {
    const { dialog, isRefresh } = transaction
    if (transaction.isInvite) this.#closeInvite(transaction)
    else this.#finishInDialog(transaction, status, null)
    if (transaction.request !== null && subscribes(transaction.request)) this.#core.dialogs.stopAwaiting(transaction)
    if (isRefresh && dialog !== null) return this.#sessions.onRefused(dialog, status, null)
    this.#showMadeUp(transaction, status, reasonOf(status))
  }

  /** `hop`: no answer yet, and there is another hop. `ringing`: an INVITE has rung too long, and is cancelled. `cancelled`: even the CANCEL got no final answer (§9.1). */
  onTimer(transaction: ClientTransaction, name: string): void {
    if (name === 'hop') return this.#onSilence(transaction)
    if (transaction.state !== 'calling' && transaction.state !== 'proceeding') return
    if (name === 'ringing') {
      this.cancelByItself(transaction)
      return
    }
    if (!transaction.isSuperseded) this.#giveUp(transaction, 408)
    this.#core.transactions.abandon(transaction)
  }

  /** §9.1: Request-URI, Call-ID, From, To, CSeq number, Route and the top Via are the INVITE's. */
  buildCancel(invite: ClientTransaction): SipMessage {
    const request = invite.request!
    const cancel = new SipMessage('CANCEL', request.requestUri, 0, '')
    for (const field of request.headers) {
      switch (field.key) {
        case 'via':
        case 'route':
        case 'max-forwards':
        case 'from':
        case 'to':
        case 'call-id':
          cancel.headers.push(field)
          break
        case 'cseq':
          cancel.add('CSeq', `${request.cseq} CANCEL`)
          break
        default:
      }
    }
    cancel.callId = request.callId
    cancel.cseq = request.cseq
    cancel.cseqMethod = 'CANCEL'
    return cancel
  }

  /** Sends a CANCEL, or keeps it until the first provisional answer (§9.1: "MUST NOT" earlier). */
  sendCancel(invite: ClientTransaction, cancel: SipMessage): void {
    invite.isCancelled = true
    if (invite.hasProvisional) this.#startCancel(invite, cancel)
    else invite.pendingCancel = cancel
  }

  #startCancel(invite: ClientTransaction, cancel: SipMessage): void {
    const { transactions, wheel, timers } = this.#core
    const branch = invite.key
    transactions.start(cancel, branch, invite.target).party = invite.party || (invite.dialog?.party ?? '')
    invite.ringTimer?.cancel()
    invite.ringTimer = wheel.arm(timers.giveUpMs, invite, 'cancelled')
  }

  /** The application is gone: nobody waits for its calls any more. */
  onApplicationClosed(app: ClientTransaction['owner']): void {
    for (const transaction of this.#core.transactions.clients()) {
      if (transaction.owner === app && transaction.isInvite) this.cancelByItself(transaction)
    }
  }

  /** Gives up an INVITE that still waits for its final answer; nobody asked for it. */
  cancelByItself(invite: ClientTransaction): void {
    const isPending = invite.state === 'calling' || invite.state === 'proceeding'
    if (isPending && !invite.isCancelled) this.sendCancel(invite, this.buildCancel(invite))
  }

  /** An answer nobody sent. */
  #showMadeUp(transaction: ClientTransaction, status: number, reason: string): void {
    const { request } = transaction
    if (request === null) return
    const response = buildResponse(request, status, reason, this.#core.chance.token(16))
    this.#noteRefusal('application', transaction, response)
    this.#show(transaction, response, null, '')
  }

  #show(transaction: ClientTransaction, message: SipMessage, source: Peer | null, dialogId: string): number {
    const { owner } = transaction
    if (owner === null || !owner.isOpen) return -1
    return owner.show({
      source: 'network',
      peer: source,
      protocol: transaction.target.transport.name,
      transactionId: transaction.id,
      dialogId,
      receivedOn: null,
      message,
      afterFlush: transaction.echoFlush,
    })
  }
}

/** Whether the application said that it understands 199 (RFC 6228 §4). */
function wantsForkEnds(invite: ClientTransaction): boolean {
  return invite.request?.getAll('supported').includes('199') === true
}
