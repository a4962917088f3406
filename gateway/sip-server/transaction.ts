import type { Application } from './application.ts'
import type { ClientState } from './client-transaction.ts'
import type { Dialog } from './dialog.ts'
import type { SipMessage } from './message.ts'
import type { ReliableProvisionals } from './reliable.ts'
import type { ServerState } from './server-transaction.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { Peer, SendFailed } from './transport.ts'

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
  lastResponse: string | null = null
  lastStatus = 0
  /** Told of everything in it; null when the server answers by itself. */
  owner: Application | null = null
  dialog: Dialog | null = null
  dialogId = ''
  /** Key in the table of requests that may arrive twice by different ways (RFC 3261 §8.2.2.2). */
  mergeKey: string | null = null
  isCancelled = false
  /** Provisional responses that wait for their PRACK. */
  reliable: ReliableProvisionals | null = null
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
  dialog: Dialog | null = null
  dialogId = ''
  /** Of an INVITE: the ACK of its final answer, sent again with every repetition of that (RFC 3261 §13.2.2.4, §17.1.1.3). */
  ack: string | null = null
  ackTarget: Peer | null = null
  /** The To tag of the first 2xx: another one is a fork. */
  acceptedTag: string | null = null
  /** To tags of further forks that have been ended. */
  readonly dismissedTags: string[] = []
  /** Sent inside a dialog that was there before it. */
  isInDialog = false
  /** The application has given this INVITE up. */
  isCancelled = false
  /** The CANCEL that waits for a provisional response (RFC 3261 §9.1). */
  pendingCancel: SipMessage | null = null
  hasProvisional = false
  echoFlush = -1
  firings = 0
  isLingering = false
  retransmitTimer: TimerEntry | null = null
  endTimer: TimerEntry | null = null
  /** Bounds ringing, and the wait for an answer after CANCEL. */
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
