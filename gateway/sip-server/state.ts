/**
 * What the server remembers: transactions and dialogs. They refer to one another, so they share a file; what is done with
 * them is in the files named after them.
 */
import type { Application } from './application.ts'
import { detach } from './characters.ts'
import type { ClientState } from './client-transaction.ts'
import { uriOf } from './headers.ts'
import { routeSetOf } from './locate.ts'
import type { HeaderField, SipMessage } from './message.ts'
import { bringsSession } from './session-body.ts'
import type { ServerState } from './server-transaction.ts'
import type { SessionTerms } from './session-terms.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { Peer, SendFailed } from './transport.ts'

/** Provisional responses that are numbered and acknowledged (RFC 3262): see reliable.ts. */
export interface ReliableAnswers {
  /** The number for the next response's RSeq. */
  takeNumber(): number
  /** Whether no further response can wait. */
  readonly isFull: boolean
  /** Sends a response, at once or when those before it are acknowledged. */
  send(rseq: number, status: number, text: string, hasSession: boolean): void
  /** Whether a session description waits for its PRACK: no 2xx may be sent before (RFC 3262 §3). */
  readonly hasOpenSession: boolean
  /** Whether a 2xx waits already. */
  readonly isHolding: boolean
  /** Keeps a 2xx until everything is acknowledged; `drop` is called instead when the INVITE ends otherwise. */
  hold(send: () => void, drop: () => void): void
  /** Takes a PRACK; false when it acknowledges nothing that waits. */
  acknowledge(prack: SipMessage): boolean
  /** The INVITE has its final answer: nothing is repeated any more. */
  stop(): void
}

/** A request from the network that is being passed on: see proxied-request.ts. */
export interface ProxiedTransaction {
  /** The caller has given up, for this Reason ('' for none). */
  cancel(reason: string): void
}

/** A request of ours that is the copy of another: see proxy-branch.ts. */
export interface ForwardedRequest {
  onResponse(response: SipMessage, source: Peer): void
  onFailure(event: 'timeout' | 'transport-error'): void
  onTimer(name: string): void
}

/** What a transaction tells the layer that runs it. */
export interface TransactionRunner {
  serverTimer(transaction: ServerTransaction, name: string): void
  serverSendFailed(transaction: ServerTransaction): void
  clientTimer(transaction: ClientTransaction, name: string): void
  clientSendFailed(transaction: ClientTransaction): void
}

/** A request from the network and our answers to it (RFC 3261 §17.2). After the final answer only that answer's text is kept. */
export class ServerTransaction implements TimerOwner, SendFailed {
  /** What the application calls it. */
  readonly id: string
  readonly key: string
  readonly method: string
  readonly isInvite: boolean
  /** Where the request came from; where answers go. */
  readonly source: Peer
  readonly target: Peer
  readonly callId: string
  readonly fromTag: string
  state: ServerState
  /** Dropped once answered. */
  request: SipMessage | null
  /** The To tag we answer with. */
  localTag: string
  /** Null too once a 2xx has its ACK. */
  lastResponse: string | null = null
  lastStatus = 0
  /** Told of everything in it; null when the server answers by itself. */
  owner: Application | null = null
  dialog: Dialog | null = null
  dialogId = ''
  /** Whose it is in the counts (parties.ts); '' where its dialog or address says that. */
  party = ''
  /** Key in the table of requests that may arrive twice by different ways (RFC 3261 §8.2.2.2). */
  mergeKey: string | null = null
  isCancelled = false
  /** What the application's provisional answers said in headers of its own (X-…): our final answer in its place says it, too. */
  ownHeaders: readonly HeaderField[] = []
  /** Set when it is passed on instead of answered. */
  proxied: ProxiedTransaction | null = null
  /** The request carried a session description. */
  readonly hadSession: boolean
  /** Provisional responses that wait for their PRACK. */
  reliable: ReliableAnswers | null = null
  /** The flush of the owner's connection in which its last echo went out. */
  echoFlush = -1
  firings = 0
  isLingering = false
  retransmitTimer: TimerEntry | null = null
  endTimer: TimerEntry | null = null
  /** Bounds the application's silence, and how long an INVITE may ring. */
  silenceTimer: TimerEntry | null = null
  readonly #runner: TransactionRunner

