import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Logger } from '../../config/logger.ts'
import type { Award, NonBid } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { Bidder } from '../../model/bidder.ts'
import type { BidderState } from '../../model/bidder-state.ts'
import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import { newId, type AccountId, type BidderId, type CallId } from '../../model/ids.ts'
import { formatMoney } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { REASON_NUMBERS } from '../../model/reason-codes.ts'
import { bidOf } from '../../routing/bidders/bidder-book.ts'
import { createDialect } from '../../routing/bidders/dialect.ts'
import type { HttpRequest, NoticeFacts, PingFacts } from '../../routing/bidders/wire.ts'
import type { AuctionRequest, Routing } from '../../routing/route-call.ts'
import type { Directory } from '../directory.ts'
import type { ClientShelf } from '../outgoing/client-shelf.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import { BidderLine, isFault, type PingOutcome } from './bidder-line.ts'
import type { CallerNames } from './caller-names.ts'
import { Notices } from './notices.ts'
import { PING_HEADER, type PingTokens } from './ping-token.ts'
import { Reentry } from './reentry.ts'
import { Round, type Offered, type RoundNews } from './round.ts'
import type { SecretBox } from './secret-box.ts'

export interface BidderLimits {
  /** How long a call waits for bidders, where its number says nothing else. */
  readonly deadlineMs: number
  /** Requests to one bidder under way at once; it is not asked for more. */
  readonly maxUnderWay: number
  /** For how long a caller who comes back by another number is one that was passed on. */
  readonly reentryMs: number
}

export interface BiddersParts {
  readonly clock: Clock
  readonly log: Logger
  /** By their buyers' accounts, for pings and posts. */
  readonly clients: Pick<ClientShelf, 'of' | 'close'>
  /** For notices alone: they may go where nobody answers. */
  readonly noticeClient: HttpClient
  readonly secrets: SecretBox
  readonly callerNames: CallerNames
  readonly tokens: PingTokens
  readonly directory: Directory
  readonly routing: Pick<Routing, 'biddersFor' | 'offer'>
  readonly telemetry: Pick<Telemetry, 'bidderPings' | 'bidderSeconds' | 'bidderNotices'>
  readonly limits: BidderLimits
  /** Whether an answer may have this rung: not a carrier's house, nor a place of ours. */
  readonly isRingable: (destination: string) => boolean
}

/** What a bidder's own headers may say otherwise. */
const HEADERS = { 'User-Agent': 'DCE', Accept: '*/*' }
/** A call that is to be posted to whoever has won it. */
export interface PostedCall {
  readonly callId: CallId
  readonly caller: PhoneNumber | null
  /** By the monotonic clock: the call is rung by then, or not at all. */
  readonly deadlineMs: number
  /** Aborted when the caller hangs up. */
  readonly gone: AbortSignal
}

/** Tries of a post, the first included. */
const MAX_TRIES = 4
const RETRY_AFTER_MS = 20
/** Bidders with metrics of their own; the others share one. */
const MAX_LABELS = 500
/** What trying once more may mend. */
const WORTH_RETRYING: ReadonlySet<NonBidCode> = new Set(['bidder_late', 'bidder_unreachable', 'bidder_http_error'])

/**
 * Buyers' HTTP bidders: asks all that may buy a call at once, and has what they offer take part in its auction. A bidder may answer anything, or
 * nothing, at any speed: each answer that is no bid has a numbered reason, and none is waited for beyond the auction's deadline.
 */
export class Bidders {
  readonly #parts: BiddersParts
  readonly #lines = new Map<BidderId, BidderLine>()
  readonly #notices: Notices
  readonly #reentry: Reentry
  readonly #labels = new Set<BidderId>()

  constructor(parts: BiddersParts) {
    this.#parts = parts
    this.#notices = new Notices({ http: parts.noticeClient, telemetry: parts.telemetry, headers: HEADERS })
    this.#reentry = new Reentry(parts.limits.reentryMs)
  }

  apply(change: BookChange): void {
    if (change.kind !== 'bidder') return
    const { id, value } = change
    if (value === null) {
      this.#lines.delete(id)
      return
    }
    const line = this.#lines.get(id)
    const dialect = this.#dialectOf(value)
    if (line) Object.assign(line, { bidder: value, dialect })
    else this.#lines.set(id, new BidderLine(value, dialect))
  }

  stateOf(id: BidderId): BidderState | null {
    return this.#lines.get(id)?.state(this.#parts.clock.monotonicMs()) ?? null
  }

