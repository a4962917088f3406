import type { Application } from './application.ts'
import type { ClientTransaction, Dialog, ServerTransaction } from './state.ts'
import { applyRouteSet } from './locate.ts'
import { SipMessage } from './message.ts'

/** The table of dialogs, by the application's name for them and by what a request from the network carries. */
export class Dialogs {
  readonly #byId = new Map<string, Dialog>()
  /** By Call-ID and our own tag. */
  readonly #byLocal = new Map<string, Dialog>()
  /** SUBSCRIBE and REFER of ours under way: the NOTIFY may come before their answer (RFC 6665 §4.4.1). */
  readonly #subscribing = new Map<string, ClientTransaction>()
  readonly #onTheirInviteOrphaned: (invite: ServerTransaction) => void
  readonly #onOurInviteOrphaned: (invite: ClientTransaction) => void

  /** Both hear of an INVITE that was still open in a dialog that has ended: one from the network, and one of ours. */
  constructor(
    onTheirInviteOrphaned: (invite: ServerTransaction) => void = () => undefined,
    onOurInviteOrphaned: (invite: ClientTransaction) => void = () => undefined,
  ) {
    this.#onTheirInviteOrphaned = onTheirInviteOrphaned
    this.#onOurInviteOrphaned = onOurInviteOrphaned
  }

  get size(): number {
    return this.#byId.size
  }

  /** Adds a dialog. False when its name is taken: two calls cannot share Call-ID and From tag. */
  add(dialog: Dialog): boolean {
    if (this.#byId.has(dialog.id)) return false
    this.#byId.set(dialog.id, dialog)
    this.#byLocal.set(localKey(dialog.callId, dialog.localTag), dialog)
    if (dialog.peer.connection !== null) dialog.peer.connection.dialogs++
    return true
  }

  find(id: string): Dialog | undefined {
    return this.#byId.get(id)
  }

  /**
   * The dialog of a request from the network (RFC 3261 §12.2.2): Call-ID, our tag as its To tag, and the peer's tag. An early
   * dialog of our own INVITE takes requests of any fork.
   */
  findForRequest(request: SipMessage): Dialog | undefined {
    const dialog = this.#byLocal.get(localKey(request.callId, request.toTag))
    if (dialog === undefined || dialog.remoteTag === request.fromTag) return dialog
    return dialog.role === 'uac' && dialog.state === 'early' ? dialog : undefined
  }

  /**
   * The dialog of an application's request that names none but carries its Call-ID and tags (drachtio looks by Call-ID). Both
   * tags are compared, so that the retry of a challenged INVITE, which has the Call-ID too, is not taken for one.
   */
  findForAppRequest(request: SipMessage): Dialog | undefined {
    if (request.callId === '' || request.toTag === '') return undefined
    const dialog = this.#byLocal.get(localKey(request.callId, request.fromTag))
    return dialog?.remoteTag === request.toTag ? dialog : undefined
  }

  /** Waits for the first NOTIFY of a subscription asked for outside dialogs. */
  awaitNotify(subscribe: ClientTransaction): void {
    this.#subscribing.set(localKey(subscribe.callId, subscribe.fromTag), subscribe)
  }

  /** The SUBSCRIBE is answered: its dialog is there, or never will be. */
  stopAwaiting(subscribe: ClientTransaction): void {
    this.#subscribing.delete(localKey(subscribe.callId, subscribe.fromTag))
  }

  findSubscribe(notify: SipMessage): ClientTransaction | undefined {
    return this.#subscribing.get(localKey(notify.callId, notify.toTag))
  }

  /** Ends a dialog: its timers stop and nothing finds it any more. Answers false when it had ended before. */
  remove(dialog: Dialog): boolean {
    if (dialog.state === 'terminated') return false
    dialog.state = 'terminated'
    dialog.lifeTimer?.cancel()
    dialog.lateTimer?.cancel()
    dialog.session?.refreshTimer?.cancel()
    dialog.session?.expiryTimer.cancel()
    settleAnswer(dialog)
    const { heldBye } = dialog
    dialog.heldBye = null
    heldBye?.refuse()
    if (dialog.peer.connection !== null) dialog.peer.connection.dialogs--
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id)
    const key = localKey(dialog.callId, dialog.localTag)
    if (this.#byLocal.get(key) === dialog) this.#byLocal.delete(key)
    if (dialog.serverInvite !== null) this.#onTheirInviteOrphaned(dialog.serverInvite)
    if (dialog.clientInvite !== null) this.#onOurInviteOrphaned(dialog.clientInvite)
    return true
  }

  ownedBy(owner: Application): Dialog[] {
    return this.all().filter((dialog) => dialog.owner === owner)
  }

  all(): Dialog[] {
    return [...this.#byId.values()]
  }
}

/** The 2xx is acknowledged, or nobody waits for that any more: it is not sent again (RFC 6026 §7.1), so its text need not wait for timer L. */
export function settleAnswer(dialog: Dialog): void {
  if (dialog.answer !== null) dialog.answer.transaction.lastResponse = null
  dialog.answer?.retransmitTimer.cancel()
  dialog.answer?.giveUpTimer.cancel()
  dialog.answer = null
}

/**
 * Starts a request inside a dialog (RFC 3261 §12.2.1.1): request line and Route from the route set, From, To, Call-ID and CSeq
 * from the dialog. An ACK has its INVITE's CSeq; anything else the next one. `nextUri` is where it goes.
 */
export function buildInDialog(
  dialog: Dialog,
  method: string,
  requestUri: string,
  cseq: number,
): { request: SipMessage; nextUri: string } {
  const routing = applyRouteSet(requestUri, dialog.routeSet)
  const request = new SipMessage(method, routing.requestUri, 0, '')
  for (const route of routing.routes) request.add('Route', route)
  request.add('Max-Forwards', '70')
  request.add('From', dialog.localValue)
  request.add('To', dialog.remoteValue)
  request.add('Call-ID', dialog.callId)
  request.add('CSeq', `${cseq} ${method}`)
  request.callId = dialog.callId
  request.fromTag = dialog.localTag
  request.toTag = dialog.remoteTag
  request.cseq = cseq
  request.cseqMethod = method
  return { request, nextUri: routing.nextUri }
}

function localKey(callId: string, tag: string): string {
  return `${callId};${tag}`
}
