import type { Auction, Award, NonBid } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { BidId } from '../../model/ids.ts'
import type { Offer, PingFacts } from '../../routing/bidders/wire.ts'
import type { BidderLine } from './bidder-line.ts'

/** What one bidder offers for one call. */
export interface Offered {
  readonly line: BidderLine
  readonly facts: PingFacts
  readonly offer: Offer
  /** The last it was told: a win can still become a loss, when its target does not take the call. */
  told: 'nothing' | 'win' | 'loss'
}

/** Told of how offers end. */
export interface RoundNews {
  won(offered: Offered, award: Award): void
  lost(offered: Offered, code: NonBidCode): void
}

/** The asking of all bidders for one call: who offered what, why the others did not, and what became of the offers. */
export class Round {
  /** Why bidders make no bid, those that were not asked included; it grows until `closed`. */
  readonly nonBids: NonBid[]
  readonly offers = new Map<BidId, Offered>()
  /** Where to ring in place of the target, as the ping or the post was answered. */
  readonly destinations = new Map<BidId, string>()
  /** All have answered, or the time is up; null: nobody was asked. */
  readonly answered: Promise<void> | null
  readonly #news: RoundNews
  #isClosed = false

  constructor(nonBids: NonBid[], news: RoundNews, ask: (round: Round) => Promise<void> | null) {
    this.nonBids = nonBids
    this.#news = news
    this.answered = ask(this)
  }

  /** Nothing more is taken: an answer that comes now is late. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    this.#isClosed = true
  }

  add(bidId: BidId, offered: Omit<Offered, 'told'>): void {
    this.offers.set(bidId, { ...offered, told: 'nothing' })
    if (offered.offer.destination !== null) this.destinations.set(bidId, offered.offer.destination)
  }

  /** Those that came to no award hear it now. */
  auctioned({ awards, nonBids }: Pick<Auction, 'awards' | 'nonBids'>): void {
    const awarded = new Set(awards.map(({ bidId }) => bidId))
    const codes = new Map(nonBids.map(({ bidId, code }) => [bidId, code]))
    for (const bidId of this.offers.keys()) if (!awarded.has(bidId)) this.lost(bidId, codes.get(bidId) ?? 'outbid')
  }

  /** Its award is about to be rung. False: it is none of these offers. */
  won(award: Award): boolean {
    const offered = this.offers.get(award.bidId)
    if (!offered || offered.told !== 'nothing') return false
    offered.told = 'win'
    this.#news.won(offered, award)
    return true
  }

  lost(bidId: BidId, code: NonBidCode): void {
    const offered = this.offers.get(bidId)
    if (!offered || offered.told === 'loss') return
    offered.told = 'loss'
    this.#news.lost(offered, code)
  }

  /** An offer that takes no part in the auction hears why at once. */
  refused(offered: Omit<Offered, 'told'>, code: NonBidCode): void {
    this.#news.lost({ ...offered, told: 'loss' }, code)
  }

  /** One has the call, or nobody gets it any more: the others whose turn had not come hear it, and what is answered now is dropped. */
  over(): void {
    this.close()
    for (const [bidId, { told }] of this.offers) if (told === 'nothing') this.lost(bidId, 'not_reached')
  }
}
