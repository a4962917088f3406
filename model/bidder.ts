import type { Stored } from './account.ts'
import type { Criteria } from './bid.ts'
import type { AccountId, BidderId, CampaignId, TargetId } from './ids.ts'
import type { Micros } from './money.ts'

/** How a bidder is spoken to: by templates its buyer wrote, or in the OpenRTB-like JSON of docs/bidders.md. */
export type BidderDialect = 'template' | 'openrtb'

/** What a body is, and so how what is put into it is escaped. */
export type BodyType = 'json' | 'form' | 'xml' | 'text'

/** A request with `{{placeholders}}` in its URL, its headers' values and its body. */
export interface RequestTemplate {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Null: none, or the dialect's own. */
  readonly body: string | null
  readonly bodyType: BodyType
}

/** Where in an answer a value is: a path into its JSON, or between two pieces of its text. Neither can take longer than the answer is long. */
export type AnswerPlace = { readonly json: string } | { readonly after: string; readonly before: string }

/** `equals`: which values mean yes, without regard to case; without it, all but nothing, `false`, `0` and `no`. */
export type AcceptPlace = AnswerPlace & { readonly equals?: readonly string[] }

/** Where the four things stand that an answer may say. */
export interface AnswerTemplate {
  /** Null: a price above nothing is a yes. */
  readonly accept: AcceptPlace | null
  readonly bid: AnswerPlace
  /** The number or SIP URI to ring; null, or absent in an answer: the bidder's target. */
  readonly destination: AnswerPlace | null
  /** Seconds; null, or absent in an answer: the bidder's own. */
  readonly billableAfter: AnswerPlace | null
}

/** The call itself, offered to whoever won it just before it is rung. */
export interface PostTemplate {
  readonly request: RequestTemplate
  /** Null: any 2xx is a yes. */
  readonly accept: AcceptPlace | null
  readonly destination: AnswerPlace | null
  /** For all tries together. */
  readonly timeoutMs: number
}

/** A buyer's program that is asked by HTTP what it would pay for a call. */
export interface Bidder extends Stored {
  readonly id: BidderId
  readonly accountId: AccountId
  readonly campaignId: CampaignId
  /** Whose ring timeout and caps its calls count for, and where they ring if an answer names no destination. */
  readonly targetId: TargetId
  readonly name: string
  readonly status: 'active' | 'paused'
  readonly dialect: BidderDialect
  /** Which calls it is asked for. */
  readonly criteria: Criteria
  /** An answer above it is no bid. */
  readonly maxBidMicros: Micros
  /** Seconds of answered time before a call counts as sold, where an answer says nothing else. */
  readonly billableAfter: number
  readonly maxConcurrentCalls: number | null
  /** The longest it is ever waited for; an auction's deadline and its own record may make it less. */
  readonly timeoutMs: number
  readonly ping: RequestTemplate
  /** Null in a dialect that has its own. */
  readonly answer: AnswerTemplate | null
  readonly post: PostTemplate | null
  /** Where it is told how its bids ended; null: nowhere. */
  readonly winUrl: string | null
  readonly lossUrl: string | null
  /** What templates call `{{secret:name}}`, sealed. */
  readonly secrets: Readonly<Record<string, string>>
}
