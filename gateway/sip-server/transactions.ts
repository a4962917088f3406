import type { Chance } from './chance.ts'
import { detach } from './characters.ts'
import { stepClient, stepInviteClient } from './client-transaction.ts'
import type { ClientInput } from './client-transaction.ts'
import { viaFromSource } from './headers.ts'
import { buildFailureAck, mergeKeyOf, serverKey } from './matching.ts'
import type { SipMessage } from './message.ts'
import { responsePeer } from './responses.ts'
import { stepInviteServer, stepServer } from './server-transaction.ts'
import type { ServerInput } from './server-transaction.ts'
import { TIMEOUT, UNREACHABLE } from './parties.ts'
import type { Parties } from './parties.ts'
import type { Counters } from './stats.ts'
import type { TimerWheel } from './timer-wheel.ts'
import { isTimerName, timerMs } from './timers.ts'
import type { SipTimers, TimerName } from './timers.ts'
import { ClientTransaction, ServerTransaction } from './state.ts'
import type { TransactionRunner } from './state.ts'
import type { Peer } from './transport.ts'
import { serialize } from './wire-format.ts'

/** The layer above: RFC 3261's transaction user. */
export interface TransactionUser {
  /** A request that belongs to no transaction: the user makes one with `createServer`, or does without. */
  onRequest(request: SipMessage, source: Peer): void
  /** A CANCEL and the INVITE it means. */
  onCancel(cancel: ServerTransaction, invite: ServerTransaction): void
  /** An ACK of a 2xx (§13.3.1.4): it belongs to a dialog. */
  onAck(ack: SipMessage, source: Peer): void
  onServerTimer(transaction: ServerTransaction, name: string): void
  onResponse(transaction: ClientTransaction, response: SipMessage, source: Peer): void
  /** No answer came (`timeout`), or the request could not be delivered. */
  onClientFailure(transaction: ClientTransaction, event: 'timeout' | 'transport-error'): void
  onClientTimer(transaction: ClientTransaction, name: string): void
}

const REPEATING = new Set<TimerName>(['A', 'E', 'G'])

/** Matches messages to the four machines (RFC 3261 §17.1.3, §17.2.3) and runs their effects. */
export class Transactions implements TransactionRunner {
  readonly #timers: SipTimers
  readonly #wheel: TimerWheel
  readonly #counters: Counters
  readonly #parties: Parties
  readonly #chance: Chance
  readonly #user: TransactionUser
  readonly #servers = new Map<string, ServerTransaction>()
  readonly #serversById = new Map<string, ServerTransaction>()
  readonly #merges = new Map<string, ServerTransaction>()
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #invitesById = new Map<string, ClientTransaction>()
  #lingering = 0

  constructor(
    timers: SipTimers,
    wheel: TimerWheel,
    counters: Counters,
    parties: Parties,
    chance: Chance,
    user: TransactionUser,
  ) {
    this.#timers = timers
    this.#wheel = wheel
    this.#counters = counters
    this.#parties = parties
    this.#chance = chance
    this.#user = user
  }

  get open(): number {
    return this.#servers.size + this.#clients.size - this.#lingering
  }

  get lingering(): number {
    return this.#lingering
  }

  /** Entries of all tables together: for tests that look for leaks. */
  get remembered(): number {
    return this.#servers.size + this.#serversById.size + this.#merges.size + this.#clients.size + this.#invitesById.size
  }

  findServer(id: string): ServerTransaction | undefined {
    return this.#serversById.get(id)
  }

  findInvite(id: string): ClientTransaction | undefined {
    return this.#invitesById.get(id)
  }

