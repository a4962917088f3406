import * as crypto from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Auction } from '../model/auction.ts'
import type { Account } from '../model/account.ts'
import type { Bid, Campaign } from '../model/bid.ts'
import type { AccountThen, BidThen, CampaignThen, DecisionInputs, TargetThen, UsageThen } from '../model/decision.ts'
import type { CallId } from '../model/ids.ts'
import type { Target } from '../model/trunk.ts'

/**
 * What an auction was decided by, as it is stored. Accounts, targets, campaigns, numbers and bids are parts, each stored once by the
 * hash of what it says; a decision names them, and adds what was counted. A line has no line break but its end: JSON escapes them.
 */
export interface DecisionLine {
  /** `<auction id> <call id> <body>` */
  readonly line: string
  /** The parts it names, as `<hash> <body>` each. */
  readonly parts: readonly string[]
}

/** Of a hash, base64url: 128 bits of SHA-256. Buyers choose what they store, so it must not be theirs to make two alike. */
const HASH_CHARS = 22
/** A longer body is compressed: shorter ones are little, and most are. */
const COMPRESS_FROM_CHARS = 4096
/** Before a compressed body; the JSON of others begins with a bracket. */
const COMPRESSED = 'z'
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** The most a body may grow to when it is unpacked, bytes: fifty times what the most candidates come to. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** What a bid's part begins with, and no other. */
const BID_PART = '{"bid":'

/** Parts never change: each is put into words once. */
const wordsOfPart = new WeakMap<object, string>()
const wordsOfBid = new WeakMap<Bid, { readonly words: string; readonly of: readonly object[] }>()

/** 0: it has counted nothing; null: it was not asked. */
type StoredUsage = [number, number, number, number, number, number, number] | 0 | null

interface StoredBody {
  readonly v: 1
  readonly rules: number
  readonly request: Omit<DecisionInputs['request'], 'callId' | 'number'> & { readonly number: string }
  readonly at: number
  readonly most: [number, number]
  readonly seller: [string, StoredUsage] | null
  /** Buyers, targets and campaigns are in the order in which bids first name them; the parts of these say which they are. */
  readonly buyers: [StoredUsage, available: number | null, contacts: AccountThen['contacts'] | 0][]
  readonly targets: [
    StoredUsage,
    isDown: 0 | 1,
    unreachable: string | null,
    quality: number,
    more?: [mean: number, variance: number] | number,
  ][]
  readonly campaigns: [StoredUsage, pacing: number | null, performance?: number | null][]
  readonly bids: [string, amount: string, buyer: number, target: number, campaign: number, inUse: number][]
  readonly omitted: number
  readonly closed?: DecisionInputs['closed']
}

/** The part of a bid: itself, and the hashes of what it belongs to. */
interface BidPart {
  readonly bid: Bid
  readonly buyer: string
  readonly target: string
  readonly campaign: string
}

/** What an auction says of its inputs; null when they are not kept. */
export function decisionLine({ id, callId, inputs }: Auction): DecisionLine | null {
  if (inputs === undefined) return null
  const { buyers, targets, campaigns, seller } = inputs
  const parts: string[] = []
  const name = (text: string): string => {
    parts.push(text)
    return hashOf(text)
  }
  for (const { account } of buyers) parts.push(wordsOf(account))
  for (const { target } of targets) parts.push(wordsOf(target))
  for (const { campaign } of campaigns) parts.push(wordsOf(campaign))
  const { callId: _own, number, ...request } = inputs.request
  const body: StoredBody = {
    v: 1,
    rules: inputs.rules,
    request: { ...request, number: name(wordsOf(number)) },
    at: inputs.decidedAtMs,
    most: [inputs.maxAwards, inputs.maxNonBids],
    seller: seller && [name(wordsOf(seller.account)), storeUsage(seller.usage)],
    buyers: buyers.map(({ usage, availableMicros, contacts }) => [
      storeUsage(usage),
      availableMicros,
      contacts.length > 0 ? contacts : 0,
    ]),
    targets: targets.map(({ usage, isDown, unreachable, quality, success, turn }) => {
      const more = success === null ? turn : ([success.mean, success.variance] as [number, number])
      const stored = [storeUsage(usage), isDown ? 1 : 0, unreachable, quality] as const
      return more === 0 ? [...stored] : [...stored, more]
    }),
    campaigns: campaigns.map(({ usage, pacing, performance }) =>
      performance === null ? [storeUsage(usage), pacing] : [storeUsage(usage), pacing, performance],
    ),
    bids: inputs.bids.map(({ bid, buyer, target, campaign, inUse }) => [
      name(bidWords(bid, buyers[buyer]!.account, targets[target]!.target, campaigns[campaign]!.campaign)),
      bid.amountMicros.toString(),
      buyer,
      target,
      campaign,
      inUse,
    ]),
    omitted: inputs.bidsOmitted,
    ...(inputs.closed.length > 0 && { closed: inputs.closed }),
  }
  return { line: `${id} ${callId} ${packDecision(JSON.stringify(body))}`, parts }
}

/** What a stored body is to be read with: the parts that it names, and then those that these name. */
export function partsNamedBy(text: string): string[] {
  const { request, seller, bids } = parseBody(text)
  return [request.number, ...(seller ? [seller[0]] : []), ...bids.map(([hash]) => hash)]
}

/** The parts that a part names: those of a bid do. */
export function partsNamedByPart(text: string): string[] {
  if (!text.startsWith(BID_PART)) return []
  const { buyer, target, campaign } = JSON.parse(text) as BidPart
  return [buyer, target, campaign]
}

