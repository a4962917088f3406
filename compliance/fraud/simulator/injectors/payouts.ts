import { attackAtRate, callersOf, doubtful, MINUTE_MS, sourceOf, type Attack, type Scene } from './attack.ts'

/** An attack of the seller itself, whose honest traffic gives way to it in part. */
function inPlaceOf(scene: Scene, attack: Attack, minutes: number, share: number): Attack {
  const { fromMs } = scene
  return { ...attack, displacement: { fromMs, untilMs: fromMs + minutes * MINUTE_MS, share } }
}

/** As busy as the seller is otherwise, or so many times busier. */
function ownRate({ seller }: Scene, factor: number): number {
  return Math.max(0.5, (seller.callsPerDay / (24 * 60)) * factor)
}

/** Paid callers who stay on the line until the buyer pays, and a few seconds more. */
export function durationGaming(scene: Scene): Attack {
  const { chance, world, seller } = scene
  const phones = callersOf(chance, world, Math.round(chance.parameter(15, 200)))
  const minutes = chance.parameter(240, 720)
  const silentShare = chance.between(0.1, 0.6)
  const shape = { perMinute: ownRate(scene, chance.parameter(0.8, 3)), minutes }
  const attack = attackAtRate(scene, 'duration_gaming', shape, () => {
    const number = chance.pick(seller.numbers)
    return {
      ani: chance.pick(phones),
      number,
      ending: {
        outcome: chance.happens(0.92) ? 'answered' : 'no_sale',
        talkSeconds: number.billableAfter + chance.between(0.2, 5),
        audioFault: chance.happens(silentShare) ? 'no_audio' : null,
        hungUpBy: chance.happens(0.95) ? 'caller' : 'buyer',
      },
    }
  })
  return inPlaceOf(scene, attack, minutes, chance.between(0.6, 1))
}

/** Consumers said to be where calls are dear; their numbers are of elsewhere. */
export function geoLaundering(scene: Scene): Attack {
  const { chance, world } = scene
  const dear = world.book.stateBut(chance, undefined)
  const dearer = world.book.stateBut(chance, dear)
  const minutes = chance.parameter(180, 600)
  const shape = { perMinute: ownRate(scene, chance.parameter(0.8, 3)), minutes }
  const attack = attackAtRate(scene, 'geo_laundering', shape, () => ({
    ani: world.book.number(chance),
    saidState: chance.happens(0.7) ? dear : dearer,
  }))
  return inPlaceOf(scene, attack, minutes, chance.between(0.6, 1))
}

/** A seller who buys calls elsewhere: the same callers again, at all hours, who do not buy. */
export function mixShift(scene: Scene): Attack {
  const { chance, world } = scene
  const pool = callersOf(chance, world, Math.round(chance.parameter(20, 150)))
  const oldShare = chance.parameter(0.5, 0.9)
  const minutes = chance.parameter(300, 720)
  const talk = chance.parameter(8, 30)
  const shape = { perMinute: ownRate(scene, chance.parameter(1.2, 4)), minutes }
  const attack = attackAtRate(scene, 'mix_shift', shape, () => ({
    ani: chance.happens(oldShare) ? chance.pick(pool) : world.book.number(chance),
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.7) ? 'answered' : 'cancelled',
      talkSeconds: chance.logNormal(talk, 0.6),
    },
  }))
  return inPlaceOf(scene, attack, minutes, chance.between(0.8, 1))
}

/** Robots that are answered and say nothing: the line is up, and no sound comes. */
export function deadAir(scene: Scene): Attack {
  const { chance, world } = scene
  const robots = callersOf(chance, world, Math.round(chance.parameter(6, 80)))
  const source = sourceOf(scene)
  const silentShare = chance.between(0.75, 1)
  const fault = chance.happens(0.5) ? 'digital_silence' : 'no_audio'
  const shape = { perMinute: chance.parameter(0.8, 8), minutes: chance.parameter(120, 420) }
  return attackAtRate(scene, 'dead_air', shape, () => ({
    ani: chance.pick(robots),
    source,
    attestation: doubtful(chance),
    ending: {
      outcome: chance.happens(0.9) ? 'answered' : 'cancelled',
      talkSeconds: chance.logNormal(45, 0.6),
      audioFault: chance.happens(silentShare) ? fault : null,
    },
  }))
}
