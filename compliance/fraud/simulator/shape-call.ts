import type { Attestation } from '../../../model/compliance-rule.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { ArrivingCall, EndedCall } from '../fraud-call.ts'
import type { Chance } from './chance.ts'
import { publicAddress, type ExchangeWorld, type Seller, type SoldNumber, type Source } from './exchange-world.ts'
import type { Pattern } from './pattern.ts'
import type { PlannedCall } from './planned-call.ts'

/** How a call goes: `talkSeconds` is of answered calls, `ringSeconds` how long it rang before anything. */
export interface Ending {
  readonly outcome: keyof Seller['outcomes']
  readonly talkSeconds?: number
  readonly ringSeconds?: number
  readonly audioFault?: EndedCall['audioFault']
  readonly hungUpBy?: EndedCall['hungUpBy']
}

/** What makes a call; what is left out is drawn as the seller's honest calls are. */
export interface CallPlan {
  readonly atMs: number
  readonly seller: Seller
  readonly number?: SoldNumber
  readonly source?: Source
  readonly ani: PhoneNumber | null
  readonly attestation?: Attestation | null
  readonly saidState?: string | null
  readonly ending?: Ending
  readonly pattern: Pattern | null
}

export function shapeCall(chance: Chance, { book, ids }: ExchangeWorld, plan: CallPlan): PlannedCall {
  const { seller, atMs, ani, pattern } = plan
  const number = plan.number ?? pickNumber(chance, seller)
  const source = plan.source ?? pickSource(chance, seller)
  const numberStates = book.statesOf(ani)
  const arriving: ArrivingCall = {
    id: ids.make(),
    atMs,
    ani,
    dnis: number.dnis,
    trunkId: chance.pick(seller.trunkIds),
    sellerId: seller.id,
    numberId: number.id,
    vertical: number.vertical,
    trafficType: 'inbound',
    sourceAddress: source.address,
    userAgent: source.userAgent,
    attestation: plan.attestation === undefined ? attestationOf(chance, seller, ani) : plan.attestation,
    numberStates,
    saidState: plan.saidState === undefined ? saidState(chance, plan, numberStates[0], book) : plan.saidState,
    codecs: source.codecs,
  }
  return { arriving, ended: end(chance, arriving, number, plan.ending ?? honestEnding(chance, seller)), pattern }
}

export function pickNumber(chance: Chance, seller: Seller): SoldNumber {
  return seller.numbers[chance.weighted(seller.numbers.map(({ weight }) => weight))]!
}

export function pickSource(chance: Chance, seller: Seller): Source {
  const source = seller.sources[chance.weighted(seller.sources.map(({ weight }) => weight))]!
  return chance.happens(seller.newAddressShare) ? { ...source, address: publicAddress(chance) } : source
}

function attestationOf(chance: Chance, { attestations }: Seller, ani: PhoneNumber | null): Attestation | null {
  if (ani === null) return null
  const { A, B, C, none } = attestations
  return (['A', 'B', 'C', null] as const)[chance.weighted([A, B, C, none])]!
}

function saidState(
  chance: Chance,
  { seller }: CallPlan,
  home: string | undefined,
  book: ExchangeWorld['book'],
): string | null {
  if (!chance.happens(seller.saysStateShare)) return null
  return home === undefined || chance.happens(seller.movedShare) ? book.stateBut(chance, home) : home
}

/** Wrong numbers and second thoughts are short; the rest talks log-normally long. */
export function honestEnding(chance: Chance, seller: Seller): Ending {
  const outcomes = Object.keys(seller.outcomes) as Ending['outcome'][]
  const outcome = outcomes[chance.weighted(Object.values(seller.outcomes))]!
  const talkSeconds = chance.happens(0.13) ? chance.logNormal(11, 0.8) : chance.logNormal(seller.medianTalkSeconds, 0.9)
  return {
    outcome,
    talkSeconds,
    audioFault: chance.happens(seller.audioFaultShare) ? (chance.happens(0.7) ? 'no_audio' : 'digital_silence') : null,
    hungUpBy: chance.happens(0.6) ? 'caller' : 'buyer',
  }
}

/** Rings as phones do: an answer after some seconds, nobody for half a minute, a caller who gives up in between. */
function ringing(chance: Chance, { outcome, ringSeconds }: Ending): number {
  if (ringSeconds !== undefined) return ringSeconds * 1000
  if (outcome === 'answered') return 1000 * Math.min(40, chance.logNormal(5, 0.6))
  if (outcome === 'no_answer') return 1000 * chance.between(25, 45)
  return outcome === 'cancelled' ? 1000 * Math.min(40, chance.logNormal(9, 0.7)) : 0
}

function end(chance: Chance, { id, atMs }: ArrivingCall, number: SoldNumber, ending: Ending): EndedCall {
  const { outcome } = ending
  const isSold = outcome !== 'no_sale'
  const rang = outcome === 'answered' || outcome === 'no_answer' || outcome === 'cancelled'
  const target = isSold ? chance.pick(number.targets) : null
  const setupMs = Math.min(8000, chance.logNormal(900, 0.5))
  const durationMs = outcome === 'answered' ? Math.round(1000 * Math.min(7200, ending.talkSeconds ?? 0)) : 0
  return {
    id,
    endedAtMs: Math.round(atMs + setupMs + ringing(chance, ending) + durationMs),
    outcome,
    targetId: target?.id ?? null,
    buyerId: target?.buyerId ?? null,
    durationMs,
    pddMs: rang ? Math.round(setupMs) : null,
    billableAfter: isSold ? number.billableAfter : null,
    isBilled: outcome === 'answered' && durationMs >= number.billableAfter * 1000,
    hungUpBy: outcome === 'answered' ? (ending.hungUpBy ?? 'caller') : outcome === 'cancelled' ? 'caller' : null,
    audioFault: outcome === 'answered' ? (ending.audioFault ?? null) : null,
  }
}
