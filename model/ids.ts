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
const DASH = 45
const SEVEN = 55
/** Ids go on in their order when the clock is set back by less than this; by more, it was wrong before, and is believed now. */
const MOST_AHEAD_MS = 60_000
let lastMs = 0
/** The twelve hex digits of `writtenMs`. */
const written = new Uint8Array(12)
let writtenMs = -1
let sequence = 0

/** Random bytes of ids to come: drawn for 64 at a time, an id costs a fifth less. */
const drawn = new Uint8Array(64 * 8)
let used = drawn.length
/** Whose they are: who has another source of chance gets none of the last one's. */
let drawnBy: Random['bytes'] | null = null

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
    for (let i = 0; i < written.length; i++) written[i] = hex.charCodeAt(i)
    writtenMs = lastMs
  }
  if (used === drawn.length || random.bytes !== drawnBy) draw(random)
  const t = written
  const r = drawn
  const at = used
  used += 8
  const s = sequence
  // One flat string of 36 characters: half the time that a buffer made into text takes, or pieces put together.
  // prettier-ignore -- A line for each field of the UUID.
  return String.fromCharCode(
    t[0]!,
    t[1]!,
    t[2]!,
    t[3]!,
    t[4]!,
    t[5]!,
    t[6]!,
    t[7]!,
    DASH,
    t[8]!,
    t[9]!,
    t[10]!,
    t[11]!,
    DASH,
    SEVEN,
    DIGITS[s >> 8]!,
    DIGITS[(s >> 4) & 0xf]!,
    DIGITS[s & 0xf]!,
    DASH,
    DIGITS[0x8 | ((r[at]! >> 4) & 0x3)]!,
    low(r[at]!),
    high(r[at + 1]!),
    low(r[at + 1]!),
    DASH,
    high(r[at + 2]!),
    low(r[at + 2]!),
    high(r[at + 3]!),
    low(r[at + 3]!),
    high(r[at + 4]!),
    low(r[at + 4]!),
    high(r[at + 5]!),
    low(r[at + 5]!),
    high(r[at + 6]!),
    low(r[at + 6]!),
    high(r[at + 7]!),
    low(r[at + 7]!),
  ) as T
}

function high(byte: number): number {
  return DIGITS[byte >> 4]!
}
function low(byte: number): number {
  return DIGITS[byte & 0xf]!
}

function draw(random: Random): void {
  drawn.set(random.bytes(drawn.length)) // Copied: they are good until somebody asks again.
  // oxlint-disable-next-line typescript/unbound-method -- Told apart, never called.
  drawnBy = random.bytes
  used = 0
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for the canonical lower-case text form of a UUID. */
export function isId(text: string): boolean {
  return UUID.test(text)
}