  /** How many have failed so often that they are not asked. */
  get openCircuits(): number {
    const nowMs = this.#parts.clock.monotonicMs()
    let count = 0
    for (const { circuit } of this.#lines.values()) if (circuit.state(nowMs) !== 'closed') count++
    return count
  }

  /**
   * Asks whoever may buy this call. Null: there is nobody to ask, and nothing to explain. Of a call that may still be refused (`unscreened`)
   * nobody hears where any of them would be told the caller's number, or asks for its attestation: then null, to be asked again.
   */
  ask(request: AuctionRequest, judged: 'screened' | 'unscreened' = 'screened'): Round | null {
    if (this.#lines.size === 0) return null
    const deadlineMs = request.number.bidderDeadlineMs ?? this.#parts.limits.deadlineMs
    if (deadlineMs === 0) return null
    const { asked, nonBids } = this.#parts.routing.biddersFor(request)
    if (asked.length + nonBids.length === 0) return null
    if (judged === 'unscreened') {
      if (asked.some((id) => this.#isTold(this.#lines.get(id)))) return null
      if (nonBids.some(({ code }) => code === 'attestation_missing')) return null // Its signature may still be in the making.
    }
    return new Round([...nonBids], this.#news, (round) => this.#askAll(round, asked, request, deadlineMs))
  }

  /**
   * Offers the call to whoever won it, where its bidder wants that, just before it is rung: up to four tries under one idempotency key, all within
   * one time. Null: it is taken, by those who do not want to be asked as well; else why not.
   */
  post(round: Round, award: Award, call: PostedCall): Promise<NonBidCode | null> | null {
    const offered = round.offers.get(award.bidId)
    const post = offered?.line.dialect?.post
    if (!offered || !post) return null
    const price = priceOf(award)
    const bid = formatMoney(offered.offer.micros)
    const { callId, caller } = call
    const facts = { ...offered.facts, caller, callerNumber: caller, callId, bid, price }
    return this.#post(round, award, offered.line, this.#signed(post.build(facts), callId, offered.facts.pingId), call)
  }

  /** A call of this caller has been sold to a bidder. Returns what is to be called when it is over. */
  sold(award: Award, callId: CallId, caller: PhoneNumber | null, number: PhoneNumber): () => void {
    if (caller === null) return () => {}
    const { clock } = this.#parts
    this.#reentry.sold(caller, { callId, buyerId: award.buyerId, number, atMs: clock.monotonicMs() })
    return () => this.#reentry.ended(caller, callId)
  }

  /** Once what is to be told has been. */
  idle(): Promise<void> {
    return this.#notices.idle()
  }

  async close(): Promise<void> {
    this.#notices.close()
    await Promise.all([this.#parts.clients.close(), this.#parts.noticeClient.close()])
  }

  #dialectOf(bidder: Bidder): BidderLine['dialect'] {
    const { secrets: box, log } = this.#parts
    const opened: Record<string, string> = {}
    for (const [name, sealed] of Object.entries(bidder.secrets)) {
      const secret = box.open(sealed)
      if (secret === null) {
        log.warn({ bidder: bidder.id, secret: name }, 'a bidder’s secret was sealed with another bidders.secret')
        return null
      }
      opened[name] = secret
    }
    try {
      return createDialect(bidder, opened)
    } catch (error) {
      log.warn({ bidder: bidder.id, error: (error as Error).message }, 'a bidder’s templates cannot be used')
      return null
    }
  }

  #askAll(round: Round, asked: readonly BidderId[], request: AuctionRequest, deadlineMs: number): Promise<void> | null {
    const nowMs = this.#parts.clock.monotonicMs()
    const { ani, number } = request
    const behind = ani === null ? null : this.#reentry.buyersBehind(ani, number.number, nowMs)
    const asking: Promise<void>[] = []
    const pending = new Set<BidderLine>()
    for (const id of asked) {
      const line = this.#lines.get(id)
      if (!line) continue
      const begun = behind?.has(line.bidder.accountId) ? 'bidder_loop' : this.#begin(line, nowMs, deadlineMs)
      if (begun === 'request' || begun === 'probe') {
        pending.add(line)
        asking.push(this.#askOne(round, line, begun, request, deadlineMs).finally(() => pending.delete(line)))
      } else {
        line.note(begun)
        this.#parts.telemetry.bidderPings.inc({ bidder: this.#labelOf(line), outcome: begun })
        round.nonBids.push(nonBidOf(line.bidder, begun))
      }
    }
    if (asking.length === 0) return null
    return this.#deadline(round, asking, pending, deadlineMs)
  }

  /** Each is given up on by itself; this is what holds should one not be. */
  async #deadline(
    round: Round,
    asking: readonly Promise<void>[],
    pending: ReadonlySet<BidderLine>,
    deadlineMs: number,
  ): Promise<void> {
    const ended = new AbortController()
    const late = sleep(deadlineMs, undefined, { signal: ended.signal }).catch(() => {})
    await Promise.race([Promise.all(asking), late])
    ended.abort()
    round.close()
    for (const { bidder } of pending) round.nonBids.push(nonBidOf(bidder, 'bidder_late'))
  }

  /** Whether this number gives a bidder less time than it would have by itself, and by the house's own deadline. */
  #isCut(line: BidderLine, deadlineMs: number): boolean {
    return line.waitMs(deadlineMs) < line.waitMs(this.#parts.limits.deadlineMs)
  }

  #begin(line: BidderLine, nowMs: number, deadlineMs: number): 'request' | 'probe' | NonBidCode {
    if (line.dialect === null) return 'bidder_unreachable'
    if (line.underWay >= this.#parts.limits.maxUnderWay) return 'bidder_busy'
    return line.circuit.begin(nowMs, !this.#isCut(line, deadlineMs)) ?? 'bidder_circuit_open'
  }

  async #askOne(
    round: Round,
    line: BidderLine,
    begun: 'request' | 'probe',
    request: AuctionRequest,
    deadlineMs: number,
  ): Promise<void> {
    const { clients, clock, telemetry } = this.#parts
    const waitMs = line.waitMs(deadlineMs)
    const isCut = this.#isCut(line, deadlineMs)
    const facts = this.#factsFor(line.bidder, request, waitMs)
    const startedMs = clock.monotonicMs()
    const dialect = line.dialect!
    const reply = await line.ask(
      clients.of(line.bidder.accountId),
      this.#signed(dialect.buildPing(facts), request.callId, null),
      waitMs,
    )
    let outcome: PingOutcome = typeof reply === 'string' ? reply : 'bid'
    if (typeof reply !== 'string') {
      const offer = dialect.readPing(reply, facts)
      if (typeof offer === 'string') outcome = offer
      else outcome = this.#take(round, line, facts, offer, request)
    }
    const nowMs = clock.monotonicMs()
    const bidder = this.#labelOf(line)
    telemetry.bidderSeconds.observe({ bidder }, (nowMs - startedMs) / 1000)
    telemetry.bidderPings.inc({ bidder, outcome })
    // Late for a seller who does not wait, or for a caller who has gone: that says nothing of the bidder.
    const isOurs = outcome === 'bidder_late' && (isCut || typeof reply !== 'string')
    if (!isOurs || begun === 'probe') line.circuit.ended(begun, !isOurs && isFault(outcome), nowMs)
    line.pinged(outcome, nowMs - startedMs, isOurs)
    if (outcome !== 'bid' && !round.isClosed) round.nonBids.push(nonBidOf(line.bidder, outcome))
  }

  #take(
    round: Round,
    line: BidderLine,
    facts: PingFacts,
    offer: Offered['offer'],
    request: AuctionRequest,
  ): PingOutcome {
    if (round.isClosed) return 'bidder_late'
    const { destination, micros, billableAfter } = offer
    if (destination !== null && !this.#parts.isRingable(destination)) return 'bidder_bad_destination'
    const { id } = line.bidder
    const code = this.#parts.routing.offer(request, id, micros, billableAfter)
    if (code === null) round.add(bidOf(id), { line, facts, offer })
    else round.refused({ line, facts, offer }, code)
    return code ?? 'bid'
  }

  async #post(
    round: Round,
    award: Award,
    line: BidderLine,
    request: HttpRequest,
    { deadlineMs, gone }: PostedCall,
  ): Promise<NonBidCode | null> {
    const { clock, clients } = this.#parts
    const http = clients.of(line.bidder.accountId)
    const ownEndMs = clock.monotonicMs() + line.bidder.post!.timeoutMs
    const endMs = Math.min(ownEndMs, deadlineMs)
    const failed = (reply: NonBidCode): NonBidCode => {
      if (gone.aborted) return 'not_reached'
      // It is not to blame for a call that had hardly time left.
      const isCut = endMs < ownEndMs && reply === 'bidder_late'
      if (!isCut) line.circuit.ended('request', true, clock.monotonicMs())
      return 'bidder_post_failed'
    }
    for (let tries = 1; ; tries++) {
      const leftMs = endMs - clock.monotonicMs()
      if (leftMs <= 0) return failed('bidder_late')
      const reply = await line.ask(http, request, leftMs, gone)
      if (gone.aborted) return 'not_reached'
      if (typeof reply !== 'string') {
        const said = line.dialect?.post?.read(reply) ?? 'bidder_post_failed'
        if (typeof said === 'string') return said
        if (said.destination === null) return null
        if (!this.#parts.isRingable(said.destination)) return 'bidder_bad_destination'
        round.destinations.set(award.bidId, said.destination)
        return null
      }
      if (tries >= MAX_TRIES || !WORTH_RETRYING.has(reply)) return failed(reply)
      await sleep(RETRY_AFTER_MS * tries, undefined, { signal: gone }).catch(() => {})
    }
  }

  /** Whether this bidder is told callers' numbers before it has bought a call. */
  #isTold(line: BidderLine | undefined): boolean {
    return line !== undefined && this.#parts.directory.campaign(line.bidder.campaignId)?.exposeCaller === true
  }

  /** What this bidder is told of a call it has not won. */
  #factsFor({ accountId, campaignId }: Bidder, request: AuctionRequest, timeoutMs: number): PingFacts {
    const { directory, clock } = this.#parts
    const { ani, places, zip, number, currency, tags } = request
    const isExposed = directory.campaign(campaignId)?.exposeCaller === true
    const states = new Set(zip ? [zip.state] : places.map(({ state }) => state))
    return {
      pingId: newId<string>(),
      caller: ani === null ? null : isExposed ? ani : this.#nameOf(ani, accountId),
      callerNumber: isExposed ? ani : null,
      areaCode: ani === null ? null : areaCodeOf(ani),
      state: states.size === 1 ? [...states][0]! : null,
      zip: zip?.zip ?? null,
      vertical: number.vertical,
      currency,
      tags: tags === undefined ? number.tags : { ...number.tags, ...tags },
      timeoutMs,
      atMs: clock.now(),
    }
  }

  #nameOf(caller: PhoneNumber, buyer: AccountId): string {
    return this.#parts.callerNames.nameOf(caller, buyer, this.#parts.clock.now())
  }

  #signed(request: HttpRequest, callId: CallId, idempotencyKey: string | null): HttpRequest {
    const headers = new Map<string, readonly [string, string]>()
    const say = (said: Readonly<Record<string, string>>): void => {
      for (const each of Object.entries(said)) headers.set(each[0].toLowerCase(), each)
    }
    say(HEADERS)
    say(request.headers)
    say({ [PING_HEADER]: this.#parts.tokens.tokenOf(callId) })
    if (idempotencyKey === null) headers.delete('idempotency-key')
    else say({ 'Idempotency-Key': idempotencyKey })
    return { ...request, headers: Object.fromEntries(headers.values()) }
  }

  /** What metrics call it: there are only so many. */
  #labelOf({ bidder: { id } }: BidderLine): string {
    if (this.#labels.size < MAX_LABELS) this.#labels.add(id)
    return this.#labels.has(id) ? id : 'other'
  }

  readonly #news: RoundNews = {
    won: (offered, award) => this.#tell(offered, 'win', priceOf(award), null),
    lost: (offered, code) => this.#tell(offered, 'loss', '', code),
  }

  #tell({ line, facts, offer }: Offered, result: 'win' | 'loss', price: string, code: NonBidCode | null): void {
    const reasonNumber = code === null ? 0 : REASON_NUMBERS[code]
    const notice: NoticeFacts = { ...facts, result, bid: formatMoney(offer.micros), price, code, reasonNumber }
    const url = line.dialect?.noticeUrl(offer, notice) ?? null
    if (url !== null && /^https?:\/\//i.test(url) && URL.canParse(url)) this.#notices.send(url, result)
  }
}

/** By the minute it is of a minute, as the bid was. */
function priceOf({ minutes, priceMicros }: Award): string {
  return formatMoney(minutes?.rateMicros ?? priceMicros)
}

function nonBidOf({ id, campaignId, accountId }: Bidder, code: NonBidCode): NonBid {
  return { bidId: bidOf(id), campaignId, buyerId: accountId, code }
}

/** Of a North American number; null for others. */
function areaCodeOf(ani: PhoneNumber): string | null {
  return /^\+1\d{10}$/.test(ani) ? ani.slice(2, 5) : null
}
