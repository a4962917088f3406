import type { Places } from '../../../model/places.ts'
import { Chance, type Regime } from './chance.ts'
import { cleanTraffic } from './clean-traffic.ts'
import { buildWorld, type ExchangeWorld } from './exchange-world.ts'
import type { Attack, Injector } from './injectors/attack.ts'
import {
  aniVelocity,
  oneRing,
  robocalling,
  rotatingDigits,
  sequentialDialling,
  sipScanner,
  targetedPumping,
} from './injectors/floods.ts'
import { deadAir, durationGaming, geoLaundering, mixShift } from './injectors/payouts.ts'
import { fastPumping, simBox, slowPumping, spoofing, theftOfService } from './injectors/tolls.ts'
import type { Pattern } from './pattern.ts'
import { PhoneBook } from './phone-book.ts'
import type { PlannedCall, TrafficEvent } from './planned-call.ts'
import { play } from './play.ts'

const INJECTORS: Readonly<Record<Pattern, Injector>> = {
  one_ring: oneRing,
  targeted_pumping: targetedPumping,
  fast_pumping: fastPumping,
  slow_pumping: slowPumping,
  theft_of_service: theftOfService,
  robocalling,
  sim_box: simBox,
  spoofing,
  sequential_dialling: sequentialDialling,
  ani_velocity: aniVelocity,
  rotating_digits: rotatingDigits,
  duration_gaming: durationGaming,
  geo_laundering: geoLaundering,
  mix_shift: mixShift,
  dead_air: deadAir,
  sip_scanner: sipScanner,
}

const HOUR_MS = 3_600_000
/** A Monday. */
const START_MS = Date.parse('2026-03-02T00:00:00Z')

export interface ScenarioPlan {
  readonly seed: number
  readonly regime: Regime
  readonly days: number
  /** Honest calls of all sellers together on a working day. */
  readonly callsPerDay: number
  /** Each is mixed into the traffic of another seller, after the warm-up. */
  readonly patterns: readonly Pattern[]
  /** Hours of clean traffic first, in which baselines form. */
  readonly warmUpHours: number
}

export interface Scenario {
  readonly world: ExchangeWorld
  readonly attacks: readonly Attack[]
  /** When the warm-up is over. */
  readonly judgedFromMs: number
  /** Calls and their ends in the order of time; to be read once. */
  readonly events: Generator<TrafficEvent>
}

/** Makes simulated traffic: the same plan makes the same calls, to the millisecond. `places` says where numbers are. */
export class TrafficSimulator {
  readonly #book: PhoneBook

  constructor(places: Pick<Places, 'ofNumber'>) {
    this.#book = new PhoneBook(places)
  }

  simulate({ seed, regime, days, callsPerDay, patterns, warmUpHours }: ScenarioPlan): Scenario {
    const chance = new Chance(seed, regime)
    const world = buildWorld(chance.fork(), this.#book, callsPerDay)
    // Any day of the week: what is learnt must not be the Monday.
    const fromMs = START_MS + chance.below(7) * 24 * HOUR_MS
    const untilMs = fromMs + days * 24 * HOUR_MS
    const judgedFromMs = fromMs + warmUpHours * HOUR_MS
    const victims = shuffled(chance, world.sellers)
    const attacks = patterns.map((pattern, index) =>
      INJECTORS[pattern]({
        chance: chance.fork(),
        world,
        seller: victims[index % victims.length]!,
        fromMs: Math.round(judgedFromMs + chance.between(0.5, 8) * HOUR_MS),
      }),
    )
    const clean = world.sellers.map((seller) =>
      cleanTraffic(chance.fork(), world, seller, {
        fromMs,
        untilMs,
        displacement: attacks.find((attack) => attack.seller === seller && attack.displacement)?.displacement,
      }),
    )
    const injected = attacks.map(({ calls }): Iterator<PlannedCall> => calls.values())
    return { world, attacks, judgedFromMs, events: play([...clean, ...injected]) }
  }
}

function shuffled<T>(chance: Chance, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: chance.uniform() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
