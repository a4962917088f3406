import type { Attestation } from '../../../../model/compliance-rule.ts'
import type { PhoneNumber } from '../../../../model/phone-number.ts'
import type { Chance } from '../chance.ts'
import type { Displacement } from '../clean-traffic.ts'
import {
  carrierCodecs,
  publicAddress,
  type ExchangeWorld,
  type Seller,
  type SoldNumber,
  type Source,
} from '../exchange-world.ts'
import type { Pattern } from '../pattern.ts'
import { exchangeCode, numberOf } from '../phone-book.ts'
import type { PlannedCall } from '../planned-call.ts'
import { pickSource, shapeCall, type CallPlan } from '../shape-call.ts'

/** What an injector is given: a world, the seller whose traffic it is mixed into, and when it begins. */
export interface Scene {
  readonly chance: Chance
  readonly world: ExchangeWorld
  readonly seller: Seller
  readonly fromMs: number
}

/** The calls of one attack in the order of time; `displacement`: while it lasts the seller has fewer honest ones. */
export interface Attack {
  readonly pattern: Pattern
  readonly seller: Seller
  readonly calls: readonly PlannedCall[]
  readonly displacement?: Displacement
}

export type Injector = (scene: Scene) => Attack

/** An attack is known for what it is long before this many calls; a simulation need not hold more. */
const MAX_CALLS = 4000
export const MINUTE_MS = 60_000

/** What an injector says of a call; the rest is the seller's. */
export type AttackCall = Omit<CallPlan, 'atMs' | 'seller' | 'pattern'> & { readonly seller?: Seller }

/** Calls at a rate (a Poisson process), from the scene's beginning on, for so many minutes. */
export function attackAtRate(
  scene: Scene,
  pattern: Pattern,
  { perMinute, minutes }: { readonly perMinute: number; readonly minutes: number },
  shape: (index: number, atMs: number) => AttackCall,
): Attack {
  const { chance, seller, fromMs } = scene
  return attackWithGaps(
    scene,
    pattern,
    () => chance.wait(MINUTE_MS / perMinute),
    fromMs + minutes * MINUTE_MS,
    shape,
    seller,
  )
}

/** Calls one after the other, each this long after the one before. */
export function attackWithGaps(
  { chance, world, seller, fromMs }: Scene,
  pattern: Pattern,
  gapMs: () => number,
  untilMs: number,
  shape: (index: number, atMs: number) => AttackCall,
  victim: Seller = seller,
): Attack {
  const calls: PlannedCall[] = []
  for (let atMs = fromMs; atMs < untilMs && calls.length < MAX_CALLS; atMs += gapMs()) {
    const at = Math.round(atMs)
    calls.push(shapeCall(chance, world, { seller: victim, ...shape(calls.length, at), atMs: at, pattern }))
  }
  return { pattern, seller: victim, calls }
}

/** Half of those who break in come from an address nobody has seen; the others through the seller's own carrier. */
export function sourceOf({ chance, seller }: Scene, unseenShare = 0.5, agent: string | null = null): Source {
  return chance.happens(unseenShare) ? newSource(chance, agent) : pickSource(chance, seller)
}

export function newSource(
  chance: Chance,
  userAgent: string | null,
  codecs: readonly string[] = carrierCodecs(chance),
): Source {
  return { address: publicAddress(chance), userAgent, codecs, weight: 1 }
}

/** A caller who need not prove its number: seldom more than C. */
export function doubtful(chance: Chance): Attestation | null {
  return ([null, 'C', 'B', 'A'] as const)[chance.weighted([50, 38, 8, 4])]!
}

/** A block of 1,000 numbers in a row: `+1 NPA NXX X…`. */
export function blockOf(chance: Chance, world: ExchangeWorld): () => PhoneNumber {
  const npa = world.book.areaCode(chance)
  const exchange = exchangeCode(chance)
  const thousand = 1000 * chance.below(10)
  return () => numberOf(npa, exchange, thousand + chance.below(1000))
}

/** So many callers, from blocks or from everywhere. */
export function callersOf(chance: Chance, world: ExchangeWorld, count: number, blocks = 0): PhoneNumber[] {
  const makers = Array.from({ length: blocks }, () => blockOf(chance, world))
  return Array.from({ length: count }, () => (blocks > 0 ? chance.pick(makers)() : world.book.number(chance)))
}

/** Every number of the exchange in the order of its digits, with its seller. */
export function numbersInOrder({ sellers }: ExchangeWorld): { seller: Seller; number: SoldNumber }[] {
  return sellers
    .flatMap((seller) => seller.numbers.map((number) => ({ seller, number })))
    .toSorted((a, b) => (a.number.dnis < b.number.dnis ? -1 : 1))
}
