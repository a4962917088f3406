import type { CdrStopReason } from './cdr-events.ts'
import type { Core } from './core.ts'
import type { ClientTransaction, Dialog } from './state.ts'
import { buildInDialog } from './dialogs.ts'
import type { SipMessage } from './message.ts'
import { findDestination, isUnsendable, stampVia } from './sender.ts'
import type { Destination } from './sender.ts'
import type { Peer } from './transport.ts'
import { serialize } from './wire-format.ts'

/** Why the server ends a dialog by itself; the text of its Reason header (RFC 3326). */
export type HangUpReason =
  | 'ACK timeout'
  | 'Session timer expired'
  | 'CANCEL after 200 OK'
  | 'ACK-BYE due to cancel race condition'
  | 'Application gone'

/** Sends requests that no application asked for. */
export class HangUp {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /**
   * Ends a dialog with BYE and shows that BYE to its application as `unsolicited`. `afterFlush` is the flush in which the
   * application learned of the dialog: it must have had time to make something of it.
   */
  end(dialog: Dialog, reason: HangUpReason, afterFlush = -1): void {
    if (!this.#core.dialogs.remove(dialog)) return
    this.#send(dialog, reason, true, afterFlush)
  }

  /** ACKs and ends the dialog of a 2xx nobody wants: a second fork's, or that of an application that is gone. */
  dismiss(dialog: Dialog, cseq: number, reason: HangUpReason): void {
    this.acknowledge(dialog, cseq, null)
    this.#send(dialog, reason, false, -1)
  }

  /** ACKs a 2xx by itself. `invite`, when given, keeps the ACK for when the 2xx comes again. */
  acknowledge(dialog: Dialog, cseq: number, invite: ClientTransaction | null): void {
    const { request, nextUri } = buildInDialog(dialog, 'ACK', dialog.remoteTarget, cseq)
    this.#dispatch(nextUri, dialog, (target) => {
      stampVia(this.#core, request, target)
      const text = serialize(request)
      if (invite !== null) {
        invite.ack = text
        invite.ackTarget = target
      }
      this.#core.counters.countSent('ACK', 0, target.transport.name)
      target.transport.send(text, target, null)
    })
  }

  #send(dialog: Dialog, reason: HangUpReason, isShown: boolean, afterFlush: number): void {
    const { request, nextUri } = buildInDialog(dialog, 'BYE', dialog.remoteTarget, ++dialog.localCSeq)
    request.add('Reason', `SIP;cause=200;text="${reason}"`)
    if (isShown) this.#core.cdr.stop('application', stopReason(reason), request)
    this.#dispatch(nextUri, dialog, (target) => {
      const branch = stampVia(this.#core, request, target)
      // Without an owner: nobody waits for its answer.
      this.#core.transactions.start(request, branch, target).party = dialog.party
      if (isShown) showUnsolicited(dialog, request, target, afterFlush)
    })
  }

  #dispatch(nextUri: string, dialog: Dialog, send: (target: Peer) => void): void {
    const deliver = (destination: Destination): void => {
      if (destination === null || isUnsendable(destination)) this.#core.counters.sendErrors++
      else send(destination.peers[0]!)
    }
    const destination = findDestination(this.#core, nextUri, dialog.peer)
    if (destination instanceof Promise) void destination.then(deliver)
    else deliver(destination)
  }
}

function stopReason(reason: HangUpReason): CdrStopReason {
  if (reason === 'Session timer expired') return 'session-expired'
  return reason === 'Application gone' ? 'system-error-initiated-termination' : 'system-initiated-termination'
}

function showUnsolicited(dialog: Dialog, message: SipMessage, target: Peer, afterFlush: number): void {
  const { owner } = dialog
  if (owner === null || !owner.isOpen) return
  owner.show({
    source: 'application',
    peer: target,
    protocol: target.transport.name,
    transactionId: 'unsolicited',
    dialogId: dialog.id,
    receivedOn: null,
    message,
    afterFlush,
  })
}