/** The inputs of a stored body, with all parts at hand. Throws when one is missing or it is damaged. */
export function readInputs(callId: CallId, text: string, parts: ReadonlyMap<string, string>): DecisionInputs {
  const body = parseBody(text)
  const read = <T extends object>(hash: string): T => {
    const part = parts.get(hash)
    if (part === undefined) throw new Error(`it names a part that is not stored: ${hash}`)
    return complete(parsePart(part) as T)
  }
  const buyers: AccountThen[] = []
  const targets: TargetThen[] = []
  const campaigns: CampaignThen[] = []
  const bids = body.bids.map(([hash, amount, buyer, target, campaign, inUse]): BidThen => {
    const part = read<BidPart>(hash)
    if (buyer === buyers.length) {
      const [usage, availableMicros, contacts] = body.buyers[buyer]!
      const account = read<AccountThen['account']>(part.buyer)
      buyers.push({ account, usage: readUsage(usage), availableMicros, contacts: contacts === 0 ? [] : contacts })
    }
    if (target === targets.length) {
      const [usage, down, unreachable, quality, more = 0] = body.targets[target]!
      targets.push({
        target: read(part.target),
        usage: readUsage(usage),
        isDown: down === 1,
        unreachable: unreachable as TargetThen['unreachable'],
        quality,
        success: typeof more === 'number' ? null : { mean: more[0], variance: more[1] },
        turn: typeof more === 'number' ? more : 0,
      })
    }
    if (campaign === campaigns.length) {
      const [usage, pacing, performance = null] = body.campaigns[campaign]!
      campaigns.push({ campaign: read(part.campaign), usage: readUsage(usage)!, pacing, performance })
    }
    const bid = { ...complete(part.bid), amountMicros: BigInt(amount) }
    return { bid, buyer, target, campaign, inUse }
  })
  return {
    rules: body.rules,
    request: { ...body.request, callId, number: read(body.request.number) },
    decidedAtMs: body.at,
    maxAwards: body.most[0],
    maxNonBids: body.most[1],
    seller: body.seller && {
      account: read(body.seller[0]),
      usage: readUsage(body.seller[1]),
      availableMicros: null,
      contacts: [],
    },
    buyers,
    targets,
    campaigns,
    bids,
    closed: body.closed ?? [],
    bidsOmitted: body.omitted,
  }
}

function parseBody(text: string): StoredBody {
  return JSON.parse(unpackDecision(text)) as StoredBody
}

/** The JSON of a stored body. Throws when it is damaged. */
export function unpackDecision(text: string): string {
  if (!text.startsWith(COMPRESSED)) return text
  return zstdDecompressSync(Buffer.from(text.slice(1), 'base64'), { maxOutputLength: MAX_BODY_BYTES }).toString('utf8')
}

/** A body as it is stored. */
export function packDecision(json: string): string {
  return json.length < COMPRESS_FROM_CHARS ? json : COMPRESSED + zstdCompressSync(json, FAST).toString('base64')
}

/** `<hash> <body>` of an account, target, campaign or number. */
function wordsOf(part: object): string {
  let words = wordsOfPart.get(part)
  if (words === undefined) wordsOfPart.set(part, (words = hashed(JSON.stringify(essenceOf(part), writeValue))))
  return words
}

/** The same of a bid, which names its buyer, target and campaign as they are. */
function bidWords(bid: Bid, ...of: readonly [Account, Target, Campaign]): string {
  const known = wordsOfBid.get(bid)
  if (known !== undefined && known.of.every((part, i) => part === of[i])) return known.words
  const [buyer, target, campaign] = of.map((part) => hashOf(wordsOf(part)))
  const words = hashed(JSON.stringify({ bid: essenceOf(bid), buyer, target, campaign }, writeValue))
  wordsOfBid.set(bid, { words, of })
  return words
}

function hashed(body: string): string {
  return `${crypto.hash('sha256', body, 'base64url').slice(0, HASH_CHARS)} ${body}`
}

export function hashOf(words: string): string {
  return words.slice(0, HASH_CHARS)
}

/** What only its row knows, what no decision reads but eyes should not, and what of a bid a stream changes. */
function essenceOf(part: object): object {
  const essence: Record<string, unknown> = { ...part }
  for (const key of ['version', 'updatedAt', 'email', 'audio', 'menu']) delete essence[key]
  if (Object.hasOwn(essence, 'amountMicros')) essence['amountMicros'] = 0n
  return essence
}

function writeValue(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $n: value.toString() }
  const before = (this as Record<string, unknown>)[key]
  return before instanceof Date ? { $at: before.getTime() } : value
}

/** With what no decision reads and parts leave out. */
function complete<T extends object>(part: T): T {
  return { version: 0, updatedAt: new Date(0), email: null, ...part }
}

function parsePart(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (Object.hasOwn(value, '$n')) return BigInt((value as { $n: string }).$n)
    return Object.hasOwn(value, '$at') ? new Date((value as { $at: number }).$at) : value
  })
}

function storeUsage(usage: UsageThen | null): StoredUsage {
  if (usage === null) return null
  const { inUse, hourCalls, dayCalls, dayMicros, monthCalls, totalCalls, totalMicros } = usage
  // Most have counted nothing.
  if (inUse === 0 && totalCalls === 0 && totalMicros === 0) return 0
  return [inUse, hourCalls, dayCalls, dayMicros, monthCalls, totalCalls, totalMicros]
}

function readUsage(stored: StoredUsage): UsageThen | null {
  if (stored === null) return null
  const [inUse, hourCalls, dayCalls, dayMicros, monthCalls, totalCalls, totalMicros] = stored || [0, 0, 0, 0, 0, 0, 0]
  return { inUse, hourCalls, dayCalls, dayMicros, monthCalls, totalCalls, totalMicros }
}
