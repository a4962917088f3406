import type { NonBidCode } from '../../model/bid.ts'
import type { RequestTemplate } from '../../model/bidder.ts'
import type { Currency, Micros } from '../../model/money.ts'

/** What a bidder may be told of a call before it has won it. */
export interface PingFacts {
  /** Of this bidder's ping for this call alone. */
  readonly pingId: string
  /** Who calls: the number where the campaign exposes it, else a word that stands for it all day; null: withheld. */
  readonly caller: string | null
  /** Null until the call is won, unless the campaign exposes it. */
  readonly callerNumber: string | null
  readonly areaCode: string | null
  readonly state: string | null
  readonly zip: string | null
  readonly vertical: string
  readonly currency: Currency
  readonly tags: Readonly<Record<string, string>>
  /** How long its answer is waited for. */
  readonly timeoutMs: number
  readonly atMs: number
}

/** What whoever has won is told besides. */
export interface PostFacts extends PingFacts {
  readonly callId: string
  readonly bid: string
  readonly price: string
}

/** How a bid came out, for whoever made it. */
export interface NoticeFacts extends PingFacts {
  readonly result: 'win' | 'loss'
  readonly bid: string
  /** Empty for a loss. */
  readonly price: string
  readonly code: NonBidCode | null
  readonly reasonNumber: number
}

export interface HttpRequest {
  readonly method: RequestTemplate['method']
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export interface HttpReply {
  readonly status: number
  readonly text: string
}

/** What a bidder offers for a call. */
export interface Offer {
  readonly micros: Micros
  /** A number or a SIP URI; null: its target. */
  readonly destination: string | null
  /** Seconds; null: the bidder's own. */
  readonly billableAfter: number | null
  /** Where this very bid wants to hear of its end, macros filled in by `noticeUrl`. */
  readonly winUrl?: string
  readonly lossUrl?: string
}

/** How one bidder is spoken to. Everything here is pure: gateway/bidders owns the sockets, the deadlines and the retries. */
export interface Dialect {
  buildPing(facts: PingFacts): HttpRequest
  /** What a 2xx says: an offer, or why it is none. Nothing it says is trusted. */
  readPing(reply: HttpReply, facts: PingFacts): Offer | NonBidCode
  /** Null: whoever wins is not posted to. */
  readonly post: {
    build(facts: PostFacts): HttpRequest
    /** Where to ring; null: where the ping said, or at the target. */
    read(reply: HttpReply): { readonly destination: string | null } | NonBidCode
  } | null
  /** Null: it does not want to hear of it. */
  noticeUrl(offer: Offer, facts: NoticeFacts): string | null
}

/** What is particular to a dialect. */
export interface Wire {
  /** Null: the template's own. */
  readonly body: ((facts: PingFacts) => string) | null
  read(reply: HttpReply, facts: PingFacts): Offer | NonBidCode
  noticeUrl(offer: Offer, facts: NoticeFacts): string | null
}
