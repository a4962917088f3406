import { systemClock, type Clock } from './clock.ts'
import { systemRandom, type Random } from './random.ts'

/** A UUID v7 (RFC 9562 §5.7) that names one kind of thing; ids of two kinds do not mix. */
export type Id<Kind extends string> = string & { readonly __id: Kind }

export type AccountId = Id<'account'>
export type UserId = Id<'user'>
export type ApiKeyId = Id<'api-key'>
export type TrunkId = Id<'trunk'>
export type SipUserId = Id<'sip-user'>
export type NumberId = Id<'number'>
export type TargetId = Id<'target'>
export type CampaignId = Id<'campaign'>
export type BidId = Id<'bid'>
export type CallId = Id<'call'>
export type AuctionId = Id<'auction'>
export type AwardId = Id<'award'>
export type HoldId = Id<'hold'>
export type DisputeId = Id<'dispute'>
export type InvoiceId = Id<'invoice'>
export type MonitorId = Id<'monitor'>
export type PostingId = Id<'posting'>
export type RuleId = Id<'compliance-rule'>

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
let lastMs = 0
let sequence = 0

/**
 * Makes a UUID v7: the millisecond, then a 12-bit counter that keeps the ids of one process in the order they were made
 * (RFC 9562 §6.2 method 1), then 62 random bits.
 */
export function newId<T extends string>(clock: Clock = systemClock, random: Random = systemRandom): T {
  const now = clock.now()
  if (now > lastMs) {
    lastMs = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMs++ // More than 4,096 in a millisecond: borrow from the next rather than repeat.
    sequence = 0
  }
  const hex = Math.floor(lastMs).toString(16).padStart(12, '0')
  const r = random.bytes(8)
  const version = (0x7000 | sequence).toString(16)
  const variant = HEX[(r[0]! & 0x3f) | 0x80]!
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-${version}-${variant}${HEX[r[1]!]!}-${HEX[r[2]!]!}${HEX[r[3]!]!}${HEX[r[4]!]!}${HEX[r[5]!]!}${HEX[r[6]!]!}${HEX[r[7]!]!}`
  // One flat text: V8 would keep the pieces, five times the bytes, for as long as somebody holds the id.
  return ` ${id}`.slice(1) as T
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for the canonical lower-case text form of a UUID. */
export function isId(text: string): boolean {
  return UUID.test(text)
}
