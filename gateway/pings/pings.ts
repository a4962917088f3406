import type { Balances } from '../../accounts/holds.ts'
import { payoutOf } from '../../accounts/settlement.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Account } from '../../model/account.ts'
import type { Auction, Award } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { Clock } from '../../model/clock.ts'
import { newId, type AccountId, type AuctionId, type CallId } from '../../model/ids.ts'
import {
  pingReason,
  pingUri,
  reasonsOf,
  tokenFrom,
  type Ping,
  type PingAnswer,
  type PingReason,
  type PingReasonCode,
} from '../../model/ping.ts'
import type { Places } from '../../model/places.ts'
import type { Random } from '../../model/random.ts'
import { parseAttestation } from '../../model/stir.ts'
import type { DialledNumber } from '../../model/trunk.ts'
import type { AuctionRequest, Routing } from '../../routing/route-call.ts'
import type { Directory } from '../directory.ts'
import type { RecordWriter } from '../needs.ts'
import type { Bidders } from '../bidders/bidders.ts'
import type { Round } from '../bidders/round.ts'
import { contentOf, OpenPings, type OpenPing } from './open-pings.ts'
import { offerOf } from '../offer.ts'
import { broughtByTags } from '../screening/brought-consent.ts'
import { PingDecisions, type PingDecision } from './ping-decisions.ts'
import { TokenBucket } from '../identity/token-bucket.ts'
import type { Reservations } from '../reserving/reserve.ts'
import type { Screened, Screening } from '../screening/screening.ts'
import type { Taken } from '../taken.ts'

export interface PingLimits {
  /** How long an accepted ping keeps its price, its funds and its places. */
  readonly validityMs: number
  readonly maxOpen: number
  readonly maxOpenPerSeller: number
  /** Pings a second of one seller: a bucket of this capacity, refilled at this rate. */
  readonly maxPerSecond: number
  /** A token is good only for the caller it was asked for. */
  readonly sameCaller: boolean
}

/** What pings are decided with: the parts that decide calls. */
export interface PingParts {
  readonly clock: Clock
  readonly directory: Directory
  readonly places: Places
  readonly screening: Pick<Screening, 'screen'>
  readonly routing: Routing
  /** Absent: nobody is asked by HTTP. */
  readonly bidders?: Bidders
  readonly balances: Balances
  readonly reservations: Reservations
  readonly writer: Pick<RecordWriter, 'accepts'>
  readonly telemetry: Telemetry
  readonly draining: () => boolean
  readonly random: Random
  readonly limits: PingLimits
  /** Where calls are to be sent: `host` or `host:port`, and parameters. */
  readonly sipHost: () => string
}

/** A ping with its auction. */
interface AskedPing {
  /** What bidders asked by HTTP have said; null: none was asked. */
  readonly round: Round | null
  readonly ping: Ping
  readonly request: AuctionRequest
  readonly auction: Auction
  readonly seller: Account
}

/** Told apart from the bucket of one who has never asked. */
const MAX_BUCKETS = 10_000
/** What a ping's call will be attested with, as its seller says: it has no signature yet. */
const ATTESTATION_TAG = 'stir_attestation'

/**
 * Ping and post: a seller asks what a call would bring, and sends it while the answer is good. An accepted ping is decided as a
 * call is, and keeps the award's price, its funds and one place until the call comes or its time is up.
 *
 * All of it is memory: a process that dies takes its open pings' holds with it, so that none can outlive its ping, and a call
 * that comes then is auctioned afresh.
 */
export class Pings {
  readonly #parts: PingParts
  readonly #open = new OpenPings()
  readonly #decisions = new PingDecisions()
  /** Pings that bidders are being asked about. */
  readonly #asked = new Map<string, Promise<PingAnswer>>()
  readonly #buckets = new Map<AccountId, TokenBucket>()

