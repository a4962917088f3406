import { detach } from './characters.ts'
import { parseNameAddr, uriOf } from './headers.ts'
import { routeSetOf } from './locate.ts'
import type { SipMessage } from './message.ts'
import { Dialog } from './state.ts'
import type { ClientTransaction, DialogRunner, ServerTransaction } from './state.ts'
import type { Peer } from './transport.ts'

/** The dialog an INVITE or SUBSCRIBE from the network begins (RFC 3261 §12.1.1). `localCSeq` comes before our first request's. */
export function dialogOfRequest(
  runner: DialogRunner,
  transaction: ServerTransaction,
  peer: Peer,
  localCSeq: number,
): Dialog {
  const request = transaction.request!
  const dialog = new Dialog(runner, {
    id: dialogIdOf(request.callId, request.fromTag),
    role: 'uas',
    method: request.method,
    callId: request.callId,
    localTag: transaction.localTag,
    localValue: `${request.get('to') ?? ''};tag=${transaction.localTag}`,
    remoteTag: request.fromTag,
    remoteValue: detach(request.get('from') ?? ''),
    remoteTarget: '',
    routeSet: routeSetOf(request.getAll('record-route'), false).map(detach),
    localCSeq,
    remoteCSeq: request.cseq,
    owner: transaction.owner,
    peer,
  })
  dialog.retarget(request)
  dialog.inviteId = transaction.id
  return dialog
}

/** The dialog an answer to our INVITE or SUBSCRIBE begins (RFC 3261 §12.1.2). */
export function dialogOfResponse(
  runner: DialogRunner,
  transaction: ClientTransaction,
  response: SipMessage,
  peer: Peer,
): Dialog {
  const request = transaction.request
  const dialog = new Dialog(runner, {
    id: dialogIdOf(response.callId, response.fromTag),
    role: 'uac',
    method: transaction.method,
    callId: response.callId,
    localTag: response.fromTag,
    localValue: detach(response.get('from') ?? ''),
    remoteTag: response.toTag,
    remoteValue: '',
    // RFC 3261 makes Contact obligatory; without one the place the INVITE went to is the best guess.
    remoteTarget: request?.requestUri ?? uriOf(response.get('to') ?? '') ?? '',
    routeSet: [],
    localCSeq: response.cseq,
    remoteCSeq: -1,
    owner: transaction.owner,
    peer,
  })
  dialog.party = transaction.party
  dialog.localContact = request?.get('contact') ?? ''
  dialog.learnFromResponse(response)
  return dialog
}

/** The dialog that a NOTIFY begins when it comes before the answer to its SUBSCRIBE or REFER (RFC 6665 §4.4.1). */
export function dialogOfNotify(
  runner: DialogRunner,
  subscribe: ClientTransaction,
  notify: SipMessage,
  peer: Peer,
): Dialog {
  const { request } = subscribe
  const dialog = new Dialog(runner, {
    id: dialogIdOf(notify.callId, notify.toTag),
    role: 'uac',
    method: subscribe.method,
    callId: notify.callId,
    localTag: notify.toTag,
    localValue: detach(notify.get('to') ?? ''),
    remoteTag: notify.fromTag,
    remoteValue: detach(notify.get('from') ?? ''),
    remoteTarget: '',
    routeSet: routeSetOf(notify.getAll('record-route'), false).map(detach),
    localCSeq: subscribe.cseq,
    remoteCSeq: -1,
    owner: subscribe.owner,
    peer,
  })
  dialog.retarget(notify)
  dialog.party = subscribe.party
  dialog.localContact = request?.get('contact') ?? ''
  return dialog
}

export function dialogIdOf(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`
}

/** Whether a From or To value can be read: what a dialog is built from must be sound. */
export function isAddress(value: string): boolean {
  return parseNameAddr(value) !== null
}
