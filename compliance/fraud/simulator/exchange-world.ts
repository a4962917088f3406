import type { Attestation } from '../../../model/compliance-rule.ts'
import type { AccountId, Id, NumberId, TargetId, TrunkId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { Chance } from './chance.ts'
import { exchangeCode, numberOf, type PhoneBook } from './phone-book.ts'

/** Where a seller's calls come from: one address with what its equipment says of itself. */
export interface Source {
  readonly address: string
  readonly userAgent: string | null
  readonly codecs: readonly string[]
  readonly weight: number
}

export interface Target {
  readonly id: TargetId
  readonly buyerId: AccountId
}

export interface SoldNumber {
  readonly id: NumberId
  readonly dnis: PhoneNumber
  readonly vertical: string
  /** Seconds from which its buyers pay. */
  readonly billableAfter: number
  readonly targets: readonly Target[]
  readonly weight: number
}

/** How a seller's honest calls are. Shares are of 1. */
export interface Seller {
  readonly id: AccountId
  readonly trunkIds: readonly TrunkId[]
  readonly numbers: readonly SoldNumber[]
  readonly sources: readonly Source[]
  /** Of its calls, those from an address that never called before: browsers at home. */
  readonly newAddressShare: number
  readonly callsPerDay: number
  /** Calls of each hour of the day, UTC, against the mean hour. */
  readonly hours: readonly number[]
  readonly weekendFactor: number
  readonly attestations: Readonly<Record<Attestation | 'none', number>>
  readonly repeatShare: number
  /** Of its callers, those whose number is of another state than they are. */
  readonly movedShare: number
  /** Of its calls, those that say where the consumer is. */
  readonly saysStateShare: number
  readonly withheldShare: number
  readonly medianTalkSeconds: number
  readonly outcomes: Readonly<Record<'answered' | 'busy' | 'no_answer' | 'cancelled' | 'no_sale' | 'failed', number>>
  readonly audioFaultShare: number
  /** Businesses and switchboards whose many people call from one number. */
  readonly switchboards: readonly PhoneNumber[]
  /** Area codes it advertises in; none: everywhere. */
  readonly areaCodes: readonly number[]
}

export interface ExchangeWorld {
  readonly sellers: readonly Seller[]
  readonly book: PhoneBook
  readonly ids: SimulatedIds
}

/** Ids that are the same for the same seed: what counts is that they differ. */
export class SimulatedIds {
  #next = 0

  make<T extends Id<string>>(): T {
    return `00000000-0000-7000-8000-${(++this.#next).toString(16).padStart(12, '0')}` as T
  }
}

const AGENTS = [
  null,
  'Sonus_UAC',
  'FreeSWITCH-mod_sofia/1.10.12',
  'Asterisk PBX 20.9.3',
  'Oracle-SBC',
  'Twilio Gateway',
  'OpenSIPS (3.4.8)',
]
const WEB_AGENTS = ['JsSIP 3.10.1', 'SIP.js/0.21.2', 'Linphone/5.2.4']
const CARRIER_CODECS: readonly (readonly string[])[] = [
  ['PCMU', 'telephone-event'],
  ['PCMU', 'PCMA', 'telephone-event'],
  ['PCMU', 'G729', 'telephone-event'],
  ['AMR-WB', 'AMR', 'PCMU', 'telephone-event'],
  ['G722', 'PCMU', 'PCMA', 'telephone-event'],
]
const WEB_CODECS: readonly string[] = ['opus', 'G722', 'PCMU', 'PCMA', 'telephone-event']
const VERTICALS = ['medicare', 'auto_insurance', 'home_services', 'debt_settlement', 'legal', 'solar', 'final_expense']
const BUFFERS = [30, 45, 60, 90, 120]
/** Calls of each hour where the callers are, against the mean: shops' hours with a lunch dip, an evening, little at night. */
const DAY = [2, 1, 1, 1, 2, 5, 14, 35, 80, 130, 155, 160, 140, 145, 155, 150, 140, 120, 95, 70, 50, 30, 14, 6].map(
  (share, _, all) => (share * 24) / all.reduce((sum, each) => sum + each, 0),
)

/** An exchange with six to nine sellers, each with its own numbers, carriers and callers. */
export function buildWorld(chance: Chance, book: PhoneBook, callsPerDay: number): ExchangeWorld {
  const ids = new SimulatedIds()
  const buyers = Array.from({ length: 8 }, () => ids.make<AccountId>())
  const count = 6 + chance.below(4)
  const sizes = Array.from({ length: count }, () => chance.logNormal(1, 0.7))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const sellers = sizes.map((size) =>
    buildSeller(chance, book, ids, buyers, Math.max(300, (callsPerDay * size) / total)),
  )
  return { sellers, book, ids }
}

function buildSeller(
  chance: Chance,
  book: PhoneBook,
  ids: SimulatedIds,
  buyers: readonly AccountId[],
  callsPerDay: number,
): Seller {
  const isLocal = chance.happens(0.3)
  const areaCodes = isLocal ? Array.from({ length: 3 + chance.below(8) }, () => book.areaCode(chance)) : []
  const answered = chance.parameter(0.55, 0.85)
  const lost = 1 - answered
  const sure = chance.parameter(0.3, 0.85)
  return {
    id: ids.make(),
    trunkIds: Array.from({ length: 1 + chance.below(2) }, () => ids.make<TrunkId>()),
    numbers: buildNumbers(chance, book, ids, buyers, { areaCodes, count: 4 + chance.below(28) }),
    ...buildSources(chance),
    callsPerDay,
    hours: hoursInUtc(chance),
    weekendFactor: chance.parameter(0.25, 0.9),
    attestations: { A: sure, B: (1 - sure) * 0.4, C: (1 - sure) * 0.3, none: (1 - sure) * 0.3 },
    repeatShare: chance.parameter(0.05, 0.25),
    movedShare: chance.parameter(0.06, 0.16),
    saysStateShare: chance.happens(0.5) ? chance.parameter(0.5, 0.98) : 0,
    withheldShare: chance.parameter(0.002, 0.03),
    medianTalkSeconds: chance.parameter(80, 420),
    outcomes: {
      answered,
      busy: lost * 0.15,
      no_answer: lost * 0.2,
      cancelled: lost * 0.25,
      no_sale: lost * 0.35,
      failed: lost * 0.05,
    },
    audioFaultShare: chance.parameter(0.001, 0.012),
    switchboards: Array.from({ length: chance.below(4) }, () => book.number(chance, areaCodes[0])),
    areaCodes,
  }
}

/** Numbers as they are bought: toll-free ones apart, local ones in blocks of ten in a row. */
function buildNumbers(
  chance: Chance,
  book: PhoneBook,
  ids: SimulatedIds,
  buyers: readonly AccountId[],
  { areaCodes, count }: { areaCodes: readonly number[]; count: number },
): SoldNumber[] {
  const isTollFree = areaCodes.length === 0 && chance.happens(0.6)
  const vertical = chance.pick(VERTICALS)
  let block = { npa: 0, exchange: 0, line: 0 }
  return Array.from({ length: count }, (_, index) => {
    if (index % 10 === 0) {
      const npa = areaCodes.length > 0 ? chance.pick(areaCodes) : book.areaCode(chance)
      block = { npa, exchange: exchangeCode(chance), line: 10 * chance.below(990) }
    }
    return {
      id: ids.make<NumberId>(),
      dnis: isTollFree ? book.tollFree(chance) : numberOf(block.npa, block.exchange, block.line + (index % 10)),
      vertical: chance.happens(0.8) ? vertical : chance.pick(VERTICALS),
      billableAfter: chance.pick(BUFFERS),
      targets: Array.from({ length: 1 + chance.below(3) }, () => ({
        id: ids.make<TargetId>(),
        buyerId: chance.pick(buyers),
      })),
      // A few numbers carry most calls.
      weight: chance.logNormal(1, 1),
    }
  })
}

/** A carrier's session border controllers; or an office behind NAT; or browsers, many of them behind a carrier's NAT. */
function buildSources(chance: Chance): Pick<Seller, 'sources' | 'newAddressShare'> {
  const kind = chance.weighted([7, 2, 1])
  if (kind === 2) {
    const sources = Array.from({ length: 12 }, () => ({
      // Mobile carriers put thousands of phones behind one address (RFC 6888).
      address: `100.64.${chance.below(256)}.${1 + chance.below(254)}`,
      userAgent: chance.pick(WEB_AGENTS),
      codecs: WEB_CODECS,
      weight: chance.between(0.3, 1),
    }))
    return { sources, newAddressShare: chance.between(0.3, 0.7) }
  }
  const userAgent = chance.pick(AGENTS)
  const sources = Array.from({ length: kind === 1 ? 1 : 2 + chance.below(5) }, () => ({
    address: publicAddress(chance),
    userAgent: chance.happens(0.85) ? userAgent : chance.pick(AGENTS),
    codecs: carrierCodecs(chance),
    weight: chance.between(0.3, 1),
  }))
  return { sources, newAddressShare: 0 }
}

/** What a carrier's equipment offers; some forget the payload for digits. */
export function carrierCodecs(chance: Chance): readonly string[] {
  const codecs = chance.pick(CARRIER_CODECS)
  return chance.happens(0.06) ? codecs.filter((name) => name !== 'telephone-event') : codecs
}

/** An address of no network in particular. */
export function publicAddress(chance: Chance): string {
  return `${20 + chance.below(80)}.${chance.below(256)}.${chance.below(256)}.${1 + chance.below(254)}`
}

/** The callers' day seen from UTC: four zones, each seller with its own share of them, and its own opening. */
function hoursInUtc(chance: Chance): number[] {
  const zones = [5, 6, 7, 8].map((behindUtc) => ({ behindUtc, share: chance.between(0.05, 1) }))
  const total = zones.reduce((sum, { share }) => sum + share, 0)
  const shift = chance.below(3) - 1
  return Array.from({ length: 24 }, (_, hour) =>
    zones.reduce((sum, { behindUtc, share }) => sum + (share / total) * DAY[(hour - behindUtc - shift + 48) % 24]!, 0),
  )
}
