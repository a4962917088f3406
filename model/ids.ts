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
export type BidderId = Id<'bidder'>
export type CallId = Id<'call'>
export type AuctionId = Id<'auction'>
export type AwardId = Id<'award'>
export type HoldId = Id<'hold'>
export type DisputeId = Id<'dispute'>
export type InvoiceId = Id<'invoice'>
export type MonitorId = Id<'monitor'>
export type PostingId = Id<'posting'>
export type RuleId = Id<'compliance-rule'>
export type SuppressionListId = Id<'suppression-list'>
export type ConsentId = Id<'consent'>
export type FraudBlockId = Id<'fraud-block'>

const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** The text of an id, written over for each: one flat string comes of it, which costs less than putting one together. */
const written = Buffer.from('00000000-0000-7000-8000-000000000000', 'latin1')
/** Where the hex digits of each random byte but the first go. */
const RANDOM_AT = [21, 24, 26, 28, 30, 32, 34]
/** Ids go on in their order when the clock is set back by less than this; by more, it was wrong before, and is believed now. */
const MOST_AHEAD_MS = 60_000
let lastMs = 0
let writtenMs = 0
let sequence = 0

/**
 * Makes a UUID v7: the millisecond, then a 12-bit counter that keeps the ids of one process in the order they were made
 * (RFC 9562 §6.2 method 1), then 62 random bits.
 */
export function newId<T extends string>(clock: Clock = systemClock, random: Random = systemRandom): T {
  const now = clock.now()
  if (now > lastMs || now < lastMs - MOST_AHEAD_MS) {
    lastMs = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMs++ // More than 4,096 in a millisecond: borrow from the next rather than repeat.
    sequence = 0
  }
  if (lastMs !== writtenMs) {
    const hex = Math.floor(lastMs).toString(16).padStart(12, '0')
    written.write(`${hex.slice(0, 8)}-${hex.slice(8)}`, 'latin1')
    writtenMs = lastMs
  }
  written[15] = DIGITS[sequence >> 8]!
  written[16] = DIGITS[(sequence >> 4) & 0xf]!
  written[17] = DIGITS[sequence & 0xf]!
  const r = random.bytes(8)
  written[19] = DIGITS[0x8 | ((r[0]! >> 4) & 0x3)]!
  written[20] = DIGITS[r[0]! & 0xf]!
  for (let i = 0; i < RANDOM_AT.length; i++) {
    const byte = r[i + 1]!
    const at = RANDOM_AT[i]!
    written[at] = DIGITS[byte >> 4]!
    written[at + 1] = DIGITS[byte & 0xf]!
  }
  return written.toString('latin1') as T
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for the canonical lower-case text form of a UUID. */
export function isId(text: string): boolean {
  return UUID.test(text)
}
