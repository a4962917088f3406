import { joinNeeds, type CallNeeds } from '../../media/call-needs.ts'
import { serves } from '../../media/engine-choice.ts'
import { MediaUnavailable, UnacceptableMedia, type Sdp } from '../../media/media-server.ts'
import type { Award } from '../../model/auction.ts'
import { Refusal } from '../../model/refusal.ts'
import { buyerAudioOf } from './call-audio.ts'
import type { Invitation } from '../invitation/invitation.ts'
import type { Call } from '../live-call.ts'
import { needsOfAward, needsOfCaller } from './media-needs.ts'
import { mediaWarning } from '../headers/media-warning.ts'
import { offeredSecurity } from '../invitation/offered-security.ts'
import type { ExchangeParts } from '../parts.ts'

/**
 * The call's audio, at the cheapest engine that can serve every award it may come to; where none can serve all, at one for the first
 * that can be served. Throws a Refusal when there is none: before any buyer is rung.
 */
export async function openMedia(call: Call, awards: readonly Award[], parts: ExchangeParts): Promise<void> {
  try {
    const caller = needsOfCaller(call, parts)
    call.callerNeeds = caller
    // With one engine there is nothing to choose; an award that is not for it is passed over at its turn.
    await open(call, parts.media.engines.length === 1 ? caller : needsOfAwards(call, caller, awards, parts), parts)
  } catch (error) {
    throw asRefusal(error as Error)
  }
}

/** What the caller of a call whose audio nobody serves is refused with; any other error as it is. */
export function asRefusal(error: Error): Error {
  if (error instanceof UnacceptableMedia)
    return new Refusal('unacceptable_media', error.message, null, mediaWarning(error))
  return error instanceof MediaUnavailable ? new Refusal('overloaded', error.message) : error
}

function needsOfAwards(call: Call, caller: CallNeeds, awards: readonly Award[], parts: ExchangeParts): CallNeeds {
  let all: CallNeeds | null = null
  let first: CallNeeds | null = null
  let away: CallNeeds | null = null
  for (const award of awards) {
    const needs = joinNeeds(caller, needsOfAward(call, award, parts))
    const chosen = parts.media.choose(needs)
    if (chosen === 'incapable') continue
    if (chosen === 'unavailable') {
      away ??= needs
      continue
    }
    first ??= needs
    all = all === null ? needs : joinNeeds(all, needs)
  }
  if (all === null || first === null) return away ?? caller
  return typeof parts.media.choose(all) === 'string' ? first : all
}

/**
 * Sees to it that this award can be rung from the engine the call is at. Nobody has been told where the audio is unless the caller has
 * heard an answer: until then the call moves to another engine that can, and afterwards it cannot. False: not this award.
 */
export async function mediaFor(call: Call, award: Award, parts: ExchangeParts): Promise<boolean> {
  // Before a caller who leaves the offer to us has answered it nothing is agreed: its agent would hear no whisper, and we no key.
  if (call.caller.offer === null && !call.waiting && buyerAudioOf(award, parts)?.accept) return false
  const needs = joinNeeds(call.callerNeeds!, needsOfAward(call, award, parts))
  const isServed = serves(call.engine!, needs) && call.engine!.isUp && !call.isMediaLost
  if (isServed) return true
  if (call.caller.told !== null) return false
  try {
    await open(call, needs, parts)
    return true
  } catch (error) {
    if (error instanceof UnacceptableMedia || error instanceof MediaUnavailable) return false
    throw error
  }
}

/** The offer for one target. An engine that is full says so only now, if it is elsewhere: then the call moves to the next. */
export async function offerToBuyer(
  call: Call,
  award: Award,
  invitation: Invitation,
  parts: ExchangeParts,
): Promise<Sdp> {
  for (;;) {
    try {
      const security = offeredSecurity(invitation, call.engine!.capabilities)
      const offer = await call.media!.offerToBuyer(call.caller.told, security)
      call.isMediaOffered = true
      return offer
    } catch (error) {
      if (!(error instanceof MediaUnavailable)) throw error
      parts.media.refused(call.engine!, error)
      call.enginesTried.add(call.engine!)
      call.isMediaLost = true
      if (call.caller.told !== null || call.gone.aborted || !(await mediaFor(call, award, parts))) throw error
    }
  }
}

async function open(call: Call, needs: CallNeeds, parts: ExchangeParts): Promise<void> {
  const request = { callId: call.id, callerOffer: call.caller.offer }
  const { engine, session } = await parts.media.open(request, needs, call.enginesTried)
  const former = call.media
  const isMove = call.engine !== null
  call.media = session
  call.engine = engine
  call.isMediaLost = false
  session.once('failed', (reason, kind) => call.mediaLost(session, reason, kind))
  if (isMove) call.note('media moved', `to ${engine.name}`)
  if (former) await former.close().catch(() => {}) // It may be gone; its ports are the engine's business.
}
