import type { DialogState } from '../model/cdr.ts'
import { recordOf } from './cdr.ts'
import type { BuyerAttempt, Call } from './live-call.ts'
import { auctionToWrite, forgetInputs } from './losers.ts'
import type { ExchangeParts } from './parts.ts'

/**
 * What is being rung is written down after so long, ms: many a buyer has answered by then, and the sale says it all. A restart after a
 * crash knows nothing of a call that began to ring within it.
 */
export const RINGING_WRITE_MS = 100

/** Both dialogs of an answered call: enough for a BYE each. The caller's is null while only the buyer has been answered; one we answered first has its own all along. */
export interface BridgedDialogs {
  readonly caller: DialogState | null
  readonly buyer: DialogState
}

/** Writes the award down while it is rung, and with both dialogs once it is answered: what a restart after a crash goes by. */
export async function writeSold(call: Call, dialogs: BridgedDialogs | null, parts: ExchangeParts): Promise<void> {
  forgetRinging(call)
  const { sold, takenAward } = call
  if (!sold || !takenAward) return
  const events = call.events.splice(0)
  const writing = parts.writer.write({
    kind: 'sold',
    // Until its announcement is over nobody pays, a restart's settlement included.
    call: call.isJoined ? recordOf(call) : { ...recordOf(call), answeredAt: null, aliveAt: null },
    auction: auctionToWrite(call),
    hold: takenAward.hold,
    terms: sold,
    callerDialog: dialogs?.caller ?? (call.waiting ? call.caller.state() : null),
    buyerDialog: dialogs?.buyer ?? null,
    events,
  })
  try {
    await writing
    forgetInputs(call)
  } catch (error) {
    call.auctionWritten = null // The next record brings it again.
    call.events.unshift(...events)
    throw error
  }
}

/**
 * Lets a restart find a call that nobody has answered yet, unless more is written of it before: its answer waits for its own
 * writing, which this must not follow.
 */
export function writeRingingSoon(call: Call, attempt: BuyerAttempt, parts: ExchangeParts): void {
  forgetRinging(call) // Of an earlier attempt.
  call.ringingWrite = setTimeout(() => {
    call.ringingWrite = null
    if (call.soldAttempt === attempt && call.state !== 'answered') void writeSold(call, null, parts).catch(() => {})
  }, RINGING_WRITE_MS)
}

/** What is written of the call now says more than that it is being rung. */
export function forgetRinging(call: Call): void {
  if (call.ringingWrite) clearTimeout(call.ringingWrite)
  call.ringingWrite = null
}

/** Has what was announced of a call published though nothing else is to be written of it for a while. */
export function writeEvents(call: Call, { writer }: ExchangeParts): void {
  const events = call.events.splice(0)
  if (events.length === 0) return
  writer.write({ kind: 'events', callId: call.id, events }).catch(() => void call.events.unshift(...events))
}
