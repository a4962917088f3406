import type { Auction, Award } from '../model/auction.ts'
import { NON_BID_REASONS } from '../model/bid.ts'
import type { DomainEvent, EventBus, EventType } from '../model/events.ts'
import type { AccountId } from '../model/ids.ts'
import { newId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { formatMoney, type Micros } from '../model/money.ts'
import type { Reachability } from '../model/reachability.ts'
import type { Call } from './live-call.ts'
import type { Place } from './probed-places.ts'

type Payload = Readonly<Record<string, unknown>>

/** Tells the world what happens to a call, in the event catalogue's words. Nothing is built when nobody listens. */
export class Announcements {
  readonly #bus: EventBus

  constructor(bus: EventBus) {
    this.#bus = bus
  }

  received(call: Call): void {
    this.#toParties('call.received', call, () => this.#callPayload(call))
  }

  checked(call: Call, allowed: boolean): void {
    const type = allowed ? 'compliance.checked' : 'compliance.violated'
    this.#publish(type, call, () => ({ allowed, checks: call.checks }), {})
  }

  auctioned(call: Call, auction: Auction): void {
    if (!this.#bus.hasListeners) return
    const common = { auction_id: auction.id, vertical: auction.vertical, currency: auction.currency }
    this.#publish(
      'auction.started',
      call,
      () => ({ ...common, reserve_price: formatMoney(auction.reservePriceMicros) }),
      {},
    )
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
    const price = { bid_id: award.bidId, price: formatMoney(award.priceMicros) }
    this.#publish('bid.won', call, () => ({ ...this.#callPayload(call), ...price }), {
      buyerPayloads: new Map([[award.buyerId, price]]),
    })
  }

  ended(call: Call): void {
    this.#toParties('call.ended', call, () => ({
      ...this.#callPayload(call),
      price: formatMoney(call.priceMicros),
      payout: formatMoney(call.payoutMicros),
    }))
  }

  posted(call: Call, posting: Posting, priceMicros: Micros): void {
    this.#publish(
      'ledger.posted',
      call,
      () => ({
        posting_id: posting.id,
        kind: posting.kind,
        currency: posting.currency,
        price: formatMoney(priceMicros),
        entries: posting.entries.map((entry) => ({
          account_id: entry.accountId,
          amount: formatMoney(entry.amountMicros),
        })),
      }),
      {},
    )
  }

  trunkLimited(call: Call, limit: string): void {
    this.#publish('trunk.limited', call, () => ({ trunk_id: call.facts?.trunk.id, limit }), {})
  }

  /** A trunk's address sends more of something than it may, whatever calls it has. */
  trunkFlooded(trunkId: string, limit: string): void {
    if (this.#bus.hasListeners) this.#bus.publish(envelope('trunk.limited', null, { trunk_id: trunkId, limit }, {}))
  }

  /** A target or trunk has begun to answer, or does so no more: its owner may know. */
  reachability({ kind, id, accountId, name }: Place, { state, lastStatus }: Reachability): void {
    if (!this.#bus.hasListeners) return
    const payload = { kind, id, name, state, last_status: lastStatus }
    const audience =
      kind === 'target'
        ? { buyerPayloads: new Map([[accountId, payload]]) }
        : { sellerId: accountId, sellerPayload: payload }
    this.#bus.publish(envelope('reachability.changed', null, payload, audience))
  }

  exhausted(campaignId: string, buyerId: AccountId): void {
    if (!this.#bus.hasListeners) return
    const payload = { campaign_id: campaignId }
    this.#bus.publish(envelope('campaign.exhausted', null, payload, { buyerPayloads: new Map([[buyerId, payload]]) }))
  }

  /** Seller and buyer each read the call without the other's money; only admins read it all. */
  #toParties(type: EventType, call: Call, payload: () => Payload): void {
    if (!this.#bus.hasListeners) return
    const full = payload()
    const { price: _price, buyer_id: _buyer, bid_id: _bid, ...forSeller } = full
    const { payout: _payout, seller_id: _seller, ...forBuyer } = full
    const buyerId = call.soldAttempt?.award.buyerId
    this.#bus.publish(
      envelope(type, call, full, {
        ...(call.facts && { sellerId: call.facts.seller.id, sellerPayload: forSeller }),
        ...(buyerId && { buyerPayloads: new Map([[buyerId, forBuyer]]) }),
      }),
    )
  }

  #publish(type: EventType, call: Call, payload: () => Payload, audience: DomainEvent['audience']): void {
    if (this.#bus.hasListeners) this.#bus.publish(envelope(type, call, payload(), audience))
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

function envelope(
  type: EventType,
  call: Call | null,
  payload: Payload,
  audience: DomainEvent['audience'],
): DomainEvent {
  return { id: newId(), type, time: new Date().toISOString(), version: 1, callId: call?.id ?? null, payload, audience }
}
