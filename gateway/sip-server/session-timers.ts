import type { Core } from './core.ts'
import { ownContact } from './core.ts'
import { buildInDialog } from './dialogs.ts'
import type { HangUp } from './hang-up.ts'
import type { SipMessage } from './message.ts'
import { noteSession } from './offers.ts'
import { findDestination, isUnsendable, stampVia } from './sender.ts'
import type { Destination } from './sender.ts'
import { allowsUpdate, minimumIn } from './session-terms.ts'
import type { SessionTerms } from './session-terms.ts'
import type { Dialog } from './state.ts'
import type { Peer } from './transport.ts'

const EXPIRED = 'Session timer expired'
/** A refresh that met another transaction, or was refused for the moment, is tried again after so long. */
const RETRY_MS = 3_000
/** RFC 4028 §10: the BYE comes so long before the end, or a third of the interval if that is less. */
const MARGIN_MS = 32_000

/** Session timers (RFC 4028): refreshes where that is ours to do, and the end of a call that nobody refreshes. */
export class SessionTimers {
  readonly #core: Core
  readonly #hangUp: HangUp

  constructor(core: Core, hangUp: HangUp) {
    this.#core = core
    this.#hangUp = hangUp
  }

  /** A session has begun, or has been refreshed, on these terms; null: without an end. `message` is the peer's. */
  start(dialog: Dialog, terms: SessionTerms | null, message: SipMessage): void {
    const before = dialog.session
    if (terms === null && before === null) return
    before?.refreshTimer?.cancel()
    before?.expiryTimer.cancel()
    dialog.session = null
    // Before the call is up there is no session to end: the INVITE's 2xx will say how long it lasts.
    if (terms === null || dialog.state !== 'confirmed') return
    const { wheel } = this.#core
    const intervalMs = terms.intervalS * 1000
    dialog.session = {
      terms,
      allowsUpdate: allowsUpdate(message, before?.allowsUpdate ?? false),
      refreshTimer: terms.isOurs ? wheel.arm(intervalMs / 2, dialog, 'session-refresh') : null,
      expiryTimer: wheel.arm(intervalMs - Math.min(MARGIN_MS, intervalMs / 3), dialog, 'session-expiry'),
    }
  }

  onTimer(dialog: Dialog, name: 'session-refresh' | 'session-expiry'): void {
    if (name === 'session-expiry') this.#hangUp.end(dialog, EXPIRED)
    else this.#refresh(dialog)
  }

  #retry(dialog: Dialog, delayMs: number): void {
    if (dialog.session !== null) dialog.session.refreshTimer = this.#core.wheel.arm(delayMs, dialog, 'session-refresh')
  }

  #refresh(dialog: Dialog): void {
    const { session } = dialog
    if (session === null || dialog.state === 'terminated' || dialog.isLeaving) return
    const isBusy =
      dialog.clientInvite !== null ||
      dialog.serverInvite !== null ||
      dialog.unackedInvite !== null ||
      dialog.answer !== null ||
      dialog.openOffer !== null
    if (isBusy) return this.#retry(dialog, RETRY_MS)
    // A re-INVITE without our description would ask the peer for an offer, which no application is there to answer.
    const method = session.allowsUpdate || dialog.localSession === '' ? 'UPDATE' : 'INVITE'
    const { request, nextUri } = buildInDialog(dialog, method, dialog.remoteTarget, ++dialog.localCSeq)
    request.add('Supported', 'timer')
    request.add('Session-Expires', `${session.terms.intervalS};refresher=uac`)
    if (session.minS !== undefined) request.add('Min-SE', String(session.minS))
    if (method === 'INVITE') {
      request.add('Content-Type', 'application/sdp')
      request.body = dialog.localSession
    }
    this.#dispatch(dialog, request, nextUri)
  }

  #dispatch(dialog: Dialog, request: SipMessage, nextUri: string): void {
    const deliver = (destination: Destination): void => {
      // The expiry timer ends a call whose peer has no address any more.
      if (destination === null || isUnsendable(destination)) return this.#retry(dialog, RETRY_MS)
      if (dialog.state !== 'terminated') this.#send(dialog, request, destination.peers[0]!)
    }
    const destination = findDestination(this.#core, nextUri, dialog.peer)
    if (destination instanceof Promise) void destination.then(deliver)
    else deliver(destination)
  }

  #send(dialog: Dialog, request: SipMessage, peer: Peer): void {
    const { transactions, wheel, timers } = this.#core
    const contact = dialog.localContact === '' ? ownContact(this.#core, peer.transport, peer.host) : dialog.localContact
    request.add('Contact', contact)
    const branch = stampVia(this.#core, request, peer)
    // Without an owner: what comes of it is the server's affair.
    const transaction = transactions.start(request, branch, peer)
    transaction.dialog = dialog
    transaction.isInDialog = true
    transaction.isRefresh = true
    if (!transaction.isInvite) return
    dialog.clientInvite = transaction
    noteSession(dialog, request, 'ours')
    transaction.ringTimer = wheel.arm(timers.giveUpMs, transaction, 'ringing')
  }

  /** A refresh of ours was not accepted; `response` is null when there was no answer at all. */
  onRefused(dialog: Dialog, status: number, response: SipMessage | null): void {
    const { session } = dialog
    if (session === null || dialog.state === 'terminated') return
    switch (status) {
      // RFC 4028 §10, RFC 3261 §12.2.1.2: the peer does not know this call any more, or is not there.
      case 408:
      case 481:
        return this.#hangUp.end(dialog, EXPIRED)
      case 405:
      case 501:
        // Who has neither method is not asked for them as fast as it refuses.
        if (!session.allowsUpdate || dialog.localSession === '') return this.#retry(dialog, RETRY_MS)
        session.allowsUpdate = false
        return this.#refresh(dialog)
      case 422: {
        const minS = minimumIn(response)
        // Once: a minimum that grows with every answer would have us ask for ever.
        if (minS <= session.terms.intervalS || session.minS !== undefined) return this.#retry(dialog, RETRY_MS)
        session.terms = { ...session.terms, intervalS: minS }
        session.minS = minS
        return this.#refresh(dialog)
      }
      default:
        return this.#retry(dialog, RETRY_MS)
    }
  }
}
