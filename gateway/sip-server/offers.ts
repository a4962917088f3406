import type { SipMessage } from './message.ts'
import { hasSession } from './session-body.ts'
import type { Dialog, Side } from './state.ts'

/** A session description that may be an offer or an answer: the one after an open offer of the other side's is its answer. */
export function noteSession(dialog: Dialog, message: SipMessage, by: Side): void {
  if (!hasSession(message)) return
  if (by === 'ours') keepSession(dialog, message)
  if (dialog.openOffer === null) dialog.openOffer = by
  else if (dialog.openOffer !== by) dialog.openOffer = null
}

/** Remembers the description that we sent last. */
export function keepSession(dialog: Dialog, message: SipMessage): void {
  if (message.body.startsWith('v=0')) dialog.localSession = message.body
}

/**
 * What an answer of `by` to a request of the other side's does to the offer that is open (RFC 3264 §4, RFC 3261 §13.2.1,
 * RFC 6337 §3.1.1). An unreliable provisional answer is only a preview. `requestHadSession`: the request brought the offer.
 */
export function noteAnswer(dialog: Dialog, response: SipMessage, by: Side, requestHadSession: boolean): void {
  const { status } = response
  if (by === 'ours' && status < 300) keepSession(dialog, response)
  if (status < 200 && response.get('rseq') === undefined) return
  if (status >= 300) {
    if (requestHadSession && dialog.openOffer !== null && dialog.openOffer !== by) dialog.openOffer = null
    return
  }
  if (!requestHadSession) return noteSession(dialog, response, by)
  // A 2xx ends the exchange that its request began, with a description in it or without.
  if (dialog.openOffer !== by && (status >= 200 || hasSession(response))) dialog.openOffer = null
}

/** A request ends without having been answered, and its offer with it. */
export function dropOffer(dialog: Dialog, by: Side, hadSession: boolean): void {
  if (hadSession && dialog.openOffer === by) dialog.openOffer = null
}

/** Who has to wait when an offer from the network meets one that is open (RFC 3311 §5.2, RFC 3261 §14.2); 0: nobody. */
export function glareStatus(dialog: Dialog, request: SipMessage): 0 | 491 | 500 {
  if (dialog.openOffer === null || !hasSession(request)) return 0
  return dialog.openOffer === 'ours' ? 491 : 500
}
