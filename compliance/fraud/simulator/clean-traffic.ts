import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { Chance } from './chance.ts'
import { EarliestFirst } from './earliest-first.ts'
import { publicAddress, type ExchangeWorld, type Seller, type SoldNumber, type Source } from './exchange-world.ts'
import { numberOf } from './phone-book.ts'
import type { PlannedCall } from './planned-call.ts'
import { pickNumber, pickSource, shapeCall } from './shape-call.ts'

const HOUR_MS = 3_600_000
/** Callers of a seller who may call again. */
const REMEMBERED_CALLERS = 3000
const FOREIGN = ['+44', '+52', '+49', '+33', '+91']
const SATURDAY = 6
const SUNDAY = 0

interface Caller {
  readonly ani: PhoneNumber
  /** The one it has: most call again where they called before. */
  readonly number: SoldNumber
}

interface Redial extends Caller {
  readonly source: Source
  readonly saidState: string | null
  readonly patience: number
}

/** A while in which something else takes a seller's place in the traffic, wholly or in part. */
export interface Displacement {
  readonly fromMs: number
  readonly untilMs: number
  readonly share: number
}

interface CleanPeriod {
  readonly fromMs: number
  readonly untilMs: number
  readonly displacement?: Displacement | undefined
}

/**
 * One seller's honest calls, in the order of time: by the hour of its day, with redials after a busy line, callers of former
 * days, switchboards, growth, and the rush when an advertisement is on the air.
 */
export function* cleanTraffic(
  chance: Chance,
  world: ExchangeWorld,
  seller: Seller,
  { fromMs: openedMs, untilMs, displacement }: CleanPeriod,
): Generator<PlannedCall> {
  const lengthMs = untilMs - openedMs
  // Some sellers are new, and some grow from one hour to the next: neither is a crime.
  const fromMs = openedMs + (chance.happens(0.12) ? chance.between(0.2, 0.7) * lengthMs : 0)
  const growth = { atMs: fromMs + chance.between(0.3, 1.5) * lengthMs, factor: chance.between(1.3, 2.5) }
  const callers: Caller[] = []
  let sources = seller.sources
  const movesAtMs = chance.happens(0.4) ? chance.between(fromMs, untilMs) : Infinity
  const redials = new EarliestFirst<Redial>()
  const rushes = planRushes(chance, seller, fromMs, untilMs)
  const meanGapMs = (24 * HOUR_MS) / seller.callsPerDay
  // Drawn at the rate of the busiest minute and thinned to that of each (Lewis and Shedler, 1979).
  const peak = growth.factor * Math.max(...seller.hours) * Math.max(1, ...rushes.map(({ factor }) => factor))
  let nextMs = fromMs
  for (;;) {
    nextMs += chance.wait(meanGapMs / peak)
    while (redials.nextAt < nextMs) {
      const atMs = redials.nextAt
      if (atMs >= untilMs) return
      yield* dial(atMs, redials.take()!)
    }
    if (nextMs >= untilMs) return
    const rush = rushes.find((each) => nextMs >= each.fromMs && nextMs < each.untilMs)
    const factor = (rush?.factor ?? 1) * (nextMs < growth.atMs ? 1 : growth.factor)
    if (!chance.happens((rateAt(seller, nextMs) * factor) / peak)) continue
    yield* dial(nextMs, null, rush?.number)
  }

  function* dial(time: number, redial: Redial | null, advertised?: SoldNumber): Generator<PlannedCall> {
    const atMs = Math.round(time)
    if (
      displacement &&
      atMs >= displacement.fromMs &&
      atMs < displacement.untilMs &&
      chance.happens(displacement.share)
    ) {
      return
    }
    if (atMs >= movesAtMs && sources === seller.sources) sources = moveOne(chance, sources)
    const caller = redial ?? pickCaller(chance, world, seller, callers, advertised ?? pickNumber(chance, seller))
    const { ani, number } = caller
    const source = redial?.source ?? pickSource(chance, { ...seller, sources })
    const planned = shapeCall(chance, world, {
      atMs,
      seller,
      number,
      source,
      ani,
      ...(redial ? { saidState: redial.saidState } : {}),
      pattern: null,
    })
    yield planned
    const { outcome, endedAtMs, durationMs } = planned.ended
    const patience = redial ? redial.patience - 1 : chance.weighted([30, 40, 20, 6, 3, 1])
    const isDisappointed = outcome !== 'answered' || durationMs < 8000
    if (ani !== null && patience > 0 && isDisappointed && chance.happens(0.6)) {
      const { saidState } = planned.arriving
      redials.put(endedAtMs + 3000 + chance.wait(40_000), { ani, number, source, saidState, patience })
    }
  }
}

