import type { Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import { numberOfUri } from '../model/phone-number.ts'
import { newAttempt } from './attempt.ts'
import { offerToBuyer } from './audio/call-media.ts'
import { ring, type BuyerLeg, type RingResult } from './buyer-leg.ts'
import { headersTo, invitationOf, throughNextTrunk, type Invitation } from './invitation/invitation.ts'
import type { BuyerAttempt, Call } from './live-call.ts'
import { offeredSecurity } from './invitation/offered-security.ts'
import { progressPhrase } from './invitation/progress-phrase.ts'
import type { ExchangeParts } from './parts.ts'
import { isAlive } from './reachability/reach.ts'
import { causesOf } from './headers/reason-header.ts'
import { Redirections } from './invitation/redirect.ts'
import { ringWays } from './invitation/ring-ways.ts'
import { longerInterval } from './in-dialog/session-timer.ts'
import { relayableStatus } from './srf.ts'
import { trunkParty } from './identity/trunk-party.ts'
import { writeRingingSoon } from './write-sold.ts'

/** How ringing one award came out, all the places its target sent us to included. */
export type AwardResult =
  | {
      readonly kind: 'answered'
      readonly attempt: BuyerAttempt
      readonly leg: BuyerLeg
      readonly sdp: string
      readonly answeredMonotonicMs: number
    }
  | { readonly kind: 'failed'; readonly code: NonBidCode; readonly status: number | null }

/** Rings one award's target, and where its 3xx answers lead if the operator follows them: one award, one hold, a leg each. */
export async function ringAward(
  call: Call,
  award: Award,
  deadlineMs: number,
  parts: ExchangeParts,
): Promise<AwardResult> {
  const first = invitationOf(call, award, parts)
  if (!first) return { kind: 'failed', code: 'target_unavailable', status: null }
  let invitation: Invitation = first
  const { followRedirects, redirectHosts } = parts.policies
  const redirections = followRedirects ? new Redirections(invitation.uri, redirectHosts) : null
  let hasAskedLonger = false
  for (;;) {
    const attempt = newAttempt(award, invitation)
    call.attempts.push(attempt)
    call.soldAttempt = attempt
    const result = await ringTarget(call, attempt, invitation, deadlineMs, parts)
    if (result.kind === 'answered') {
      parts.probes.called(invitation.placeId, 200)
      attempt.sipStatus = 200
      attempt.sipCallId = result.leg.dialog.sip.callId // Of several phones, the one that answered.
      attempt.answeredAt = new Date()
      const answeredMonotonicMs = parts.clock.monotonicMs()
      return { kind: 'answered', attempt, leg: result.leg, sdp: result.sdp, answeredMonotonicMs }
    }
    const status = result.kind === 'rejected' ? result.status : null
    noteReach(invitation, attempt, result, parts)
    attempt.endedAt = new Date()
    attempt.sipStatus = status
    call.lastCauses = result.kind === 'rejected' ? causesOf(result.response?.get('Reason')) : null
    call.note('award failed', `rank ${award.rank}: ${status ?? result.kind}`)
    if (call.gone.aborted) return { kind: 'failed', code: 'ring_failed', status }
    const other = isTrunkAway(result, attempt) ? throughNextTrunk(invitation, call, parts) : null
    if (other) {
      invitation = other
      call.note('next trunk', `rank ${award.rank}`)
      continue
    }
    const session: Record<string, string> | null =
      status === 422 && !hasAskedLonger ? longerSession(result, invitation) : null
    if (session) {
      hasAskedLonger = true // Once for the whole award: a Min-SE that grows with every answer would be asked for ever.
      invitation = { ...invitation, headers: { ...invitation.headers, ...session } }
      continue
    }
    if (status === 488 && offeredSecurity(invitation, call.engine!.capabilities) === 'if-it-can') {
      invitation = { ...invitation, mustHaveKeys: true }
      call.note('offered SRTP only', `rank ${award.rank}`)
      continue
    }
    const next = nextUri(result, redirections, (uri) => mayFollow(uri, invitation, parts))
    if (!next) return { kind: 'failed', code: 'ring_failed', status }
    const { target, placeId, trunkId, auth }: Invitation = invitation
    const headers = { ...headersTo(target, next, call, parts), ...trunkParty(trunkId, parts.isSipServerOurs) }
    invitation = { target, uri: next, placeId, headers, ...(trunkId && { trunkId }), ...(auth && { auth }) }
    call.note('redirected', `rank ${award.rank}`)
  }
}

/** The interval that a 422 asks for (RFC 4028 §7.4); null when the same again would ask for nothing longer. */
function longerSession(result: RingResult, { headers }: Invitation): Record<string, string> | null {
  if (result.kind !== 'rejected') return null
  return longerInterval(result.response?.get('Min-SE'), headers['Session-Expires'])
}

/** A trunk that is not there, or says it cannot: another may. One that rang, or refused for a reason, has spoken for the callee. */
function isTrunkAway(result: RingResult, { ringingAt }: BuyerAttempt): boolean {
  if (result.kind === 'no-answer') return ringingAt === null
  return result.kind === 'rejected' && !isAlive(result.status)
}

/** A call tells of its target what an OPTIONS would: nothing at all, when the caller gave up, or it rang unanswered. */
function noteReach({ placeId }: Invitation, attempt: BuyerAttempt, result: RingResult, parts: ExchangeParts): void {
  if (result.kind === 'rejected') parts.probes.called(placeId, result.status)
  else if (result.kind === 'no-answer' && attempt.ringingAt === null) parts.probes.called(placeId, null)
}

function nextUri(
  result: RingResult,
  redirections: Redirections | null,
  isAllowed: (uri: string) => boolean,
): string | null {
  if (!redirections || result.kind !== 'rejected') return null
  if (result.status < 400) redirections.learn(result.response?.get('Contact'))
  let next = redirections.next()
  while (next !== null && !isAllowed(next)) next = redirections.next()
  return next
}

/** Of our carriers a trunk's own may have the same number called elsewhere within it; nobody has us call another one there. */
function mayFollow(uri: string, { trunkId, target }: Invitation, { trunks }: ExchangeParts): boolean {
  return trunkId === undefined ? !trunks.isCarrier(uri) : numberOfUri(uri) === target.uri
}

async function ringTarget(
  call: Call,
  attempt: BuyerAttempt,
  invitation: Invitation,
  deadlineMs: number,
  parts: ExchangeParts,
): ReturnType<typeof ring> {
  const sdp = await offerToBuyer(call, attempt.award, invitation, parts)
  if (call.ringback) call.ringback.play()
  else if (call.isApart) await letHear(call)
  const timeLeftMs = deadlineMs - parts.clock.monotonicMs()
  // One after the other: an 18x without SDP would overtake one whose SDP the engine is still looking at.
  let progressing = Promise.resolve()
  const options = {
    ...invitation,
    sdp,
    ringTimeoutMs: Math.max(0, Math.min(invitation.target.ringTimeout * 1000, timeLeftMs)),
    // While another trunk may be tried, one that says nothing at all does not get the whole ring timeout.
    ...(invitation.otherTrunks?.length && { silenceMs: parts.limits.trunkSilenceMs }),
    gone: call.gone,
    goneReason: () => call.caller.cancelReason,
    onInvite: (sipCallId: string) => {
      // One that had to say its password goes out twice.
      if (!attempt.sipCallIds.includes(sipCallId)) attempt.sipCallIds.push(sipCallId)
    },
    onSent: (sipCallId: string) => sent(call, attempt, sipCallId, parts),
    onEarlyOffer: (offer: string) => answerEarly(call, offer),
    onProgress: (status: number, buyerSdp: string | null) => {
      progressing = progressing.then(() => progress(call, attempt, status, buyerSdp, parts))
    },
  }
  return invitation.ways ? ringWays(parts.signaling, invitation.ways, options) : ring(parts.signaling, options)
}

/** An agent who did not take the call is gone, with its port: the early media of whoever is rung now is heard again. */
async function letHear(call: Call): Promise<void> {
  try {
    await call.media!.tools?.apart(false)
    call.isApart = false
  } catch {
    // Not every engine can while it rings somebody: then they are joined when that one has answered.
  }
}

/** The INVITE is out: now there is time to name a reason for every bid that was not in it, and soon to write the call down. */
function sent(call: Call, attempt: BuyerAttempt, sipCallId: string, parts: ExchangeParts): void {
  attempt.sipCallId = sipCallId
  if (call.attempts.length === 1) {
    parts.telemetry.addedPdd.observe((parts.clock.monotonicMs() - call.setupFromMonotonicMs) / 1000)
    setImmediate(() => explain(call, parts))
  }
  writeRingingSoon(call, attempt, parts)
  call.note('invited', `rank ${attempt.award.rank}`)
  parts.announcements.routed(call, attempt.award)
}

function explain(call: Call, parts: ExchangeParts): void {
  if (!call.auction || !call.auctionRequest) return
  call.auction = parts.routing.explain(call.auctionRequest, call.auction)
  parts.announcements.auctioned(call, call.auction)
}

/** What the engine makes of what a buyer says before its 200, whose answer waits for all of it. */
function answerEarly(call: Call, sdp: string): Promise<string> {
  const answering = call.media!.answerFromBuyer(sdp)
  const all: Promise<void> = Promise.allSettled([call.earlyAnswers, answering]).then(() => {
    if (call.earlyAnswers === all) call.earlyAnswers = null
  })
  call.earlyAnswers = all
  return answering
}

async function progress(
  call: Call,
  attempt: BuyerAttempt,
  status: number,
  buyerSdp: string | null,
  parts: ExchangeParts,
): Promise<void> {
  attempt.ringingAt ??= new Date()
  call.ringingAt ??= attempt.ringingAt
  // Behind its 200, its refusal, or the next target's: what it says of the audio is no longer so.
  const isOver = (): boolean =>
    call.soldAttempt !== attempt || call.gone.aborted || attempt.answeredAt !== null || attempt.endedAt !== null
  if (isOver()) return
  call.state = 'ringing'
  let sdp: string | null = null
  if (buyerSdp !== null) {
    try {
      sdp = await answerEarly(call, buyerSdp)
    } catch {
      sdp = null // Early media we cannot use: the caller still hears that it rings; the 200 decides.
    }
  }
  if (isOver()) return
  // Who hears our own ringback is told nothing that might have its phone play another.
  if (call.ringback === null) {
    const heard = relayableStatus(status)
    const said = sdp === null && heard === 183 ? 180 : heard
    call.caller.ringing(said, progressPhrase(said), sdp)
  }
  parts.announcements.ringing(call, status)
}