  constructor(
    runner: TransactionRunner,
    id: string,
    key: string,
    request: SipMessage,
    source: Peer,
    target: Peer,
    localTag: string,
  ) {
    this.#runner = runner
    this.id = id
    this.key = key
    this.method = request.method
    this.isInvite = request.method === 'INVITE'
    this.source = source
    this.target = target
    this.callId = request.callId
    this.fromTag = request.fromTag
    this.state = this.isInvite ? 'proceeding' : 'trying'
    this.request = request
    this.hadSession = bringsSession(request)
    this.localTag = localTag
  }

  /** Whether a final answer has been given. */
  get isAnswered(): boolean {
    return this.lastStatus >= 200
  }

  onTimer(name: string): void {
    this.#runner.serverTimer(this, name)
  }

  onSendFailed(): void {
    this.#runner.serverSendFailed(this)
  }
}

/** The other hops of a request, where its name has several (RFC 3263 §4.3): see delivery.ts. */
export interface Failover {
  /**
   * The hop has failed: the request is sent to the next under the same id. `refusal` is its 503, null when it said nothing.
   * False when no hop is left.
   */
  tryNext(failed: ClientTransaction, refusal: SipMessage | null): boolean
  /** The hop is alive. */
  onAnswered(transaction: ClientTransaction): void
}

/** A request of ours and the answers to it (RFC 3261 §17.1). */
export class ClientTransaction implements TimerOwner, SendFailed {
  readonly id: string
  /** Branch, and method for a CANCEL, which shares its INVITE's branch. */
  readonly key: string
  readonly method: string
  readonly isInvite: boolean
  readonly target: Peer
  state: ClientState
  /** Dropped once answered. */
  request: SipMessage | null
  text: string | null
  readonly callId: string
  readonly fromTag: string
  readonly cseq: number
  owner: Application | null = null
  /** Set when it is the copy of a request that is passed on. */
  forwarded: ForwardedRequest | null = null
  dialog: Dialog | null = null
  dialogId = ''
  /** Whose it is in the counts (parties.ts); '' where its dialog or address says that. */
  party = ''
  /** Of an INVITE: the ACK of its final answer, sent again with every repetition of that (RFC 3261 §13.2.2.4, §17.1.1.3). */
  ack: string | null = null
  ackTarget: Peer | null = null
  /** The To tag of the first 2xx: another one is a fork. */
  acceptedTag: string | null = null
  /** The last RSeq of each fork (RFC 3262 §4), by To tag. */
  rseqs: Map<string, number> | null = null
  /** To tags of further forks that have been ended. */
  readonly dismissedTags: string[] = []
  /** Sent inside a dialog that was there before it. */
  isInDialog = false
  /** Sent by the server itself, to refresh a session. */
  isRefresh = false
  /** The application has given this INVITE up. */
  isCancelled = false
  /** The CANCEL that waits for a provisional response (RFC 3261 §9.1). */
  pendingCancel: SipMessage | null = null
  hasProvisional = false
  /** Those above 100 so far. */
  provisionals = 0
  /** Where else the request may go. */
  failover: Failover | null = null
  /** Another hop has been given the request: whatever this one still says is for nobody. */
  isSuperseded = false
  /** The request carried a session description: its answer is one, too. */
  readonly hadSession: boolean
  echoFlush = -1
  firings = 0
  isLingering = false
  retransmitTimer: TimerEntry | null = null
  endTimer: TimerEntry | null = null
  /** Bounds the wait for a first answer where there is another hop, ringing, and the wait for an answer after CANCEL. */
  ringTimer: TimerEntry | null = null
  readonly #runner: TransactionRunner

