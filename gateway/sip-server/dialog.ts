import type { Application } from './application.ts'
import { detach } from './characters.ts'
import { parseNameAddr, uriOf } from './headers.ts'
import { routeSetOf } from './locate.ts'
import type { SipMessage } from './message.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { ClientTransaction, ServerTransaction } from './transaction.ts'
import type { Peer } from './transport.ts'

/** What a dialog tells when one of its timers fires. */
export interface DialogRunner {
  dialogTimer(dialog: Dialog, name: string): void
}

/** A 2xx of ours that waits for its ACK (RFC 3261 §13.3.1.4). */
export interface PendingAnswer {
  readonly transaction: ServerTransaction
  readonly cseq: number
  firings: number
  retransmitTimer: TimerEntry
  readonly giveUpTimer: TimerEntry
}

interface DialogStart {
  readonly id: string
  readonly role: 'uas' | 'uac'
  readonly method: string
  readonly callId: string
  readonly localTag: string
  readonly localValue: string
  readonly remoteTag: string
  readonly remoteValue: string
  readonly remoteTarget: string
  readonly routeSet: string[]
  readonly localCSeq: number
  readonly remoteCSeq: number
  readonly owner: Application | null
  readonly peer: Peer
}

/** One dialog (RFC 3261 §12): its identity, where its requests go, and what is under way in it. */
export class Dialog implements TimerOwner {
  /** The application's name for it: `Call-ID;from-tag=…`. */
  readonly id: string
  readonly role: 'uas' | 'uac'
  /** INVITE or SUBSCRIBE. */
  readonly method: string
  readonly callId: string
  readonly localTag: string
  /** The whole From value of our requests. */
  readonly localValue: string
  remoteTag: string
  /** The whole To value of our requests. */
  remoteValue: string
  remoteTarget: string
  routeSet: string[]
  localCSeq: number
  /** -1 until the peer has sent a request. */
  remoteCSeq: number
  readonly owner: Application | null
  /** Where the message came from that began it: its transport, and over TCP its connection, serve our requests too. */
  readonly peer: Peer
  state: 'early' | 'confirmed' | 'terminated' = 'early'
  /** Our Contact in it, sent again where a request needs one and the application gives none. */
  localContact = ''
  /** The ACK of the first 2xx is shown with this id. */
  inviteId = ''
  answer: PendingAnswer | null = null
  /** INVITEs under way: theirs, and ours (RFC 3261 §14). */
  serverInvite: ServerTransaction | null = null
  clientInvite: ClientTransaction | null = null
  serverUpdate: ServerTransaction | null = null
  /** Our INVITE whose 2xx the application has to ACK. */
  unackedInvite: ClientTransaction | null = null
  /** The caller sent CANCEL when we had answered already. */
  isCancelledLate = false
  lifeTimer: TimerEntry | null = null
  lateTimer: TimerEntry | null = null
  readonly #runner: DialogRunner

  constructor(runner: DialogRunner, start: DialogStart) {
    this.#runner = runner
    this.id = start.id
    this.role = start.role
    this.method = start.method
    this.callId = start.callId
    this.localTag = start.localTag
    this.localValue = start.localValue
    this.remoteTag = start.remoteTag
    this.remoteValue = start.remoteValue
    this.remoteTarget = start.remoteTarget
    this.routeSet = start.routeSet
    this.localCSeq = start.localCSeq
    this.remoteCSeq = start.remoteCSeq
    this.owner = start.owner
    this.peer = start.peer
  }

  onTimer(name: string): void {
    this.#runner.dialogTimer(this, name)
  }

  /** Takes the tag, target and route set of an answer (RFC 3261 §12.1.2; a 2xx replaces what an 18x said, §13.2.2.4). */
  learnFromResponse(response: SipMessage): void {
    this.remoteTag = response.toTag
    this.remoteValue = detach(response.get('to') ?? this.remoteValue)
    this.retarget(response)
    this.routeSet = routeSetOf(response.getAll('record-route'), true).map(detach)
  }

  /** A target refresh (RFC 3261 §12.2): the peer is now to be reached at this Contact. */
  retarget(message: SipMessage): void {
    const contact = message.get('contact')
    const uri = contact === undefined ? null : uriOf(contact)
    if (uri !== null) this.remoteTarget = detach(uri)
  }
}

/** The dialog an INVITE or SUBSCRIBE from the network begins (RFC 3261 §12.1.1). */
export function dialogOfRequest(runner: DialogRunner, transaction: ServerTransaction, peer: Peer): Dialog {
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
    localCSeq: Math.floor(Math.random() * 10_000) + 1,
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
  dialog.localContact = request?.get('contact') ?? ''
  dialog.learnFromResponse(response)
  return dialog
}

export function dialogIdOf(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`
}

/** Whether a From or To value can be read: what a dialog is built from must be sound. */
export function isAddress(value: string): boolean {
  return parseNameAddr(value) !== null
}