  servers(): ServerTransaction[] {
    return [...this.#servers.values()]
  }

  clients(): ClientTransaction[] {
    return [...this.#clients.values()]
  }

  /** Takes a request from the network. Its top Via gets `received` and `rport` here (§18.2.1). */
  receiveRequest(request: SipMessage, source: Peer): void {
    const via = request.topVia!
    const field = request.headers.find((each) => each.key === 'via')!
    field.value = viaFromSource(field.value, via, source.host, source.port)
    const isAck = request.method === 'ACK'
    const key = serverKey(request, isAck ? 'INVITE' : request.method)
    const existing = this.#servers.get(key)
    if (isAck) {
      if (existing === undefined || existing.state === 'accepted') this.#user.onAck(request, source)
      else this.#stepServer(existing, { kind: 'ack' })
      return
    }
    if (existing !== undefined) {
      this.#counters.retransmissionsReceived++
      this.#stepServer(existing, { kind: 'request' })
      return
    }
    if (request.method === 'CANCEL') {
      const invite = this.#servers.get(serverKey(request, 'INVITE'))
      if (invite !== undefined) {
        this.#user.onCancel(this.createServer(request, source, invite.localTag), invite)
        return
      }
    }
    this.#user.onRequest(request, source)
  }

  createServer(request: SipMessage, source: Peer, localTag: string = this.#chance.token(16)): ServerTransaction {
    const key = detach(serverKey(request, request.method))
    const target = responsePeer(request, source)
    const transaction = new ServerTransaction(this, this.#chance.uuid(), key, request, source, target, localTag)
    this.#servers.set(key, transaction)
    this.#serversById.set(transaction.id, transaction)
    return transaction
  }

  /** Another way for the same request (§8.2.2.2): the transaction it came in first, when that still exists. */
  findMerged(request: SipMessage): ServerTransaction | undefined {
    return this.#merges.get(mergeKeyOf(request))
  }

  /** Remembers a request outside dialogs, so that `findMerged` finds it. */
  guardMerges(transaction: ServerTransaction): void {
    transaction.mergeKey = detach(mergeKeyOf(transaction.request!))
    this.#merges.set(transaction.mergeKey, transaction)
  }

  /** A request that is passed on may come by again, on its way elsewhere (a spiral, RFC 3261 §16.3 step 4). */
  unguardMerges(transaction: ServerTransaction): void {
    if (transaction.mergeKey !== null) this.#merges.delete(transaction.mergeKey)
    transaction.mergeKey = null
  }

  /** Sends a response of the user's making. */
  respond(transaction: ServerTransaction, status: number, text: string): void {
    transaction.lastResponse = text
    transaction.lastStatus = status
    if (status >= 200) {
      this.#countAnswered(transaction, status)
      transaction.request = null
      transaction.ownHeaders = []
      transaction.silenceTimer?.cancel()
      transaction.silenceTimer = null
      transaction.reliable?.stop()
      transaction.reliable = null
      // An INVITE's is wanted until the ACK, for a CANCEL that comes too late.
      if (!transaction.isInvite) transaction.dialog = null
    }
    this.#counters.countSent('', status, transaction.target.transport.name)
    this.#stepServer(transaction, { kind: 'respond', status })
  }

  /** A dialog's requests are its party's, whatever address they come from. */
  #countAnswered({ party, dialog, source, method }: ServerTransaction, status: number): void {
    const whose = party !== '' ? party : dialog === null ? this.#parties.ofAddress(source.host) : dialog.party
    this.#parties.count(whose, 'in', method, source.transport.name, status)
  }

  #countEnded({ party, dialog, target, method }: ClientTransaction, status: number): void {
    const whose = party === '' && dialog !== null ? dialog.party : party
    this.#parties.count(whose, 'out', method, target.transport.name, status)
  }

  /** Sends an accepted INVITE's 2xx again (RFC 6026 §7.1: the user's task). */
  repeatAccepted(transaction: ServerTransaction): void {
    this.#counters.retransmissionsSent++
    this.#stepServer(transaction, { kind: 'respond', status: transaction.lastStatus })
  }

  /**
   * Starts a request. Its Via is already on it; `branch` is the one in that Via. `text` is the request written, where it has
   * been; `id` is that of the transaction it takes the place of, at another hop.
   */
  start(
    request: SipMessage,
    branch: string,
    target: Peer,
    text: string = serialize(request),
    id?: string,
  ): ClientTransaction {
    const key = request.method === 'CANCEL' ? `${branch}|CANCEL` : branch
    const transaction = new ClientTransaction(this, id ?? this.#chance.uuid(), key, request, text, target)
    this.#clients.set(key, transaction)
    if (transaction.isInvite) this.#invitesById.set(transaction.id, transaction)
    this.#counters.countSent(request.method, 0, target.transport.name)
    this.#stepClient(transaction, { kind: 'start' }, null, null)
    return transaction
  }

  receiveResponse(response: SipMessage, source: Peer): void {
    const { branch } = response.topVia!
    const isCancel = response.cseqMethod === 'CANCEL'
    const transaction = this.#clients.get(isCancel ? `${branch}|CANCEL` : branch)
    if (transaction === undefined || response.cseqMethod !== transaction.method) {
      this.#counters.dropped++
      return
    }
    this.#stepClient(transaction, { kind: 'response', status: response.status }, response, source)
  }

  /**
   * Ends the requests of ours that went over a connection which is gone (§18.4): they went over it because nothing else leads to
   * that peer, so that no answer will come.
   */
  failDisconnected(): void {
    for (const transaction of this.clients())
      if (transaction.target.connection?.isOpen === false) this.clientSendFailed(transaction)
  }

  /** Ends a request of ours without waiting any longer. */
  abandon(transaction: ClientTransaction): void {
    if (!transaction.isLingering) this.#countEnded(transaction, TIMEOUT)
    transaction.state = 'terminated'
    this.#removeClient(transaction)
  }

  /** Ends a request from the network that gets no answer. */
  forget(transaction: ServerTransaction): void {
    transaction.state = 'terminated'
    this.#removeServer(transaction)
  }

  serverTimer(transaction: ServerTransaction, name: string): void {
    if (!isTimerName(name)) {
      this.#user.onServerTimer(transaction, name)
      return
    }
    if (name === 'G') this.#counters.retransmissionsSent++
    this.#stepServer(transaction, { kind: 'timer', timer: name })
  }

  serverSendFailed(transaction: ServerTransaction): void {
    this.#stepServer(transaction, { kind: 'transport-error' })
  }

  clientTimer(transaction: ClientTransaction, name: string): void {
    if (!isTimerName(name)) {
      this.#user.onClientTimer(transaction, name)
      return
    }
    if (name === 'A' || name === 'E') this.#counters.retransmissionsSent++
    this.#stepClient(transaction, { kind: 'timer', timer: name }, null, null)
  }

  clientSendFailed(transaction: ClientTransaction): void {
    this.#stepClient(transaction, { kind: 'transport-error' }, null, null)
  }

  #stepServer(transaction: ServerTransaction, input: ServerInput): void {
    const { isReliable } = transaction.target.transport
    const step = transaction.isInvite ? stepInviteServer : stepServer
    const { state, effects } = step(transaction.state, input, isReliable)
    transaction.state = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          if (transaction.lastResponse !== null)
            transaction.target.transport.send(transaction.lastResponse, transaction.target, transaction)
          break
        case 'arm': {
          const waitMs = timerMs(this.#timers, effect.timer, transaction.firings, isReliable)
          this.#arm(transaction, effect.timer, waitMs)
          break
        }
        case 'disarm':
          disarm(transaction, effect.timer)
          break
        case 'inform':
          // Lost ACKs of failures and undeliverable answers concern nobody: the peer's own timers end its side.
          if (effect.event === 'transport-error') this.#counters.sendErrors++
      }
    }
    if (state === 'terminated') this.#removeServer(transaction)
    else if (!transaction.isLingering && transaction.isAnswered) this.#linger(transaction)
  }

