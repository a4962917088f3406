import type { Core } from './core.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import { stampVia, tcpInstead } from './sender.ts'
import type { Way } from './sender.ts'
import type { ClientTransaction, Failover } from './state.ts'
import type { Peer } from './transport.ts'
import { serialize } from './wire-format.ts'

interface DeliveryOptions {
  readonly way: Way
  /** Makes the request for one hop, without its Via: Contact and the like say where that hop can reach us. */
  readonly build: (peer: Peer) => SipMessage
  /** Told of each transaction before anything can answer it. */
  readonly onStarted: (transaction: ClientTransaction) => void
}

/**
 * One request on its way through the hops of its name (RFC 3263 §4.3): each try is a client transaction of its own, all under
 * one id, so that the application sees one request and the last outcome. A large request for UDP is tried over TCP first
 * (RFC 3261 §18.1.1).
 */
export class Delivery implements Failover {
  readonly #core: Core
  readonly #options: DeliveryOptions
  /** The hop in use, of `way.peers`. */
  #at = 0
  /** The request went to that hop over TCP for its size alone. */
  #isOverTcpForSize = false

  private constructor(core: Core, options: DeliveryOptions) {
    this.#core = core
    this.#options = options
  }

  /** Sends the request to its first hop. */
  static start(core: Core, options: DeliveryOptions): ClientTransaction {
    return new Delivery(core, options).#send(undefined, true)
  }

  #send(id: string | undefined, mayTakeTcp: boolean): ClientTransaction {
    const { way, build, onStarted } = this.#options
    const { limits, wheel, transactions, largeRequests } = this.#core
    let peer = way.peers[this.#at]!
    let request = build(peer)
    let branch = stampVia(this.#core, request, peer)
    let text = serialize(request)
    this.#isOverTcpForSize = false
    if (text.length > limits.maxUdpRequestBytes && mayTakeTcp && way.isFree && largeRequests === 'tcp') {
      const tcp = tcpInstead(this.#core, peer)
      if (tcp !== null) {
        this.#isOverTcpForSize = true
        peer = tcp
        request = build(peer)
        branch = stampVia(this.#core, request, peer)
        text = serialize(request)
      }
    }
    const transaction = transactions.start(request, branch, peer, text, id)
    onStarted(transaction)
    if (this.#isOverTcpForSize || way.peers.length > 1) {
      transaction.failover = this
      if (this.#isOverTcpForSize) transaction.ringTimer = wheel.arm(limits.largeRequestTcpMs, transaction, 'hop')
      else if (transaction.isInvite && this.#at + 1 < way.peers.length)
        transaction.ringTimer = wheel.arm(limits.hopTimeoutMs, transaction, 'hop')
    }
    return transaction
  }

  tryNext(failed: ClientTransaction, refusal: SipMessage | null): boolean {
    const { limits, locator } = this.#core
    const wasForSize = this.#isOverTcpForSize
    const fromUdp = wasForSize && refusal === null
    locator.penalties.add(hopOf(failed.target), fromUdp ? limits.noTcpPenaltyMs : this.#penaltyMs(refusal))
    // A hop that refused over TCP would refuse over UDP as well; one that has no TCP has another chance.
    if (!fromUdp) this.#at++
    if (this.#at >= this.#options.way.peers.length) return false
    this.#send(failed.id, !fromUdp)
    return true
  }

  onAnswered(transaction: ClientTransaction): void {
    this.#core.locator.penalties.lift(hopOf(transaction.target))
  }

  /** RFC 3261 §21.5.4: a 503 may say for how long nothing should be sent there. */
  #penaltyMs(refusal: SipMessage | null): number {
    const { hopPenaltyMs, maxHopPenaltyMs } = this.#core.limits
    const seconds = Number.parseInt(refusal?.get('retry-after') ?? '', 10)
    return seconds > 0 ? Math.min(seconds * 1000, maxHopPenaltyMs) : hopPenaltyMs
  }
}

function hopOf({ transport, host, port }: Peer): Hop {
  return { transport: transport.name, host, port }
}
