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
/** A longer body is compressed. Two thirds of most are hashes, which never get shorter: it would take far longer than writing them does. */
const COMPRESS_FROM_CHARS = 16_384
/** Before a compressed body; the JSON of others begins with a bracket. */
const COMPRESSED = 'z'
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** The most a body may grow to when it is unpacked, bytes: fifty times what the most candidates come to. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Most bids are of whole cents. */
const CENT = 10_000

/** What a bid's part begins with, and no other. */
const BID_PART = '{"bid":'

/** Parts never change: each is put into words once. */
const wordsOfPart = new WeakMap<object, string>()
const wordsOfBid = new WeakMap<Bid, BidWords>()

interface BidWords {
  readonly words: string
  readonly hash: string
  readonly buyer: Account
  readonly target: Target
  readonly campaign: Campaign
}

/** 0: it has counted nothing; null: it was not asked. */
type StoredUsage = [number, number, number, number, number, number, number] | 0 | null

interface StoredBody {
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
  /** How long calls last of bids by the minute: where each is among the bids, and seconds. Absent: there are none. */
  readonly talk?: readonly (readonly [number, number])[]
  readonly omitted: number
  readonly closed?: DecisionInputs['closed']
}

/** Bids as they were stored first. */
interface FirstBody extends StoredBody {
  readonly v: 1
  readonly bids: [string, amount: string, buyer: number, target: number, campaign: number, inUse: number][]
}

/** Bids by the column: half as long, and written in a fraction of the time. */
interface ColumnBody extends StoredBody {
  readonly v: 2
  /** One after the other. */
  readonly hashes: string
  /** Micros by the `unit`. */
  readonly amounts: readonly number[]
  readonly unit: number
  /** 0: each bid has a buyer of its own. */
  readonly buyer: readonly number[] | 0
  /** 0: as `buyer` says. */
  readonly target: readonly number[] | 0
  /** 0: as `target` says. */
  readonly campaign: readonly number[] | 0
  /** 0: none is in use. */
  readonly inUse: readonly number[] | 0
}

/** One bid as it was stored. */
interface StoredBid {
  readonly hash: string
  readonly amountMicros: bigint
  readonly buyer: number
  readonly target: number
  readonly campaign: number
  readonly inUse: number
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
  const body: ColumnBody = {
    v: 2,
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
    ...columnsOf(inputs, parts),
    ...talkOf(inputs.bids),
    omitted: inputs.bidsOmitted,
    ...(inputs.closed.length > 0 && { closed: inputs.closed }),
  }
  return { line: `${id} ${callId} ${packDecision(JSON.stringify(body))}`, parts }
}

/** The candidates by the column; the parts of them are added to `parts`. */
function columnsOf(
  { bids, buyers, targets, campaigns }: DecisionInputs,
  parts: string[],
): Pick<ColumnBody, 'hashes' | 'amounts' | 'unit' | 'buyer' | 'target' | 'campaign' | 'inUse'> {
  let hashes = ''
  let unit = CENT
  let areOwn = true
  let areTargets = true
  let areCampaigns = true
  let areUsed = false
  for (let i = 0; i < bids.length; i++) {
    const { bid, buyer, target, campaign, inUse } = bids[i]!
    const said = sayBid(bid, buyers[buyer]!.account, targets[target]!.target, campaigns[campaign]!.campaign)
    parts.push(said.words)
    hashes += said.hash
    areOwn &&= buyer === i
    areTargets &&= target === buyer
    areCampaigns &&= campaign === target
    areUsed ||= inUse > 0
  }
  const amounts = bids.map(({ bid }) => Number(bid.amountMicros))
  if (amounts.some((amount) => amount % CENT !== 0)) unit = 1
  return {
    hashes,
    unit,
    amounts: unit === 1 ? amounts : amounts.map((amount) => amount / unit),
    buyer: areOwn ? 0 : bids.map(({ buyer }) => buyer),
    target: areTargets ? 0 : bids.map(({ target }) => target),
    campaign: areCampaigns ? 0 : bids.map(({ campaign }) => campaign),
    inUse: areUsed ? bids.map(({ inUse }) => inUse) : 0,
  }
}

function bidsOf(body: FirstBody | ColumnBody): StoredBid[] {
  if (body.v === 1)
    return body.bids.map(([hash, amount, buyer, target, campaign, inUse]) => {
      return { hash, amountMicros: BigInt(amount), buyer, target, campaign, inUse }
    })
  const { hashes, amounts, unit, inUse } = body
  return amounts.map((amount, i) => {
    const buyer = body.buyer === 0 ? i : body.buyer[i]!
    const target = body.target === 0 ? buyer : body.target[i]!
    return {
      hash: hashes.slice(i * HASH_CHARS, (i + 1) * HASH_CHARS),
      amountMicros: BigInt(amount) * BigInt(unit),
      buyer,
      target,
      campaign: body.campaign === 0 ? target : body.campaign[i]!,
      inUse: inUse === 0 ? 0 : inUse[i]!,
    }
  })
}

function talkOf(bids: DecisionInputs['bids']): Pick<StoredBody, 'talk'> {
  const talk: [number, number][] = []
  for (let i = 0; i < bids.length; i++) {
    const seconds = bids[i]!.talkSeconds
    if (seconds !== undefined) talk.push([i, seconds])
  }
  return talk.length > 0 ? { talk } : {}
}

/** What a stored body is to be read with: the parts that it names, and then those that these name. */
export function partsNamedBy(text: string): string[] {
  const body = parseBody(text)
  const { request, seller } = body
  return [request.number, ...(seller ? [seller[0]] : []), ...bidsOf(body).map(({ hash }) => hash)]
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
  const talk = new Map(body.talk)
  const bids = bidsOf(body).map(({ hash, amountMicros, buyer, target, campaign, inUse }, i): BidThen => {
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
    const bid = { ...complete(part.bid), amountMicros }
    const talkSeconds = talk.get(i)
    return { bid, buyer, target, campaign, inUse, ...(talkSeconds !== undefined && { talkSeconds }) }
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

function parseBody(text: string): FirstBody | ColumnBody {
  return JSON.parse(unpackDecision(text)) as FirstBody | ColumnBody
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
function sayBid(bid: Bid, buyer: Account, target: Target, campaign: Campaign): BidWords {
  const known = wordsOfBid.get(bid)
  if (known !== undefined && known.buyer === buyer && known.target === target && known.campaign === campaign)
    return known
  const names = {
    buyer: hashOf(wordsOf(buyer)),
    target: hashOf(wordsOf(target)),
    campaign: hashOf(wordsOf(campaign)),
  }
  const words = hashed(JSON.stringify({ bid: essenceOf(bid), ...names }, writeValue))
  const said = { words, hash: hashOf(words), buyer, target, campaign }
  wordsOfBid.set(bid, said)
  return said
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
