import type { Core } from './core.ts'
import { endFork, selectForkOfRequest } from './forks.ts'
import type { SipMessage } from './message.ts'
import { METHODS } from './methods.ts'
import { glareStatus, noteSession } from './offers.ts'
import { sessionRefusal } from './session-terms.ts'
import type { ClientTransaction, Dialog, ServerTransaction } from './state.ts'
import { addSubscription, endsLastSubscription, subscribes } from './subscriptions.ts'
import type { UasAnswers } from './uas-answers.ts'

/** What requests from the network do to the dialog they come in (RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3262, 3311, 6665). */
export class UasInDialog {
  readonly #core: Core
  readonly #answers: UasAnswers
  readonly #cancelInvite: (invite: ClientTransaction) => void

  constructor(core: Core, answers: UasAnswers, cancelInvite: (invite: ClientTransaction) => void) {
    this.#core = core
    this.#answers = answers
    this.#cancelInvite = cancelInvite
  }

  /** The status to refuse a request with before anything else is done for it; 0: none. */
  refusalOf(dialog: Dialog, request: SipMessage): number {
    if (dialog.role === 'uac' && dialog.state === 'early') {
      if (!selectForkOfRequest(dialog, request, this.#core.limits.maxForks)) return 481
    }
    if (!METHODS.has(request.method)) return 501
    // RFC 3261 §12.2.2: a request out of order.
    if (request.cseq < dialog.remoteCSeq) return 500
    dialog.remoteCSeq = request.cseq
    return 0
  }

  /** Takes a request in. False when the server has answered by itself, and the application is not to see it. */
  admit(transaction: ServerTransaction, dialog: Dialog, request: SipMessage): boolean {
    switch (request.method) {
      case 'INVITE':
        return this.#admitInvite(transaction, dialog, request)
      case 'UPDATE':
        return this.#admitUpdate(transaction, dialog, request)
      case 'BYE':
        return this.#admitBye(transaction, dialog, request)
      case 'PRACK':
        if (dialog.reliable?.acknowledge(request) !== true) return this.#answerAndStop(transaction, 481)
        noteSession(dialog, request, 'theirs')
        return true
      case 'SUBSCRIBE':
      case 'REFER':
        // The peer may have moved: these are target refreshes (RFC 3261 §12.2.2, RFC 6665 §4.1.2.2).
        if (dialog.method !== 'INVITE') dialog.retarget(request)
        if (subscribes(request)) addSubscription(dialog, request)
        return true
      case 'NOTIFY':
        if (dialog.method !== 'INVITE') dialog.retarget(request)
        if (endsLastSubscription(dialog, request)) this.#core.dialogs.remove(dialog)
        return true
      default:
        return true
    }
  }

  /** RFC 4028 §9. */
  #refusesSession(transaction: ServerTransaction, request: SipMessage): boolean {
    const refusal = sessionRefusal(request, this.#core.limits.minSessionExpiresS)
    if (refusal !== null) this.#answers.answer(transaction, refusal.status, refusal.headers, refusal.reason)
    return refusal !== null
  }

  /** RFC 3261 §14.2: one offer at a time, in either direction. */
  #admitInvite(transaction: ServerTransaction, dialog: Dialog, request: SipMessage): boolean {
    if (dialog.clientInvite !== null) return this.#answerAndStop(transaction, 491)
    if (dialog.serverInvite !== null) return this.#answerAndStop(transaction, 500, this.#retryAfter())
    const glare = glareStatus(dialog, request)
    if (glare !== 0) return this.#answerAndStop(transaction, glare, glare === 500 ? this.#retryAfter() : {})
    if (this.#refusesSession(transaction, request)) return false
    dialog.serverInvite = transaction
    dialog.retarget(request)
    noteSession(dialog, request, 'theirs')
    this.#answers.answer(transaction, 100)
    return true
  }

  /** RFC 3311 §5.2. */
  #admitUpdate(transaction: ServerTransaction, dialog: Dialog, request: SipMessage): boolean {
    const glare = dialog.serverUpdate === null ? glareStatus(dialog, request) : 500
    if (glare !== 0) return this.#answerAndStop(transaction, glare, glare === 500 ? this.#retryAfter() : {})
    if (this.#refusesSession(transaction, request)) return false
    dialog.serverUpdate = transaction
    dialog.retarget(request)
    noteSession(dialog, request, 'theirs')
    return true
  }

  #admitBye(transaction: ServerTransaction, dialog: Dialog, request: SipMessage): boolean {
    if (dialog.role === 'uac' && dialog.state === 'early') {
      // The answer that makes the call has been overtaken. It will be shown, and the end of the call with it.
      if (!endFork(dialog, transaction.fromTag)) this.#cancelInvite(dialog.clientInvite!)
      return this.#answerAndStop(transaction, 200)
    }
    if (dialog.state === 'confirmed') this.#core.cdr.stop('network', 'normal-release', request)
    this.#core.dialogs.remove(dialog)
    return true
  }

  #answerAndStop(transaction: ServerTransaction, status: number, headers: Record<string, string> = {}): false {
    this.#answers.answer(transaction, status, headers)
    return false
  }

  /** §14.2: a random time, so that two sides do not meet again. */
  #retryAfter(): Record<string, string> {
    return { 'Retry-After': String(this.#core.chance.below(10)) }
  }
}