  #stepClient(
    transaction: ClientTransaction,
    input: ClientInput,
    response: SipMessage | null,
    source: Peer | null,
  ): void {
    const { isReliable } = transaction.target.transport
    const step = transaction.isInvite ? stepInviteClient : stepClient
    const before = transaction.state
    const { state, effects } = step(before, input, isReliable)
    transaction.state = state
    if (response !== null && response.status >= 200) {
      if (transaction.isLingering || before === 'completed') this.#counters.retransmissionsReceived++
      else {
        this.#countEnded(transaction, response.status)
        if (state !== 'terminated') this.#linger(transaction)
      }
    }
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          if (transaction.text !== null)
            transaction.target.transport.send(transaction.text, transaction.target, transaction)
          break
        case 'ack':
          this.#acknowledge(transaction, response!)
          break
        case 'arm': {
          const waitMs = effect.atT2
            ? this.#timers.t2Ms
            : timerMs(this.#timers, effect.timer, transaction.firings, isReliable)
          this.#arm(transaction, effect.timer, waitMs)
          break
        }
        case 'disarm':
          disarm(transaction, effect.timer)
          break
        case 'pass':
          this.#user.onResponse(transaction, response!, source!)
          break
        case 'inform':
          if (!transaction.isLingering)
            this.#countEnded(transaction, effect.event === 'timeout' ? TIMEOUT : UNREACHABLE)
          this.#user.onClientFailure(transaction, effect.event)
      }
    }
    if (transaction.state === 'terminated') this.#removeClient(transaction)
    else if (transaction.isLingering) shed(transaction)
  }

  #acknowledge(transaction: ClientTransaction, response: SipMessage): void {
    transaction.ack ??= serialize(buildFailureAck(transaction.request!, response))
    this.#counters.countSent('ACK', 0, transaction.target.transport.name)
    transaction.target.transport.send(transaction.ack, transaction.target, null)
  }

  #arm(transaction: ServerTransaction | ClientTransaction, timer: TimerName, waitMs: number): void {
    const entry = this.#wheel.arm(waitMs, transaction, timer)
    if (REPEATING.has(timer)) {
      transaction.firings++
      transaction.retransmitTimer = entry
    } else {
      transaction.endTimer?.cancel()
      transaction.endTimer = entry
    }
  }

  #linger(transaction: ServerTransaction | ClientTransaction): void {
    transaction.isLingering = true
    this.#lingering++
  }

  #removeServer(transaction: ServerTransaction): void {
    if (this.#servers.get(transaction.key) !== transaction) return
    this.#servers.delete(transaction.key)
    this.#serversById.delete(transaction.id)
    if (transaction.mergeKey !== null) this.#merges.delete(transaction.mergeKey)
    transaction.silenceTimer?.cancel()
    this.#release(transaction)
  }

  #removeClient(transaction: ClientTransaction): void {
    if (this.#clients.get(transaction.key) !== transaction) return
    this.#clients.delete(transaction.key)
    // Its id may have gone over to the next hop's.
    if (this.#invitesById.get(transaction.id) === transaction) this.#invitesById.delete(transaction.id)
    transaction.ringTimer?.cancel()
    this.#release(transaction)
  }

  #release(transaction: ServerTransaction | ClientTransaction): void {
    transaction.retransmitTimer?.cancel()
    transaction.endTimer?.cancel()
    if (transaction.isLingering) this.#lingering--
    transaction.isLingering = false
  }
}

/** What is left of an answered request for the next half minute is what it takes to recognise its answer again. */
function shed(transaction: ClientTransaction): void {
  transaction.request = null
  transaction.text = null
  transaction.dialog = null
  transaction.failover = null
}

function disarm(transaction: ServerTransaction | ClientTransaction, timer: TimerName): void {
  if (REPEATING.has(timer)) {
    transaction.retransmitTimer?.cancel()
    transaction.retransmitTimer = null
  } else {
    transaction.endTimer?.cancel()
    transaction.endTimer = null
  }
}
