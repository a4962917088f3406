import type { Auction, Award } from '../model/auction.ts'
import { NON_BID_REASONS } from '../model/bid.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { DomainEvent, EventBus, EventType } from '../model/events.ts'
import type { FraudScore } from '../model/fraud.ts'
import type { AccountId, CallId } from '../model/ids.ts'
import { newId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { formatMoney, type Micros } from '../model/money.ts'
import type { Reachability } from '../model/reachability.ts'
import { ExhaustedCampaigns, type Exhausted } from './exhausted-campaigns.ts'
import type { Call } from './live-call.ts'
import type { Place } from './reachability/probed-places.ts'

type Payload = Readonly<Record<string, unknown>>

/** A call is rung in vain for so many 18x at most, of those that nobody has written down yet. */
const MAX_RINGING_KEPT = 20

/** What of the announcements is to be published for certain (storage/outbox.ts). */
export interface KeptEvents {
  keeps(type: EventType): boolean
  /** Takes an event that is no call's; a call's go with its records. */
  add(event: DomainEvent): void
}

const NOTHING_KEPT: KeptEvents = { keeps: () => false, add: () => {} }

/**
 * Tells the world what happens to a call, in the event catalogue's words: those who listen now, and those who read what was kept of
 * it. Nothing is built when there are neither.
 */
export class Announcements {
  readonly #bus: EventBus
  readonly #kept: KeptEvents
  readonly #exhausted = new ExhaustedCampaigns()

  constructor(bus: EventBus, kept: KeptEvents = NOTHING_KEPT) {
    this.#bus = bus
    this.#kept = kept
  }

  received(call: Call): void {
    this.#toParties('call.received', call, () => this.#callPayload(call))
  }

  checked(call: Call, allowed: boolean): void {
    const type = allowed ? 'compliance.checked' : 'compliance.violated'
    this.#publish(type, call, () => ({ allowed, checks: call.checks }), {})
  }

  /** A call's score was worth a note; operators alone read it. */
  fraudScored(scored: FraudScore): void {
    const { callId, ani, sellerId, numberId, trunkId, score, action, isEnforced, modelScore, reasons } = scored
    const payload = () => ({
      call_id: callId,
      from: ani,
      seller_id: sellerId,
      number_id: numberId,
      trunk_id: trunkId,
      score,
      action,
      enforced: isEnforced,
      model_score: modelScore,
      reasons,
    })
    this.#publish('fraud.scored', null, payload, {})
  }

  /** Bids on this very call are taken until then: every buyer hears where it may come from, nobody who calls or whose call it is. */
  biddingOpened(call: Call, closesAt: Date, buyerIds: Iterable<AccountId>): void {
    if (!this.#bus.hasListeners) return
    const { number, places, zip, seller } = call.facts!
    const payload = {
      call_id: call.id,
      vertical: number!.vertical,
      currency: seller.currency,
      states: zip ? [zip.state] : [...new Set(places.map(({ state }) => state))],
      closes_at: closesAt.toISOString(),
    }
    const buyerPayloads = new Map<AccountId, Payload>()
    for (const id of buyerIds) buyerPayloads.set(id, payload)
    const reserve_price = formatMoney(number!.reservePriceMicros)
    this.#publish('auction.started', call, () => ({ ...payload, reserve_price }), { buyerPayloads })
  }

  auctioned(call: Call, auction: Auction): void {
    if (this.#isWanted('campaign.exhausted'))
      for (const each of this.#exhausted.seenIn(auction, performance.now())) this.#exhaustedTold(each)
    if (!this.#isWanted('auction.completed')) return
    const common = { auction_id: auction.id, vertical: auction.vertical, currency: auction.currency }
    if (!call.wasOpen) {
      const reserve_price = formatMoney(auction.reservePriceMicros)
      this.#publish('auction.started', call, () => ({ ...common, reserve_price }), {})
    }
    const winner = auction.awards[0] ?? null
    const full = (): Payload => ({
      ...common,
      reserve_price: formatMoney(auction.reservePriceMicros),
      price_rule: auction.priceRule,
      winner: winner && { bid_id: winner.bidId, buyer_id: winner.buyerId, amount: formatMoney(winner.amountMicros) },
      clearing_price: winner && formatMoney(winner.priceMicros),
      ranking: auction.awards.map(({ bidId, rank, amountMicros }) => ({
        bid_id: bidId,
        rank,
        amount: formatMoney(amountMicros),
      })),
      non_bids: auction.nonBids.map(({ bidId, code }) => ({ bid_id: bidId, code, reason: NON_BID_REASONS[code] })),
    })
    const buyerPayloads = new Map<AccountId, Payload>()
    for (const award of auction.awards) {
      if (buyerPayloads.has(award.buyerId)) continue
      buyerPayloads.set(award.buyerId, { ...common, bid_id: award.bidId, rank: award.rank })
    }
    this.#publish('auction.completed', call, full, { buyerPayloads })
    this.#publish('routing.decision', call, () => ({ ...this.#callPayload(call), ...full() }), {})
  }

  routed(call: Call, award: Award): void {
    this.#publish(
      'call.routed',
      call,
      () => ({
        ...this.#callPayload(call),
        bid_id: award.bidId,
        rank: award.rank,
        price: formatMoney(award.priceMicros),
      }),
      { buyerPayloads: new Map([[award.buyerId, { bid_id: award.bidId, rank: award.rank }]]) },
    )
  }

  ringing(call: Call, status: number): void {
    this.#toParties('call.ringing', call, () => ({ ...this.#callPayload(call), sip_status: status }))
  }

  answered(call: Call, award: Award): void {
    this.#toParties('call.answered', call, () => this.#callPayload(call))
    const { bidId, priceMicros, minutes } = award
    const price = {
      bid_id: bidId,
      price: formatMoney(priceMicros),
      ...(minutes && { price_per_minute: formatMoney(minutes.rateMicros) }),
    }
    this.#publish('bid.won', call, () => ({ ...this.#callPayload(call), ...price }), {
      buyerPayloads: new Map([[award.buyerId, price]]),
    })
  }

  /** Kept for the call's last record; what it returns tells those who listen, once that is written. */
  ended(call: Call): () => void {
    if (!this.#isWanted('call.ended')) return () => {}
    const event = this.#forParties('call.ended', call, {
      ...this.#callPayload(call),
      price: formatMoney(call.priceMicros),
      payout: formatMoney(call.payoutMicros),
    })
    this.#keep(call, event)
    return () => this.#bus.publish(event)
  }

  posted(call: Call, posting: Posting, priceMicros: Micros): void {
    this.#publish('ledger.posted', call, () => postingPayload(posting, priceMicros), {})
  }

  trunkLimited(call: Call, limit: string): void {
    this.#publish('trunk.limited', call, () => ({ trunk_id: call.facts?.trunk.id, limit }), {})
  }

  /** A trunk's address sends more of something than it may, whatever calls it has. */
  trunkFlooded(trunkId: string, limit: string): void {
    this.#publish('trunk.limited', null, () => ({ trunk_id: trunkId, limit }), {})
  }

  /** A target or trunk has begun to answer, or does so no more: its owner may know. */
  reachability({ kind, id, accountId, name }: Place, { state, lastStatus }: Reachability): void {
    const payload = { kind, id, name, state, last_status: lastStatus }
    const audience =
      kind === 'target'
        ? { buyerPayloads: new Map([[accountId, payload]]) }
        : { sellerId: accountId, sellerPayload: payload }
    this.#publish('reachability.changed', null, () => payload, audience)
  }

  /** A campaign can buy no more until its next period, or until its buyer allows more: seen when a call came that it missed by that. */
  #exhaustedTold({ campaignId, buyerId, reason }: Exhausted): void {
    const payload = { campaign_id: campaignId, reason }
    this.#publish('campaign.exhausted', null, () => payload, { buyerPayloads: new Map([[buyerId, payload]]) })
  }

  #toParties(type: EventType, call: Call, payload: () => Payload): void {
    if (this.#isWanted(type)) this.#tell(call, this.#forParties(type, call, payload()))
  }

  /** Seller and buyer each read the call without the other's money; only admins read it all. */
  #forParties(type: EventType, call: Call, full: Payload): DomainEvent {
    const buyerId = call.soldAttempt?.award.buyerId
    if (!this.#bus.hasListeners) return envelope(type, call, full, call.facts ? { sellerId: call.facts.seller.id } : {})
    const { price: _price, buyer_id: _buyer, bid_id: _bid, ...forSeller } = full
    const { payout: _payout, seller_id: _seller, ...forBuyer } = full
    return envelope(type, call, full, {
      ...(call.facts && { sellerId: call.facts.seller.id, sellerPayload: forSeller }),
      ...(buyerId && { buyerPayloads: new Map([[buyerId, forBuyer]]) }),
    })
  }

  #publish(type: EventType, call: Call | null, payload: () => Payload, audience: DomainEvent['audience']): void {
    if (this.#isWanted(type)) this.#tell(call, envelope(type, call, payload(), audience))
  }

  #isWanted(type: EventType): boolean {
    return this.#bus.hasListeners || this.#kept.keeps(type)
  }

  #tell(call: Call | null, event: DomainEvent): void {
    this.#keep(call, event)
    this.#bus.publish(event)
  }

  #keep(call: Call | null, event: DomainEvent): void {
    if (!this.#kept.keeps(event.type)) return
    if (call === null) this.#kept.add(event)
    else if (event.type !== 'call.ringing' || call.events.length < MAX_RINGING_KEPT) call.events.push(event)
  }

  #callPayload(call: Call): Payload {
    const award = call.soldAttempt?.award
    return {
      id: call.id,
      state: call.outcome === null ? call.state : 'ended',
      outcome: call.outcome,
      from: call.facts?.ani ?? null,
      to: call.facts?.dnis ?? null,
      vertical: call.facts?.number?.vertical ?? null,
      seller_id: call.facts?.seller.id ?? null,
      buyer_id: award?.buyerId ?? null,
      bid_id: award?.bidId ?? null,
      duration_ms: call.durationMs,
      billable_ms: call.billableMs,
      sip_status: call.caller.finalStatus,
      end_reason: call.endReason,
      hung_up_by: call.hungUpBy,
    }
  }
}