  constructor(parts: PingParts) {
    this.#parts = parts
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Decides a ping: at once, or when outside evidence and the HTTP bidders that may buy the call have answered, or their deadlines are over. */
  ask(ping: Ping): PingAnswer | Promise<PingAnswer> {
    const { clock, limits } = this.#parts
    const nowMs = clock.monotonicMs()
    this.expire(nowMs)
    const answer: PingAnswer | Promise<PingAnswer> = this.#bucketOf(ping.sellerId, nowMs).take(nowMs)
      ? this.#decide(ping, nowMs)
      : { kind: 'limited', retryAfterSeconds: 1, perSecond: limits.maxPerSecond }
    return answer instanceof Promise ? answer.then((one) => this.#count(one)) : this.#count(answer)
  }

  #count(answer: PingAnswer): PingAnswer {
    const isRepeated = answer.kind === 'accepted' && answer.isRepeated
    this.#parts.telemetry.pings.inc({ result: isRepeated ? 'repeated' : answer.kind })
    return answer
  }

  /** What this token was quoted, as an answer; null when it is not open, or another seller's. */
  quoted(token: string, seller: AccountId): PingAnswer | null {
    const nowMs = this.#parts.clock.monotonicMs()
    this.expire(nowMs)
    const open = this.#open.ofToken(token)
    return open?.ping.sellerId === seller ? this.#accepted(open, nowMs, true) : null
  }

  /** The open ping that a call is for: its token's, or without one the newest of its caller to its number. */
  find(seller: AccountId, number: DialledNumber, ani: Ping['caller'], token: string | null): OpenPing | null {
    if (this.#open.size === 0) return null
    this.expire(this.#parts.clock.monotonicMs())
    const open = token === null ? this.#open.ofCaller(number.number, ani) : this.#open.ofToken(token)
    if (open?.ping.sellerId !== seller || open.ping.number !== number.number) return null
    return this.#parts.limits.sameCaller && open.ping.caller !== null && open.ping.caller !== ani ? null : open
  }

  /** Spends an open ping: from here its funds and places are the call's to give back. Null: it is spent already. */
  claim(open: OpenPing, callId: CallId): Taken | null {
    if (!this.#open.remove(open)) return null
    const { balances } = this.#parts
    const { reservation, hold } = open.taken
    balances.void(hold)
    const ofCall = { ...hold, callId }
    balances.adopt(ofCall) // What was promised is promised: also to a buyer whose credit has shrunk meanwhile.
    return { reservation, hold: ofCall }
  }

  /** Ends the pings whose time is up. `nowMs` is the monotonic clock's. */
  expire(nowMs: number): void {
    for (let open = this.#open.first(); open !== undefined && open.expiresAtMs <= nowMs; open = this.#open.first()) {
      this.drop(open)
      this.#parts.telemetry.pings.inc({ result: 'expired' })
    }
  }

  /** Gives back what is kept for a ping: its time is up, or its call has come and is another than it said. Nothing, when it is spent. */
  drop(open: OpenPing): void {
    if (!this.#open.remove(open)) return
    open.taken.reservation.release()
    this.#parts.balances.void(open.taken.hold)
    this.#forget(open)
    this.#decisions.add(decisionOf(open))
  }

  /** How a ping was decided, every bid that may be named with its reason; null when it is forgotten, or has become a call. */
  decision(id: AuctionId): PingDecision | null {
    const open = this.#open.ofAuction(id)
    const found = open ? decisionOf(open) : this.#decisions.find(id)
    return found ? { ...found, auction: this.#parts.routing.explain(found.request, found.auction) } : null
  }

  #decide(ping: Ping, nowMs: number): PingAnswer | Promise<PingAnswer> {
    const { clock, directory, screening } = this.#parts
    const same = this.#open.same(ping)
    if (same) return this.#accepted(same, nowMs, true)
    const asked = this.#asked.size === 0 ? undefined : this.#asked.get(contentOf(ping))
    if (asked) return asked.then(asRepeated)
    const number = directory.number(ping.number)
    const seller = directory.account(ping.sellerId)
    if (number?.accountId !== ping.sellerId || !seller) return rejected([pingReason('unknown_number')])
    const unwell = this.#whyNot(seller)
    if (unwell) return rejected([pingReason(unwell)])

    const atMs = clock.now()
    const asking = this.#requestOf(ping, number, seller, atMs)
    const { callId, places, zip } = asking
    const arrival = {
      callId,
      atMs,
      ani: ping.caller,
      number: asking.number,
      seller,
      places,
      zip,
      originatedAtMs: null,
      offer: offerOf(asking),
      brought: broughtByTags(ping.tags),
      invite: null,
    }
    const screened = screening.screen(arrival, null)
    if (!(screened instanceof Promise)) return this.#offer(ping, asking, seller, screened)
    return this.#remember(
      ping,
      screened.then((one) => {
        const unwellNow = this.#whyNot(directory.account(seller.id) ?? seller)
        return unwellNow ? rejected([pingReason(unwellNow)]) : this.#offer(ping, asking, seller, one)
      }),
    )
  }

  /** Asks the bidders for a call that may be sold. */
  #offer(
    ping: Ping,
    asking: AuctionRequest,
    seller: Account,
    { refusal, rule, exclusions, consents }: Screened,
  ): PingAnswer | Promise<PingAnswer> {
    if (refusal) return rejected([pingReason('compliance', refusal.reason === 'fraud' ? 'fraud' : (rule ?? undefined))])
    const request = { ...asking, exclusions, consents }
    const round = this.#parts.bidders?.ask(request) ?? null
    if (!round?.answered) return this.#auction(ping, request, seller, round)
    return this.#remember(
      ping,
      round.answered.then(() => this.#auction(ping, request, seller, round)),
    )
  }

  /** Whoever asks the same meanwhile hears the same. */
  #remember(ping: Ping, deciding: Promise<PingAnswer>): Promise<PingAnswer> {
    const key = contentOf(ping)
    const remembered = deciding.finally(() => this.#asked.delete(key))
    this.#asked.set(key, remembered)
    return remembered
  }

  /** Sells what a ping is about; what it was asked with may have changed while bidders were. */
  #auction(
    ping: Ping,
    request: AuctionRequest,
    seller: Account,
    round: Round | null,
  ): PingAnswer | Promise<PingAnswer> {
    const { clock, directory, routing } = this.#parts
    const unwell = round?.answered ? this.#whyNot(directory.account(seller.id) ?? seller) : null
    if (unwell) {
      this.#forget({ request, round })
      return rejected([pingReason(unwell)])
    }
    round?.close()
    const auction = routing.auction(round ? { ...request, nonBids: round.nonBids } : request)
    round?.auctioned(auction)
    return this.#takeFirst({ ping, request, auction, seller, round }, 0, [], clock.monotonicMs())
  }

  /** Keeps the first award, from the one at `at` on, that can still be had. */
  #takeFirst(asked: AskedPing, at: number, lost: NonBidCode[], nowMs: number): PingAnswer | Promise<PingAnswer> {
    const { request, auction, ping, round } = asked
    for (let i = at; i < auction.awards.length; i++) {
      const award = auction.awards[i]!
      const taken = this.#take(award, request)
      if (taken instanceof Promise)
        return taken.then((one) => {
          if (typeof one !== 'string') return this.#keepLate(asked, award, lost, one)
          round?.lost(award.bidId, one)
          return this.#takeFirst(asked, i + 1, [...lost, one], this.#parts.clock.monotonicMs())
        })
      if (typeof taken !== 'string') return this.#keep(asked, award, lost, taken, nowMs)
      lost.push(taken)
      round?.lost(award.bidId, taken)
    }
    this.#forget({ request, round })
    this.#decisions.add({ request, auction, sellerId: ping.sellerId, payoutMicros: null })
    const codes = lost.length > 0 ? lost : auction.nonBids.map(({ code }) => code)
    return rejected(reasonsOf(codes), auction.id)
  }

  /** While the shared counters were asked, the same ping may have been answered, or the seller's last place given away. */
  #keepLate(asked: AskedPing, award: Award, lost: readonly NonBidCode[], taken: Taken): PingAnswer {
    const nowMs = this.#parts.clock.monotonicMs()
    const same = this.#open.same(asked.ping)
    const unwell = same ? null : this.#whyNot(asked.seller)
    if (!same && !unwell) return this.#keep(asked, award, lost, taken, nowMs)
    taken.reservation.release()
    this.#parts.balances.void(taken.hold)
    this.#forget(asked)
    return same ? this.#accepted(same, nowMs, true) : rejected([pingReason(unwell!)])
  }

