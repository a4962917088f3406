import type { LegSide } from '../../model/call.ts'
import { newAttempt } from '../attempt.ts'
import type { Leg } from '../leg.ts'
import type { Call } from '../live-call.ts'
import type { Parties, Seat } from '../parties.ts'
import { NotIntroduced, type Introduction } from '../in-dialog/renegotiation.ts'
import { leadsTo, splice } from './splice.ts'

/** How a join came out: whom to hang up on, or the status that says why it did not come about. */
export type JoinResult = { readonly former: readonly Leg[] } | number

/**
 * The end of an attended transfer between two calls of ours (RFC 5589 §7): whoever sits in `first` leaves it for whoever is at the
 * other end of `second`, in both calls. Each far side is offered the other before anything changes, and either may refuse: then both
 * calls are as they were. Afterwards they are spliced; each remains a call, a sale and a record of its own.
 */
export async function joinCalls(first: Seat, second: Seat): Promise<JoinResult> {
  if (leadsTo(placeOf(first), second.parties.bridge)) return 603
  const finish = second.parties.begin()
  if (typeof finish === 'number') return finish
  // Whoever transfers may leave at once, on both legs.
  const giveUpPlaces = [first, second].map(({ parties, side }) => parties.bridge.holdPlace(side))
  try {
    return await introduceBoth(first, second)
  } finally {
    for (const giveUp of giveUpPlaces) giveUp() // After a join there is no place to give up.
    finish()
  }
}

async function introduceBoth(first: Seat, second: Seat): Promise<JoinResult> {
  const media = second.parties.call.media!
  const introductions: Introduction[] = []
  // Two engines need not reach one another inside.
  const where = first.parties.call.engine === second.parties.call.engine ? 'inside' : undefined
  try {
    const said = await media.offerReplacement(second.side, where)
    const introduce = async ({ parties, side }: Seat, description: string): Promise<Introduction> => {
      const introduction = await parties.bridge.renegotiation.introduce(side, description, where)
      introductions.push(introduction)
      return introduction
    }
    const { answer } = await introduce(first, said)
    const last = await introduce(second, answer)
    for (const { parties, side } of [first, second]) await parties.takeStats(side)
    if (first.parties.bridge.isEnded) return giveUp(487)
    if (second.parties.bridge.isEnded) return giveUp(481)
    for (const introduction of introductions) await introduction.seat()
    return seatBoth(first, second, { said: answer, hears: said }, { said: last.answer, hears: answer })
  } catch (error) {
    if (error instanceof NotIntroduced) return giveUp(error.status)
    giveUp(500)
    throw error
  }

  function giveUp(status: number): number {
    media.dropReplacement()
    for (const introduction of introductions) introduction.withdraw()
    return status
  }
}

interface Said {
  /** What a call has answered its newcomer, and what it has heard of it. */
  readonly said: string
  readonly hears: string
}

function seatBoth(first: Seat, second: Seat, inFirst: Said, inSecond: Said): JoinResult {
  const legs = splice({ ...placeOf(first), said: inFirst.said }, { ...placeOf(second), said: inSecond.said })
  const seat = ({ parties, side }: Seat, other: Call, leg: Leg, description: string): Leg => {
    const { award, target } = parties.call.soldAttempt!
    const attempt = newAttempt(award, { target, uri: `urn:uuid:${other.id}` }, side)
    parties.call.note('joined', `with call ${other.id}`)
    return parties.seat({ side, attempt, leg, description, isKnownByAddress: false })
  }
  const former = [
    seat(first, second.parties.call, legs[0], inFirst.hears),
    seat(second, first.parties.call, legs[1], inSecond.hears),
  ]
  return { former }
}

function placeOf({ parties, side }: Seat): { bridge: Parties['bridge']; side: LegSide } {
  return { bridge: parties.bridge, side }
}
