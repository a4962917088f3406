import type { Stored } from './account.ts'
import type { BuyerAudio, NumberAudio } from './call-audio.ts'
import type { Caps } from './caps.ts'
import type { AccountId, NumberId, TargetId, TrunkId } from './ids.ts'
import type { Micros } from './money.ts'
import type { NumberMenu } from './number-menu.ts'
import type { Increments } from './per-minute.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { RoutingPlan } from './routing-plan.ts'
import type { DigestSecret } from './sip-user.ts'
import type { Attestation, VerstatPolicy } from './stir.ts'

/** A carrier's agreed way in (`inbound`, a seller's) or the house's way out to numbers (`outbound`). */
export interface Trunk extends Stored {
  readonly id: TrunkId
  readonly accountId: AccountId
  readonly name: string
  readonly direction: 'inbound' | 'outbound'
  /** Source addresses, each an IP address or CIDR block. */
  readonly addresses: readonly string[]
  /** Where an outbound trunk sends: `host` or `host:port`, and `;transport=tcp` where it must be that. */
  readonly host: string | null
  readonly username: string | null
  /** What an outbound trunk answers challenges with. */
  readonly password: string | null
  /** What an inbound trunk's answers to our challenges are checked by. */
  readonly digest: DigestSecret | null
  /** Names in a client certificate, any of which makes a request over TLS this inbound trunk's. */
  readonly tlsNames: readonly string[]
  /** Outbound trunks are tried in this order, the lowest first. */
  readonly priority: number
  /** Whether the carrier wants an outbound trunk registered (RFC 3261 §10), and for how many seconds we ask. */
  readonly register: boolean
  readonly expires: number
  /** Digits an inbound carrier puts before the dialled number. */
  readonly stripPrefix: string | null
  /** A token bucket of this capacity, refilled at this rate; null is no limit. */
  readonly maxCps: number | null
  readonly maxConcurrentCalls: number | null
  /** Whether a 503 for this trunk's limits carries Retry-After; off, since peers then take the whole trunk out (RFC 3261 §21.5.4). */
  readonly retryAfterOnLimit: boolean
  /** Whether the audio of its calls may go past us, to a target that allows it too: each end then learns the other's address. */
  readonly directMedia: boolean
  /** How its carrier hears that analytics has refused a call; absent: `603+`. */
  readonly analyticsRefusal?: AnalyticsRefusal
  /** The most we attest its calls with where nobody has signed them before us; absent or null: we do not sign them. */
  readonly attestation?: Attestation | null
  /** Numbers that are known to be its customer's, E.164, or how they begin with `*` at the end: calls from them may be attested with A. */
  readonly callerNumbers?: readonly string[]
}

/**
 * `603+`: 603 Network Blocked with whom to ask (ATIS-1000099), a plain 603 where the operator names nobody. `608`: Rejected (RFC 8688).
 * `603`: plain.
 */
export type AnalyticsRefusal = '603' | '603+' | '608'

/** `inbound`: the consumer dialled. `transfer`: a seller's agent called the consumer and passes the call on. `outbound`: dialled for the consumer to answer. */
export type TrafficType = 'inbound' | 'transfer' | 'outbound'

export type PriceRule = 'second' | 'first'

/** What the seller is paid of the price: a share in millionths, or a fixed amount, of a call or of a minute, never above the price. */
export type Payout =
  | { readonly type: 'share'; readonly shareMillionths: bigint }
  | { readonly type: 'fixed'; readonly amountMicros: Micros }
  | ({ readonly type: 'minute'; readonly rateMicros: Micros } & Increments)

/** A number sellers advertise: dialling it offers a call of this vertical for sale on these terms. */
export interface DialledNumber extends Stored {
  readonly id: NumberId
  readonly accountId: AccountId
  readonly number: PhoneNumber
  readonly vertical: string
  readonly reservePriceMicros: Micros
  readonly priceRule: PriceRule
  /** Under `second`: who bids less pays its own bid, who bids more pays no less than this. Absent or null: none. */
  readonly softFloorMicros?: Micros | null
  /** How its calls find their buyer; absent or null: by auction. */
  readonly routing?: RoutingPlan | null
  readonly payout: Payout
  /** Seconds: a bid that wants a longer buffer than this is no bid here. */
  readonly maxBillableAfter: number
  readonly liveBiddingMs: number
  /** How long its calls wait for bidders asked by HTTP; 0: none is asked. Absent or null: as the exchange is set. */
  readonly bidderDeadlineMs?: number | null
  readonly trafficType: TrafficType
  readonly tags: Readonly<Record<string, string>>
  /** Absent or null: nothing is played, and it says nothing of recording. */
  readonly audio?: NumberAudio | null
  /** Absent or null: its calls are sold without a question. */
  readonly menu?: NumberMenu | null
}

/** Where a won call rings. */
export interface Target extends Stored {
  readonly id: TargetId
  readonly accountId: AccountId
  readonly name: string
  /** A SIP URI, or an E.164 number reached through an outbound trunk. */
  readonly uri: string
  /** Seconds. */
  readonly ringTimeout: number
  readonly maxConcurrentCalls: number | null
  /** On the calls it is rung for, whatever their campaign; those at once are `maxConcurrentCalls`. */
  readonly caps?: Omit<Caps, 'concurrent'> | null
  readonly audio?: BuyerAudio | null
  /** As a trunk's; of a number, the outbound trunk must allow it as well. */
  readonly directMedia: boolean
  /** What From and P-Asserted-Identity tell it of the caller's signature; absent or null: as the exchange is set. */
  readonly verstat?: VerstatPolicy | null
}
