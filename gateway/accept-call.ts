import { MediaUnavailable, UnacceptableMedia } from '../media/media-server.ts'
import { Refusal } from '../model/refusal.ts'
import { Bridge } from './bridge.ts'
import type { Call } from './live-call.ts'
import { Parties } from './parties.ts'
import type { ExchangeParts } from './parts.ts'
import { recordCall } from './record-call.ts'
import type { AwardResult } from './ring-award.ts'
import { Transfers } from './transfers.ts'
import { writeSold } from './write-sold.ts'

/** From the buyer's 200 to ours: the media joined, the sale durable, and only then the caller answered. */
export async function accept(
  call: Call,
  { attempt, leg: buyer, sdp, answeredMonotonicMs }: Extract<AwardResult, { kind: 'answered' }>,
  parts: ExchangeParts,
): Promise<Bridge | null> {
  let answer: string
  try {
    answer = await call.media!.answerFromBuyer(sdp)
  } catch (error) {
    void buyer.hangUp()
    if (error instanceof UnacceptableMedia) return null
    if (error instanceof MediaUnavailable) throw new Refusal('media_failed', error.message)
    throw error
  }
  call.answeredAt = attempt.answeredAt
  call.aliveAt = attempt.answeredAt
  call.answeredMonotonicMs = answeredMonotonicMs
  call.state = 'answered'
  try {
    await writeSold(call, { caller: call.caller.state(), buyer: buyer.state() }, parts)
  } catch (error) {
    void buyer.hangUp()
    forgetAnswer(call)
    throw new Refusal('storage_unavailable', `the sale could not be written down: ${(error as Error).message}`)
  }
  if (call.gone.aborted) {
    void buyer.hangUp()
    forgetAnswer(call)
    call.throwIfGone()
  }
  if (!buyer.dialog.connected) {
    forgetAnswer(call)
    return null // Answered and hung up before the caller could be told.
  }
  if (!(await call.caller.accept(answer))) {
    void buyer.hangUp()
    forgetAnswer(call)
    throw new Refusal('cancelled', 'the caller gave up as the buyer answered')
  }
  call.note('answered', `rank ${attempt.award.rank}`)
  parts.announcements.answered(call, attempt.award)
  call.bridge = new Bridge({
    caller: call.caller,
    buyer,
    media: call.media!,
    maxDurationMs: parts.limits.maxCallDurationMs,
    sessionExpiresS: parts.policies.sessionExpiresS,
    monotonicMs: () => parts.clock.monotonicMs(),
  })
  if (parts.policies.transfers !== 'off') new Transfers(partiesOf(call, call.bridge, parts), parts).listen()
  if (parts.policies.recordsCalls) void recordCall(call, parts)
  // Asked for while the 200 was on its way.
  if (call.abandoned) call.bridge.hangUp(call.abandoned.why, call.abandoned.by)
  return call.bridge
}

function partiesOf(call: Call, bridge: Bridge, parts: ExchangeParts): Parties {
  return new Parties({
    call,
    bridge,
    register: parts.ownDialogs,
    isBuyerKnownByAddress: parts.registrar.usernameIn(call.soldAttempt!.target.uri) === null,
    // The sale is written down already.
    write: (dialogs) => void writeSold(call, dialogs, parts).catch(() => {}),
  })
}

function forgetAnswer(call: Call): void {
  call.answeredAt = null
  call.aliveAt = null
  call.answeredMonotonicMs = null
  call.state = 'ringing'
}