  constructor(runner: TransactionRunner, id: string, key: string, request: SipMessage, text: string, target: Peer) {
    this.#runner = runner
    this.id = id
    this.key = key
    this.method = request.method
    this.isInvite = request.method === 'INVITE'
    this.state = this.isInvite ? 'calling' : 'trying'
    this.target = target
    this.request = request
    this.hadSession = bringsSession(request)
    this.text = text
    this.callId = request.callId
    this.fromTag = request.fromTag
    this.cseq = request.cseq
  }

  onTimer(name: string): void {
    this.#runner.clientTimer(this, name)
  }

  onSendFailed(): void {
    this.#runner.clientSendFailed(this)
  }
}

/** What a dialog tells when one of its timers fires. */
export interface DialogRunner {
  dialogTimer(dialog: Dialog, name: string): void
}

/** A BYE of the application's that waits for the ACK of our 2xx (RFC 3261 §15): then it goes, or there is no dialog any more. */
export interface HeldBye {
  send(): void
  refuse(): void
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

/** A session that ends unless it is refreshed (session-timers.ts). */
interface Session {
  terms: SessionTerms
  /** The peer takes UPDATE; else it is refreshed by re-INVITE. */
  allowsUpdate: boolean
  /** The peer's own smallest interval, once it has insisted on it. */
  minS?: number
  /** Null where the peer refreshes. */
  refreshTimer: TimerEntry | null
  readonly expiryTimer: TimerEntry
}

/** Who made an offer. */
export type Side = 'ours' | 'theirs'

/** One early dialog of a forked INVITE (RFC 3261 §12.1.2) that is not the one its `Dialog` stands for at the moment. */
interface Fork {
  readonly remoteTag: string
  readonly remoteValue: string
  readonly remoteTarget: string
  readonly routeSet: string[]
  readonly remoteCSeq: number
}

/** One dialog (RFC 3261 §12): its identity, where its requests go, and what is under way in it. */
export class Dialog implements TimerOwner {
  /** The application's name for it: `Call-ID;from-tag=…`. */
  readonly id: string
  readonly role: 'uas' | 'uac'
  /** What began it: INVITE, SUBSCRIBE or REFER. */
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
  /** The application that has it; one that reconnects takes its dialogs over (reconnect.ts). */
  owner: Application | null
  /** Where the message came from that began it: its transport, and over TCP its connection, serve our requests too. */
  readonly peer: Peer
  state: 'early' | 'confirmed' | 'terminated' = 'early'
  /** Whose it is in the counts (parties.ts). */
  party = ''
  /** Our Contact in it, sent again where a request needs one and the application gives none. */
  localContact = ''
  /** The ACK of the first 2xx is shown with this id. */
  inviteId = ''
  answer: PendingAnswer | null = null
  /** INVITEs under way: theirs, and ours (RFC 3261 §14). */
  serverInvite: ServerTransaction | null = null
  clientInvite: ClientTransaction | null = null
  serverUpdate: ServerTransaction | null = null
  /** Reliable provisional answers in it: a PRACK may come when the final answer is out. */
  reliable: ReliableAnswers | null = null
  /** Further early dialogs of the same INVITE of ours, by To tag (forks.ts). */
  forks: Map<string, Fork> | null = null
  /** Whose offer has no answer yet (offers.ts). */
  openOffer: Side | null = null
  /** The last session description that we sent: what a refresh by re-INVITE repeats. */
  localSession = ''
  session: Session | null = null
  /** What keeps a dialog that is no call (subscriptions.ts). */
  subscriptions: string[] = []
  /** Our INVITE whose 2xx the application has to ACK. */
  unackedInvite: ClientTransaction | null = null
  /** The caller sent CANCEL when we had answered already. */
  isCancelledLate = false
  /** Our BYE is on its way: a refresh that overtook it would have it refused as out of order (RFC 3261 §12.2.2). */
  isLeaving = false
  heldBye: HeldBye | null = null
  lifeTimer: TimerEntry | null = null
  lateTimer: TimerEntry | null = null
  readonly #runner: DialogRunner

  constructor(runner: DialogRunner, start: DialogStart) {
    this.#runner = runner
    this.id = detach(start.id)
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
