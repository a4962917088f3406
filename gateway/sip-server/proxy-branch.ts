import type { Core } from './core.ts'
import { SipMessage } from './message.ts'
import { buildResponse, reasonOf } from './responses.ts'
import { findDestination, isUnsendable, stampVia } from './sender.ts'
import type { Destination } from './sender.ts'
import type { ClientTransaction, ForwardedRequest } from './state.ts'
import type { TimerEntry, TimerOwner } from './timer-wheel.ts'
import type { Peer } from './transport.ts'
import type { UacAnswers } from './uac-answers.ts'

/** What a branch tells the request it is a copy of. */
export interface BranchOwner {
  /** Puts what depends on the way into the copy: Record-Route. */
  route(request: SipMessage, target: Peer): void
  onProvisional(response: SipMessage): void
  /** A final answer; of an INVITE several 2xx may come. `source` is null for one that nobody sent. */
  onFinal(response: SipMessage, source: Peer | null): void
}

export interface BranchTimes {
  readonly provisionalMs: number | null
  readonly finalMs: number | null
}

/** One copy of a proxied request on its way to one target (RFC 3261 §16.6, §16.8): its transaction and its timers. */
export class ProxyBranch implements ForwardedRequest, TimerOwner {
  /** Whether it has had its final answer, or has been given up. */
  isDone = false
  readonly #core: Core
  readonly #uac: UacAnswers
  readonly #owner: BranchOwner
  readonly #times: BranchTimes
  readonly #request: SipMessage
  /** The end of its Via's branch. */
  readonly #loopKey: string
  /** Hops of the target that have not been tried. */
  #peers: Peer[] = []
  #client: ClientTransaction | null = null
  /** The CANCEL's Reason, when we are to stop. */
  #cancelReason: string | null = null
  #provisionalTimer: TimerEntry | null = null
  #finalTimer: TimerEntry | null = null

  constructor(
    core: Core,
    uac: UacAnswers,
    owner: BranchOwner,
    times: BranchTimes,
    request: SipMessage,
    loopKey: string,
  ) {
    this.#loopKey = loopKey
    this.#core = core
    this.#uac = uac
    this.#owner = owner
    this.#times = times
    this.#request = request
  }

  /** Sends the copy to `nextUri`. */
  start(nextUri: string): void {
    const destination = findDestination(this.#core, nextUri, null)
    if (destination instanceof Promise) void destination.then((found) => this.#send(found))
    else this.#send(destination)
  }

  #send(destination: Destination): void {
    if (this.isDone) return
    const { transactions, limits, counters, wheel } = this.#core
    if (this.#cancelReason !== null) return this.#answerInPlace(487)
    if (transactions.open >= limits.maxTransactions) {
      counters.overLimit++
      return this.#answerInPlace(503)
    }
    if (destination === null || isUnsendable(destination)) return this.#answerInPlace(503)
    this.#peers = [...destination.peers]
    this.#sendTo(this.#peers.shift()!)
    const { provisionalMs, finalMs } = this.#times
    if (provisionalMs !== null) this.#provisionalTimer = wheel.arm(provisionalMs, this, 'provisional')
    if (finalMs !== null) this.#finalTimer = wheel.arm(finalMs, this, 'final')
    else if (this.#request.method === 'INVITE') this.#finalTimer = wheel.arm(limits.proxyTimerCMs, this, 'final')
  }

  #sendTo(peer: Peer): void {
    const { transactions, chance } = this.#core
    const copy = new SipMessage(this.#request.method, this.#request.requestUri, 0, '')
    Object.assign(copy, this.#request)
    copy.headers = [...this.#request.headers]
    this.#owner.route(copy, peer)
    const branch = stampVia(this.#core, copy, peer, `z9hG4bK${chance.token(20)}-${this.#loopKey}`)
    this.#client = transactions.start(copy, branch, peer)
    this.#core.guard?.corresponds(peer.host)
    this.#client.forwarded = this
  }

  /** The target has another hop (RFC 3263 §4.3) and this one was of no use. */
  #triesNext(): boolean {
    const next = this.#cancelReason === null ? this.#peers.shift() : undefined
    if (next === undefined) return false
    this.#sendTo(next)
    return true
  }

  onResponse(response: SipMessage, source: Peer): void {
    // §16.7 step 3: the top Via is ours; a response that has no other is for us alone.
    const at = response.headers.findIndex((field) => field.key === 'via')
    response.headers.splice(at, 1)
    if (!response.headers.some((field) => field.key === 'via')) return
    if (response.status < 200) return this.#onProvisional(response)
    if (response.status === 503 && !this.isDone && this.#triesNext()) return
    const isLate = this.isDone
    this.#finish()
    if (!isLate || response.status < 300) this.#owner.onFinal(response, source)
  }

  #onProvisional(response: SipMessage): void {
    const client = this.#client!
    client.hasProvisional = true
    this.#provisionalTimer?.cancel()
    if (client.pendingCancel !== null) {
      const cancel = client.pendingCancel
      client.pendingCancel = null
      this.#uac.sendCancel(client, cancel)
    }
    if (response.status === 100 || this.isDone) return
    // §16.7 step 2: ringing goes on for as long as it is said to.
    if (this.#times.finalMs === null && client.isInvite && !client.isCancelled) {
      this.#finalTimer?.cancel()
      this.#finalTimer = this.#core.wheel.arm(this.#core.limits.proxyTimerCMs, this, 'final')
    }
    this.#owner.onProvisional(response)
  }

  onFailure(event: 'timeout' | 'transport-error'): void {
    if (!this.isDone && !this.#triesNext()) this.#answerInPlace(event === 'timeout' ? 408 : 503)
  }

  /** Our own timers, and the transaction's: a CANCEL that got no final answer. */
  onTimer(name: string): void {
    if (name === 'cancelled') {
      if (this.#client !== null) this.#core.transactions.abandon(this.#client)
      return this.#answerInPlace(487)
    }
    if (this.isDone) return
    this.cancel('')
    this.#answerInPlace(408)
  }

  /** Stops it (§16.10), wherever it is. A 2xx that was on its way is still passed on. `reason`: a Reason header, or ''. */
  cancel(reason: string): void {
    if (this.isDone || this.#cancelReason !== null) return
    this.#cancelReason = reason
    this.#finalTimer?.cancel()
    const client = this.#client
    // Only an INVITE can be cancelled (§9.1).
    if (client === null || !client.isInvite) return
    const cancel = this.#uac.buildCancel(client)
    if (reason !== '') cancel.add('Reason', reason)
    this.#uac.sendCancel(client, cancel)
  }

  /** The answer to a request that brought none. */
  #answerInPlace(status: number): void {
    if (this.isDone) return
    this.#finish()
    const response = buildResponse(this.#request, status, reasonOf(status), this.#core.chance.token(16))
    this.#owner.onFinal(response, null)
  }

  #finish(): void {
    this.isDone = true
    this.#provisionalTimer?.cancel()
    this.#finalTimer?.cancel()
  }
}
