import { saleByConversion } from '../accounts/conversion.ts'
import { settle } from '../accounts/settlement.ts'
import { newId } from '../model/ids.ts'
import type { ConversionSale } from '../model/cdr.ts'
import type { Posting } from '../model/ledger.ts'
import { recordOf } from './cdr.ts'
import { auctionToWrite } from './losers.ts'
import { outcomesOf } from './quality/call-outcomes.ts'
import { countCall, countRefusal } from './quality/measure.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import { inputsOf } from './screening/screening-inputs.ts'
import { countQuality } from './quality/quality-metrics.ts'
import { forgetRinging } from './write-sold.ts'

/**
 * The end of every call, however it came: media closed, places given back, the sale settled (posted or voided), and the
 * CDR written with its posting in one piece. A call of no known trunk leaves only a count.
 */
export async function closeCall(call: Call, parts: ExchangeParts): Promise<void> {
  try {
    await close(call, parts)
  } finally {
    parts.liveCalls.remove(call) // Also after a bug of ours: else the drain would wait for it.
  }
}

async function close(call: Call, parts: ExchangeParts): Promise<void> {
  for (const release of call.releases.splice(0)) release()
  if (call.error) parts.log.error({ callId: call.id, error: call.error }, 'a call met a bug')
  if (call.facts && !call.countOnly) await writeDown(call, parts)
  else {
    countRefusal(parts.telemetry, call)
    if (call.facts) parts.refusalCounter.count(call.facts.trunk.id, call.endReason ?? 'overloaded', parts.clock.now())
  }
}

async function writeDown(call: Call, parts: ExchangeParts): Promise<void> {
  forgetRinging(call)
  await closeMedia(call)
  call.endedAt ??= new Date()
  const attempt = call.outcome === 'answered' ? call.soldAttempt : null
  // Also of a transfer that was still being rung.
  for (const leg of call.attempts) leg.endedAt ??= call.endedAt
  const { takenAward } = call
  const { posting, conversion } = settleSale(call, parts)
  call.soldAttempt = attempt
  call.state = 'ended'
  const record = recordOf(call)
  const auction = auctionToWrite(call)
  // In the same breath: whoever reads the call as ended finds it counted.
  countQuality(parts.telemetry, parts.quality, record, call.caller.transport)
  for (const outcome of outcomesOf(record)) parts.routing.learn(outcome)
  const tellEnd = parts.announcements.ended(call)
  try {
    await parts.writer.write({
      kind: 'ended',
      call: record,
      auction,
      audit:
        call.checks.length > 0
          ? { callId: call.id, number: record.ani, at: call.receivedAt, inputs: inputsOf(call), checks: call.checks }
          : null,
      posting,
      conversion,
      events: call.events.splice(0),
    })
    if (conversion) parts.conversions.written()
    takenAward?.reservation.written()
  } catch (error) {
    // The last resort: nothing else holds this call any more, so the log must.
    parts.log.fatal({ callId: call.id, error, cdr: record, posting }, 'a call record could not be written')
  }
  countCall(parts.telemetry, call)
  parts.callEnded?.(call)
  tellEnd()
  parts.log.info(
    {
      callId: call.id,
      outcome: call.outcome,
      endReason: call.endReason,
      sipStatus: record.sipStatus,
      durationMs: call.durationMs,
      hungUpBy: call.hungUpBy,
    },
    'call ended',
  )
}

async function closeMedia(call: Call): Promise<void> {
  if (!call.media) return
  try {
    const stats = await call.media.close()
    if (call.media.isDirect === true) return // Null in the record: nobody counted.
    const { caller, buyer } = call.transferredTo
    if (caller) caller.media = stats.caller
    else call.callerMedia = stats.caller
    const buyerLeg = buyer ?? call.soldAttempt
    if (buyerLeg) buyerLeg.media = stats.buyer
  } catch {
    // The engine is gone; the call's record does not wait for its figures.
  }
}

/** An answered call whose sides have heard each other, and whose caller is known to have been there: by its ACK, or by its BYE. */
function isSale({ outcome, endReason, bridge, isJoined }: Call): boolean {
  return outcome === 'answered' && isJoined && (bridge?.isAcknowledged === true || endReason === 'caller_hung_up')
}

/** Posts, voids or keeps the hold of the answered award and frees its places; nulls when nothing is owed, now or later. */
function settleSale(call: Call, parts: ExchangeParts): { posting: Posting | null; conversion: ConversionSale | null } {
  const { takenAward, sold } = call
  const nothing = { posting: null, conversion: null }
  if (!takenAward || !sold) return nothing
  call.takenAward = null
  if (!isSale(call)) {
    takenAward.reservation.release()
    parts.balances.void(takenAward.hold)
    return nothing
  }
  const settlement = settle({
    terms: sold,
    durationMs: call.durationMs,
    endedAt: call.endedAt!,
    postingId: newId(),
    callId: call.id,
    operatorId: parts.operatorId,
  })
  call.billableMs = settlement.billableMs
  call.priceMicros = settlement.priceMicros
  call.payoutMicros = settlement.payoutMicros
  if (settlement.minutes && call.soldAttempt) call.soldAttempt.minutes = settlement.minutes
  const conversion = settlement.billable
    ? saleByConversion(sold, takenAward.hold, call.endedAt!, settlement.billableMs)
    : null
  // What it may bring counts against the budget as it did in the auction: by what was to be expected.
  takenAward.reservation.settle(
    conversion ? sold.expectedMicros! : settlement.priceMicros,
    conversion ? takenAward.hold.amountMicros : null,
  )
  if (conversion) {
    parts.conversions.keep(conversion)
    return { posting: null, conversion }
  }
  if (!settlement.posting) {
    parts.balances.void(takenAward.hold)
    return nothing
  }
  parts.balances.post(takenAward.hold, settlement.posting)
  parts.telemetry.postings.inc({ kind: 'call' })
  parts.announcements.posted(call, settlement.posting, settlement.priceMicros)
  return { posting: settlement.posting, conversion: null }
}