  #keep(
    { ping, request, auction, round }: AskedPing,
    award: Award,
    lost: readonly NonBidCode[],
    taken: Taken,
    nowMs: number,
  ): PingAnswer {
    const { number } = request
    const open: OpenPing = {
      ping,
      token: tokenFrom(this.#parts.random.bytes(16)),
      number,
      request,
      auction,
      award,
      lost,
      taken,
      // By the minute: what the shortest call pays that is billed.
      payoutMicros: payoutOf(number.payout, award.priceMicros, award.billableAfter * 1000),
      round,
      openedAtMs: nowMs,
      expiresAtMs: nowMs + this.#parts.limits.validityMs,
    }
    this.#open.add(open)
    return this.#accepted(open, nowMs, false)
  }

  /** Nobody will have the call of this ping: its bidders hear it. */
  #forget({ request, round }: Pick<OpenPing, 'request' | 'round'>): void {
    if (!round) return
    round.over()
    this.#parts.routing.forgetBidding(request.callId)
  }

  #whyNot(seller: Account): PingReasonCode | null {
    const { limits, writer, draining } = this.#parts
    if (seller.status !== 'active') return 'seller_inactive'
    if (draining() || !writer.accepts()) return 'not_taking_calls'
    if (this.#open.countOf(seller.id) >= limits.maxOpenPerSeller) return 'too_many_open_pings'
    return this.#open.size + this.#asked.size >= limits.maxOpen ? 'exchange_full' : null
  }

  #requestOf(ping: Ping, number: DialledNumber, seller: Account, atMs: number): AuctionRequest {
    const { places } = this.#parts
    const { vertical, tags, caller, zip } = ping
    const attestation = parseAttestation(tags[ATTESTATION_TAG])
    return {
      callId: newId<CallId>(), // Until there is a call, it stands for it.
      number: vertical === null ? number : { ...number, vertical },
      tags,
      currency: seller.currency,
      ani: caller,
      places: caller === null ? [] : places.ofNumber(caller),
      zip: zip === null ? null : places.ofZip(zip),
      receivedAtMs: atMs,
      ...(attestation !== null && { attestation }),
      isPing: true,
    }
  }

  #take(
    award: Award,
    { callId, ani, currency, number, receivedAtMs: atMs }: AuctionRequest,
  ): ReturnType<Reservations['reserve']> {
    return this.#parts.reservations.reserve({ award, callId, ani, atMs, sellerId: number.accountId, currency })
  }

  #accepted(open: OpenPing, nowMs: number, isRepeated: boolean): PingAnswer {
    const { clock, sipHost } = this.#parts
    const { token, auction, award, number, payoutMicros } = open
    const leftMs = open.expiresAtMs - nowMs
    return {
      kind: 'accepted',
      auctionId: auction.id,
      token,
      payoutMicros,
      currency: auction.currency,
      billableAfter: award.billableAfter,
      expiresAt: new Date(clock.now() + leftMs),
      secondsLeft: Math.floor(leftMs / 1000),
      sipUri: pingUri(number.number, token, sipHost()),
      number: number.number,
      isRepeated,
    }
  }

  #bucketOf(seller: AccountId, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(seller)
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear()
      this.#buckets.set(seller, (bucket = new TokenBucket(this.#parts.limits.maxPerSecond, nowMs)))
    }
    return bucket
  }
}

function asRepeated(answer: PingAnswer): PingAnswer {
  return answer.kind === 'accepted' ? { ...answer, isRepeated: true } : answer
}

function rejected(reasons: readonly PingReason[], auctionId: AuctionId | null = null): PingAnswer {
  return { kind: 'rejected', auctionId, reasons }
}

function decisionOf({ request, auction, ping, payoutMicros }: OpenPing): PingDecision {
  return { request, auction, sellerId: ping.sellerId, payoutMicros }
}
