import type { Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import { Refusal } from '../model/refusal.ts'
import { accept } from './accept-call.ts'
import type { Bridge } from './bridge.ts'
import { asRefusal, mediaFor, openMedia } from './audio/call-media.ts'
import type { Round } from './bidders/round.ts'
import { rungTarget } from './bidders/rung-target.ts'
import type { Target } from '../model/trunk.ts'
import type { BuyerAttempt, Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import { ringAward } from './ring-award.ts'
import { startRingback } from './audio/ringback.ts'
import { relayableStatus } from './srf.ts'
import { stopsAt } from './stop-codes.ts'
import { take } from './take-award.ts'
import type { Taken } from './taken.ts'

/**
 * Rings each award in turn until one answers: takes its places and its hold, invites it, and gives both back before the
 * next is tried. Never rings anyone once the caller has gone. Returns the bridge of the first answer.
 */
export async function connect(call: Call, awards: readonly Award[], parts: ExchangeParts): Promise<Bridge> {
  if (!call.waiting) {
    await openMedia(call, awards, parts)
    call.caller.onEarlyOffer((offer) => call.media!.renew('caller', offer))
    if (call.facts!.number?.audio?.ringback) await startRingback(call)
  }
  try {
    return await ringInTurn(call, awards, parts)
  } catch (error) {
    // Out of ports for the next target, its thread died, or the caller's offer cannot be handed on: no bug of the call's.
    throw asRefusal(error as Error)
  }
}

async function ringInTurn(call: Call, awards: readonly Award[], parts: ExchangeParts): Promise<Bridge> {
  const deadlineMs = call.setupFromMonotonicMs + parts.limits.maxSetupMs
  for (const award of awards) {
    call.throwIfGone()
    if (parts.clock.monotonicMs() >= deadlineMs) break
    if (call.attempts.some(({ target }) => isSamePlace(target, rungTarget(call, award, parts)))) {
      call.lose(award, 'target_tried') // It has just not taken this call; the caller does not wait for it twice.
      continue
    }
    if (!(await mediaFor(call, award, parts))) {
      call.lose(award, 'media_unavailable')
      continue
    }
    call.throwIfGone()
    const taking = take(call, award, parts)
    const taken = taking instanceof Promise ? await taking : taking
    if (typeof taken === 'string') {
      call.lose(award, taken)
      continue
    }
    call.throwIfGone() // It may have hung up while the shared counters were asked.
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
    isBusy(last) ? reasonOf(call) : {},
  )
}

/** The last buyer's final status when it means something to the caller, else 480. */
function statusFor(last: BuyerAttempt): number {
  return isBusy(last) ? 486 : 480
}

function isBusy({ sipStatus }: BuyerAttempt): boolean {
  return sipStatus === 486 || sipStatus === 600
}

/** Where the caller hears the buyer's own status, it hears the buyer's cause too. */
function reasonOf({ lastCauses }: Call): Record<string, string> {
  return lastCauses === null ? {} : { Reason: lastCauses }
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
  const telling = call.round && tellBidder(call, call.round, award, deadlineMs, parts)
  const refused = telling && (await telling)
  if (refused !== null) return giveBack(refused)
  const rung = await ringAward(call, award, deadlineMs, parts)
  if (rung.kind === 'failed') {
    call.isMediaOffered = false
    giveBack(rung.code)
    const campaign = parts.directory.campaign(award.campaignId)
    if (!call.gone.aborted && stopsAt(rung.status, campaign, parts.policies.stopCodes))
      throw stopped(rung.status!, reasonOf(call))
    return null
  }
  const bridge = await accept(call, rung, parts)
  if (typeof bridge !== 'string') {
    call.round?.over()
    return bridge
  }
  call.isMediaOffered = false
  rung.attempt.endedAt = new Date()
  return giveBack(bridge)
}

/** Tells a bidder that it has won, and offers it the call itself where it wants that. Null: it may be rung; else why not. */
async function tellBidder(
  call: Call,
  round: Round,
  award: Award,
  deadlineMs: number,
  { bidders }: ExchangeParts,
): Promise<NonBidCode | null> {
  if (!round.offers.has(award.bidId) || !bidders) return null
  const { ani, number } = call.facts!
  const posting = bidders.post(round, award, { callId: call.id, caller: ani, deadlineMs, gone: call.gone })
  if (posting) {
    const refused = await posting
    call.note('posted', `rank ${award.rank}: ${refused ?? 'taken'}`)
    if (refused !== null) return refused
    if (call.gone.aborted) return 'not_reached'
  }
  if (round.won(award)) call.releases.push(bidders.sold(award, call.id, ani, number!.number))
  return null
}

function isSamePlace(rung: Target, next: Target | undefined): boolean {
  return rung.id === next?.id && rung.uri === next.uri
}

/** The buyer's own word is the last one: no other award is rung, and the caller hears it. */
function stopped(status: number, headers: Record<string, string>): Refusal {
  return new Refusal('stop_code', `the buyer’s ${status} ends the call`, relayableStatus(status), headers)
}