/** What is to be published of a call that this process has not known alive: those who listen now are not told. */
export function eventsOfEnd(record: CallRecord, posting: Posting | null): DomainEvent[] {
  const sellerId = record.sellerId
  const payload = {
    id: record.id,
    state: record.state,
    outcome: record.outcome,
    from: record.ani,
    to: record.dnis,
    vertical: record.vertical,
    seller_id: sellerId,
    buyer_id: record.buyerId,
    bid_id: record.bidId,
    duration_ms: record.durationMs,
    billable_ms: record.billableMs,
    sip_status: record.sipStatus,
    end_reason: record.endReason,
    hung_up_by: record.hungUpBy,
    price: formatMoney(record.priceMicros),
    payout: formatMoney(record.payoutMicros),
  }
  const ended = envelope('call.ended', record, payload, { sellerId })
  if (!posting) return [ended]
  return [envelope('ledger.posted', record, postingPayload(posting, record.priceMicros), {}), ended]
}

function postingPayload({ id, kind, currency, entries }: Posting, priceMicros: Micros): Payload {
  return {
    posting_id: id,
    kind,
    currency,
    price: formatMoney(priceMicros),
    entries: entries.map(({ accountId, amountMicros }) => ({
      account_id: accountId,
      amount: formatMoney(amountMicros),
    })),
  }
}

function envelope(
  type: EventType,
  call: { readonly id: CallId } | null,
  payload: Payload,
  audience: DomainEvent['audience'],
): DomainEvent {
  return { id: newId(), type, time: new Date().toISOString(), version: 1, callId: call?.id ?? null, payload, audience }
}
