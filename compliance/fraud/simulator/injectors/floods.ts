import type { PhoneNumber } from '../../../../model/phone-number.ts'
import { exchangeCode, numberOf } from '../phone-book.ts'
import {
  attackAtRate,
  attackWithGaps,
  callersOf,
  doubtful,
  MINUTE_MS,
  newSource,
  numbersInOrder,
  sourceOf,
  type Attack,
  type Scene,
} from './attack.ts'

/** Countries of the North American plan and elsewhere whose numbers cost who calls back. */
const COSTLY = ['+1809', '+1876', '+1473', '+1284', '+22177', '+23276', '+37127', '+96034']
const SCANNERS = ['friendly-scanner', 'sipvicious', 'pplsip', 'sipcli/v1.8', 'VaxSIPUserAgent/3.1']
const DISGUISES = ['Asterisk PBX 18.2.0', 'Grandstream GXP1625 1.0.4', null]

/** Wangiri: rings once and is gone, so that somebody calls back. Each caller is another, most of a costly country. */
export function oneRing(scene: Scene): Attack {
  const { chance, world } = scene
  const source = sourceOf(scene, 0.6)
  const prefix = chance.pick(COSTLY)
  const costlyShare = chance.between(0.3, 1)
  const shape = { perMinute: chance.parameter(3, 60), minutes: chance.parameter(15, 120) }
  return attackAtRate(scene, 'one_ring', shape, () => ({
    ani: chance.happens(costlyShare)
      ? (`${prefix}${String(chance.below(10_000_000)).padStart(7, '0')}` as PhoneNumber)
      : world.book.number(chance),
    source,
    attestation: doubtful(chance),
    ending: { outcome: 'cancelled', ringSeconds: chance.between(0.2, 2.5) },
  }))
}

/** A few dialling machines call one number again and again: it is to be busy, or its budget to be spent. */
export function targetedPumping(scene: Scene): Attack {
  const { chance, world, seller } = scene
  const number = chance.pick(seller.numbers)
  const source = sourceOf(scene)
  const callers = callersOf(chance, world, Math.round(chance.parameter(1, 10)))
  const shape = { perMinute: chance.parameter(3, 30), minutes: chance.parameter(20, 90) }
  return attackAtRate(scene, 'targeted_pumping', shape, () => ({
    ani: chance.pick(callers),
    number,
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.75) ? 'answered' : 'busy',
      talkSeconds: chance.logNormal(60, 0.7),
    },
  }))
}

/** One caller, or a few, through all numbers of the exchange; a machine that hangs up when a person answers. */
export function robocalling(scene: Scene): Attack {
  const { chance, world } = scene
  const everyNumber = numbersInOrder(world)
  const callers = callersOf(chance, world, Math.round(chance.parameter(1, 6)))
  const shape = { perMinute: chance.parameter(2, 40), minutes: chance.parameter(30, 180) }
  return attackAtRate(scene, 'robocalling', shape, () => ({
    ...chance.pick(everyNumber),
    ani: chance.pick(callers),
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.4) ? 'answered' : chance.happens(0.5) ? 'cancelled' : 'no_answer',
      talkSeconds: chance.between(1, 6),
    },
  }))
}

/** The same caller again before the last call is forgotten: a redialler to one or two numbers. */
export function aniVelocity(scene: Scene): Attack {
  const { chance, world, seller } = scene
  const callers = callersOf(chance, world, Math.round(chance.parameter(1, 3)))
  const numbers = [chance.pick(seller.numbers), chance.pick(seller.numbers)]
  const shape = { perMinute: chance.parameter(2, 30) * callers.length, minutes: chance.parameter(30, 120) }
  return attackAtRate(scene, 'ani_velocity', shape, () => ({
    ani: chance.pick(callers),
    number: chance.pick(numbers),
    ending: {
      outcome: chance.happens(0.6) ? 'answered' : 'cancelled',
      talkSeconds: chance.logNormal(15, 1),
    },
  }))
}

/** Called numbers one after the other, as they stand in the plan; the caller is one, or counts up too. */
export function sequentialDialling(scene: Scene): Attack {
  const { chance, world, fromMs } = scene
  const inOrder = numbersInOrder(world)
  const start = chance.below(inOrder.length)
  const npa = world.book.areaCode(chance)
  const exchange = exchangeCode(chance)
  const first = chance.below(8000)
  const countsUp = chance.happens(0.5)
  const gapSeconds = chance.parameter(1, 25)
  const untilMs = fromMs + chance.parameter(40, 150) * MINUTE_MS
  const gapMs = () => 1000 * gapSeconds * chance.between(0.7, 1.3)
  return attackWithGaps(scene, 'sequential_dialling', gapMs, untilMs, (index) => ({
    ...inOrder[(start + index) % inOrder.length]!,
    ani: numberOf(npa, exchange, countsUp ? (first + index) % 10_000 : first),
    attestation: doubtful(chance),
    ending: { outcome: chance.happens(0.5) ? 'answered' : 'cancelled', talkSeconds: chance.between(1, 10) },
  }))
}

/** A number of one exchange whose last two or three digits are another with each call. */
export function rotatingDigits(scene: Scene): Attack {
  const { chance, world } = scene
  const npa = world.book.areaCode(chance)
  const exchange = exchangeCode(chance)
  const width = chance.happens(0.5) ? 100 : 1000
  const base = width * chance.below(10_000 / width)
  const source = sourceOf(scene, 0.3)
  const shape = { perMinute: chance.parameter(1, 20), minutes: chance.parameter(60, 240) }
  return attackAtRate(scene, 'rotating_digits', shape, () => ({
    ani: numberOf(npa, exchange, base + chance.below(width)),
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.7) ? 'answered' : 'cancelled',
      talkSeconds: chance.logNormal(40, 1),
    },
  }))
}

/** Looks for a way in: from one address through all numbers, far faster than anybody dials, and never speaks. */
export function sipScanner(scene: Scene): Attack {
  const { chance, world, seller } = scene
  const owned = chance.happens(0.5) ? seller.numbers : numbersInOrder(world).map(({ number }) => number)
  const agent = chance.happens(0.6) ? chance.pick(SCANNERS) : chance.pick(DISGUISES)
  const source = newSource(chance, agent, chance.happens(0.5) ? [] : ['PCMU', 'PCMA', 'GSM'])
  const ani = chance.happens(0.5) ? null : world.book.number(chance)
  const shape = { perMinute: chance.parameter(20, 300), minutes: chance.parameter(3, 20) }
  return attackAtRate(scene, 'sip_scanner', shape, (index) => ({
    ani,
    number: owned[index % owned.length]!,
    source,
    attestation: null,
    saidState: null,
    ending: { outcome: chance.happens(0.6) ? 'failed' : 'cancelled', ringSeconds: chance.between(0.1, 3) },
  }))
}
