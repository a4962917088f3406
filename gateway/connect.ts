import { MediaUnavailable, UnacceptableMedia, type MediaSession } from '../media/media-server.ts'
import type { Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import { Refusal } from '../model/refusal.ts'
import { accept, writeSold } from './accept-call.ts'
import type { Bridge } from './bridge.ts'
import { ring } from './buyer-leg.ts'
import type { BuyerAttempt, Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import { invitationOf, type Invitation } from './invitation.ts'
import { quotable } from './reason-header.ts'
import { relayableStatus } from './srf.ts'
import { take, type Taken } from './take-award.ts'

/**
 * Rings each award in turn until one answers: takes its places and its hold, invites it, and gives both back before the
 * next is tried. Never rings anyone once the caller has gone. Returns the bridge of the first answer.
 */
export async function connect(call: Call, awards: readonly Award[], parts: ExchangeParts): Promise<Bridge> {
  call.media = await openMedia(call, parts)
  try {
    return await ringInTurn(call, awards, parts)
  } catch (error) {
    // Out of ports for the next target, or its thread died: no bug of the call's.
    if (error instanceof MediaUnavailable) throw new Refusal('overloaded', error.message)
    throw error
  }
}

async function ringInTurn(call: Call, awards: readonly Award[], parts: ExchangeParts): Promise<Bridge> {
  const deadlineMs = call.receivedMonotonicMs + parts.limits.maxSetupMs
  for (const award of awards) {
    call.throwIfGone()
    if (parts.clock.monotonicMs() >= deadlineMs) break
    if (call.attempts.some(({ target }) => target.id === award.targetId)) {
      call.lose(award, 'target_tried') // It has just not taken this call; the caller does not wait for it twice.
      continue
    }
    const taken = take(call, award, parts)
    if (typeof taken === 'string') {
      call.lose(award, taken)
      continue
    }
    const bridge = await invite(call, award, taken, deadlineMs, parts)
    if (bridge) return bridge
  }
  call.throwIfGone()
  const last = call.attempts.at(-1)
  if (!last) throw new Refusal('no_sale', 'no award could be rung')
  throw new Refusal(
    'all_awards_failed',
    `every award failed, the last with ${last.sipStatus ?? 'no answer'}`,
    statusFor(last),
  )
}

/** The last buyer's final status when it means something to the caller, else 480. */
function statusFor(last: BuyerAttempt): number {
  return last.sipStatus === 486 || last.sipStatus === 600 ? 486 : 480
}

/** The caller hears 488, and in the Warning what of its offer could not be served (RFC 3261 §20.43). */
function unacceptable(error: UnacceptableMedia): Refusal {
  const headers = { Warning: `${error.warning} dce "${quotable(error.message)}"` }
  return new Refusal('unacceptable_media', error.message, null, headers)
}

async function openMedia(call: Call, parts: ExchangeParts): Promise<MediaSession> {
  try {
    return await parts.media.createSession({ callId: call.id, callerOffer: call.caller.offer })
  } catch (error) {
    if (error instanceof UnacceptableMedia) throw unacceptable(error)
    if (error instanceof MediaUnavailable) throw new Refusal('overloaded', error.message)
    throw error
  }
}

/** Rings one award. Null: it did not take the call, and its places and funds are free again. */
async function invite(
  call: Call,
  award: Award,
  taken: Taken,
  deadlineMs: number,
  parts: ExchangeParts,
): Promise<Bridge | null> {
  const giveBack = (code: NonBidCode): null => {
    taken.reservation.release()
    parts.balances.void(taken.hold)
    call.takenAward = null
    call.sold = null
    call.lose(award, code)
    return null
  }
  const invitation = invitationOf(call, award, parts)
  if (!invitation) return giveBack('target_unavailable')

  const attempt = newAttempt(call, award, invitation)
  const result = await ringTarget(call, attempt, invitation, deadlineMs, parts)
  const answeredMonotonicMs = parts.clock.monotonicMs()
  if (result.kind !== 'answered') {
    attempt.endedAt = new Date()
    attempt.sipStatus = result.kind === 'rejected' ? result.status : null
    call.note('award failed', `rank ${award.rank}: ${result.kind === 'rejected' ? result.status : result.kind}`)
    return giveBack('ring_failed')
  }
  attempt.sipStatus = 200
  attempt.answeredAt = new Date()
  const bridge = await accept(call, attempt, result.leg, result.sdp, answeredMonotonicMs, parts)
  if (bridge) return bridge
  attempt.endedAt = new Date()
  return giveBack('ring_failed')
}

function newAttempt(call: Call, award: Award, invitation: Invitation): BuyerAttempt {
  const attempt: BuyerAttempt = {
    award,
    target: invitation.target,
    uri: invitation.uri,
    sipCallId: '',
    invitedAt: new Date(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    sipStatus: null,
    media: null,
  }
  call.attempts.push(attempt)
  call.soldAttempt = attempt
  return attempt
}

async function ringTarget(
  call: Call,
  attempt: BuyerAttempt,
  invitation: Invitation,
  deadlineMs: number,
  parts: ExchangeParts,
): ReturnType<typeof ring> {
  const sdp = await call.media!.offerToBuyer()
  const timeLeftMs = deadlineMs - parts.clock.monotonicMs()
  const ringing = ring(parts.signaling, {
    ...invitation,
    sdp,
    ringTimeoutMs: Math.max(0, Math.min(invitation.target.ringTimeout * 1000, timeLeftMs)),
    gone: call.gone,
    onSent: (sipCallId) => sent(call, attempt, sipCallId, parts),
    onProgress: (status, reason, buyerSdp) => void progress(call, attempt, status, reason, buyerSdp, parts),
  })
  return ringing
}

/** The INVITE is out: now there is time to write the call down, and to name a reason for every bid that was not in it. */
function sent(call: Call, attempt: BuyerAttempt, sipCallId: string, parts: ExchangeParts): void {
  attempt.sipCallId = sipCallId
  if (call.attempts.length === 1) {
    parts.telemetry.addedPdd.observe((parts.clock.monotonicMs() - call.receivedMonotonicMs) / 1000)
    setImmediate(() => explain(call, parts))
  }
  call.note('invited', `rank ${attempt.award.rank}`)
  parts.announcements.routed(call, attempt.award)
  // The answer waits for its own, later writing; this one only lets a restart find a call that nobody has answered yet.
  void writeSold(call, null, parts).catch(() => {})
}

function explain(call: Call, parts: ExchangeParts): void {
  if (!call.auction || !call.auctionRequest) return
  call.auction = parts.routing.explain(call.auctionRequest, call.auction)
  parts.announcements.auctioned(call, call.auction)
}

async function progress(
  call: Call,
  attempt: BuyerAttempt,
  status: number,
  reason: string,
  buyerSdp: string | null,
  parts: ExchangeParts,
): Promise<void> {
  attempt.ringingAt ??= new Date()
  call.ringingAt ??= attempt.ringingAt
  call.state = 'ringing'
  let sdp: string | null = null
  if (buyerSdp !== null) {
    try {
      sdp = await call.media!.answerFromBuyer(buyerSdp)
    } catch {
      sdp = null // Early media we cannot use: the caller still hears that it rings; the 200 decides.
    }
  }
  if (call.soldAttempt !== attempt || call.gone.aborted) return // The target was given up on meanwhile.
  const heard = relayableStatus(status)
  call.caller.ringing(sdp === null && heard === 183 ? 180 : heard, reason, sdp)
  parts.announcements.ringing(call, status)
}
