import type { Application } from './application.ts'
import { SipMessage } from './message.ts'
import type { ServerTransaction } from './state.ts'

/**
 * An INVITE that the server has ended by itself, told to its application the one way applications know of: as a CANCEL. Nobody sent
 * it, so it has no Via, which every message from the network has; its Reason (RFC 3326) is the status the caller heard.
 */
export function cancelOfOurs({ request }: ServerTransaction, status: number, reason: string): SipMessage {
  const invite = request!
  const cancel = new SipMessage('CANCEL', invite.requestUri, 0, '')
  for (const { key, name, value } of invite.headers)
    if (key === 'from' || key === 'to' || key === 'call-id') cancel.headers.push({ key, name, value })
  cancel.add('CSeq', `${invite.cseq} CANCEL`)
  cancel.add('Reason', `SIP;cause=${status};text="${reason}"`)
  return cancel
}

/**
 * Shows the application that its INVITE is no more. drachtio-srf looks for it by Call-ID, among what came from the network: so our
 * own does, too, `from` the caller.
 */
export function showCancelled(
  app: Application | null,
  invite: ServerTransaction,
  cancel: SipMessage,
  from = invite.source,
): void {
  if (app === null || !app.isOpen) return
  app.show({
    source: 'network',
    peer: from,
    protocol: from.transport.name,
    transactionId: invite.id,
    dialogId: '',
    receivedOn: null,
    message: cancel,
    afterFlush: invite.echoFlush,
  })
}
