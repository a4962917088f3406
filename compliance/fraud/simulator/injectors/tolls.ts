import { exchangeCode, numberOf } from '../phone-book.ts'
import { attackAtRate, blockOf, callersOf, doubtful, newSource, sourceOf, type Attack, type Scene } from './attack.ts'

const HOUR_MS = 3_600_000

/** Toll-free and premium pumping in a hurry: numbers of a few blocks, long and silent calls, all in a quarter of an hour. */
export function fastPumping(scene: Scene): Attack {
  const { chance, world } = scene
  const blocks = Array.from({ length: Math.round(chance.parameter(1, 4)) }, () => blockOf(chance, world))
  const source = sourceOf(scene)
  const shape = { perMinute: chance.parameter(15, 120), minutes: chance.parameter(6, 30) }
  return attackAtRate(scene, 'fast_pumping', shape, () => ({
    ani: chance.pick(blocks)(),
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.85) ? 'answered' : 'busy',
      talkSeconds: chance.between(60, 600),
      audioFault: chance.happens(0.7) ? 'digital_silence' : null,
    },
  }))
}

/** The same for hours at a rate nobody notices: the calls are as long as the line allows. */
export function slowPumping(scene: Scene): Attack {
  const { chance, world } = scene
  const callers = callersOf(chance, world, Math.round(chance.parameter(10, 60)), Math.round(chance.parameter(1, 4)))
  const source = sourceOf(scene)
  const longSeconds = chance.parameter(300, 1800)
  const shape = { perMinute: chance.parameter(0.7, 5), minutes: chance.parameter(180, 600) }
  return attackAtRate(scene, 'slow_pumping', shape, () => ({
    ani: chance.pick(callers),
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.9) ? 'answered' : 'busy',
      talkSeconds: longSeconds * chance.between(0.9, 1.1),
      audioFault: chance.happens(0.5) ? 'digital_silence' : null,
    },
  }))
}

/** A trunk whose password is known: at night, from an address it never used, to every number, long calls. */
export function theftOfService(scene: Scene): Attack {
  const { chance, world } = scene
  const night = startOfNight(scene)
  const source = newSource(chance, chance.pick(['sipcmd', 'PortSIP UC Client', 'Asterisk PBX 1.8.32', null]))
  const callers = callersOf(chance, world, Math.round(chance.parameter(1, 40)))
  const shape = { perMinute: chance.parameter(4, 40), minutes: chance.parameter(30, 150) }
  return attackAtRate({ ...scene, fromMs: night }, 'theft_of_service', shape, () => ({
    ani: chance.pick(callers),
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.7) ? 'answered' : 'no_sale',
      talkSeconds: chance.logNormal(600, 0.7),
    },
  }))
}

/** The next time it is between 2 and 4 o'clock in the night of the American east (UTC − 5). */
function startOfNight({ chance, fromMs }: Scene): number {
  const hour = (fromMs / HOUR_MS) % 24
  return fromMs + ((7 + 2 * chance.uniform() - hour + 24) % 24) * HOUR_MS
}

/** A box of SIM cards: a few dozen mobile numbers at one address, each calling ever other numbers all day. */
export function simBox(scene: Scene): Attack {
  const { chance, world } = scene
  const cards = callersOf(chance, world, Math.round(chance.parameter(12, 60)), Math.round(chance.parameter(1, 3)))
  const source = newSource(chance, null, ['AMR', 'GSM', 'PCMU', 'telephone-event'])
  const shape = { perMinute: chance.parameter(0.8, 6), minutes: chance.parameter(240, 600) }
  return attackAtRate(scene, 'sim_box', shape, () => ({
    ani: chance.pick(cards),
    number: chance.pick(scene.seller.numbers),
    source,
    attestation: chance.happens(0.7) ? 'C' : null,
    ending: {
      outcome: chance.happens(0.7) ? 'answered' : 'no_answer',
      talkSeconds: chance.logNormal(70, 0.8),
      hungUpBy: chance.happens(0.7) ? 'caller' : 'buyer',
    },
  }))
}

/** Numbers that are not the caller's: of the called one's own exchange, so that they look near, or of no area code. */
export function spoofing(scene: Scene): Attack {
  const { chance, world, seller } = scene
  const source = sourceOf(scene, 0.3)
  const local = seller.numbers.filter(({ dnis }) => world.book.statesOf(dnis).length > 0)
  const neighbourShare = local.length > 0 ? chance.between(0.3, 1) : 0
  const shape = { perMinute: chance.parameter(1, 15), minutes: chance.parameter(40, 240) }
  return attackAtRate(scene, 'spoofing', shape, () => {
    const isNeighbour = chance.happens(neighbourShare)
    const number = chance.pick(isNeighbour ? local : seller.numbers)
    const { dnis } = number
    return {
      ani: isNeighbour
        ? numberOf(Number(dnis.slice(2, 5)), Number(dnis.slice(5, 8)), chance.below(10_000))
        : numberOf(world.book.strangeAreaCode(chance), exchangeCode(chance), chance.below(10_000)),
      number,
      source,
      attestation: doubtful(chance),
      ending: { outcome: chance.happens(0.8) ? 'answered' : 'cancelled', talkSeconds: chance.logNormal(18, 1) },
    }
  })
}