/** Calls of this hour against the mean hour. */
function rateAt(seller: Seller, atMs: number): number {
  const time = new Date(atMs)
  const day = time.getUTCDay()
  const hours = atMs / HOUR_MS
  const hour = Math.floor(hours) % 24
  const [now, next] = [seller.hours[hour]!, seller.hours[(hour + 1) % 24]!]
  const rate = now + (next - now) * (hours - Math.floor(hours))
  return day === SATURDAY || day === SUNDAY ? rate * seller.weekendFactor : rate
}

/** A carrier takes another border controller into service in one's place. */
function moveOne(chance: Chance, sources: readonly Source[]): readonly Source[] {
  const [first, ...others] = sources
  return first ? [{ ...first, address: publicAddress(chance) }, ...others] : sources
}

/** Somebody new, who has seen this number; or somebody who called before. */
function pickCaller(
  chance: Chance,
  world: ExchangeWorld,
  seller: Seller,
  callers: Caller[],
  number: SoldNumber,
): { ani: PhoneNumber | null; number: SoldNumber } {
  if (chance.happens(seller.withheldShare)) return { ani: null, number }
  if (seller.switchboards.length > 0 && chance.happens(0.006)) return { ani: chance.pick(seller.switchboards), number }
  if (callers.length > 50 && chance.happens(seller.repeatShare)) {
    // Who called yesterday is likelier to call than who called last week.
    const back = Math.floor(chance.uniform() ** 2 * callers.length)
    const caller = callers[callers.length - 1 - back]!
    return chance.happens(0.85) ? caller : { ...caller, number }
  }
  const caller = { ani: newCaller(chance, world, seller, number), number }
  if (callers.length === REMEMBERED_CALLERS) callers[chance.below(REMEMBERED_CALLERS)] = caller
  else callers.push(caller)
  return caller
}

/** Most have a number of where the seller advertises; a few are Canadians, travellers, neighbours of the number, or call from a service. */
function newCaller(chance: Chance, { book }: ExchangeWorld, { areaCodes }: Seller, { dnis }: SoldNumber): PhoneNumber {
  switch (chance.weighted([980, 8, 4, 2, 6])) {
    case 1:
      return book.number(chance, book.strangeAreaCode(chance))
    case 2:
      return `${chance.pick(FOREIGN)}${chance.between(200_000_000, 999_999_999).toFixed(0)}` as PhoneNumber
    case 3:
      return book.tollFree(chance)
    case 4:
      return book.statesOf(dnis).length > 0
        ? numberOf(Number(dnis.slice(2, 5)), Number(dnis.slice(5, 8)), chance.below(10_000))
        : book.number(chance)
    default:
      return book.number(
        chance,
        areaCodes.length > 0 && chance.happens(0.85) ? chance.pick(areaCodes) : book.areaCode(chance),
      )
  }
}

/** Spots on radio and television: some minutes in which one number has many times its calls. */
function planRushes(chance: Chance, seller: Seller, fromMs: number, untilMs: number) {
  const rushes: { fromMs: number; untilMs: number; factor: number; number: SoldNumber }[] = []
  const perDay = chance.parameter(0.2, 1.5)
  for (let atMs = fromMs + chance.wait((24 * HOUR_MS) / perDay); atMs < untilMs;) {
    const lastsMs = chance.between(3, 12) * 60_000
    rushes.push({
      fromMs: atMs,
      untilMs: atMs + lastsMs,
      factor: chance.between(2, 6),
      number: pickNumber(chance, seller),
    })
    atMs += lastsMs + chance.wait((24 * HOUR_MS) / perDay)
  }
  return rushes
}
