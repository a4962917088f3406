import type { BuyerLeg } from './buyer-leg.ts'
import { recordOf } from './cdr.ts'
import type { Call } from './live-call.ts'
import { auctionToWrite } from './losers.ts'
import type { ExchangeParts } from './parts.ts'

/** Writes the award down while it is rung, and with both dialogs once it is answered: what a restart after a crash goes by. */
export async function writeSold(call: Call, buyer: BuyerLeg | null, parts: ExchangeParts): Promise<void> {
  const { sold, takenAward } = call
  if (!sold || !takenAward) return
  const writing = parts.writer.write({
    kind: 'sold',
    call: recordOf(call),
    auction: auctionToWrite(call),
    hold: takenAward.hold,
    terms: sold,
    callerDialog: buyer ? call.caller.state() : null,
    buyerDialog: buyer ? buyer.state() : null,
  })
  try {
    await writing
  } catch (error) {
    call.auctionWritten = null // The next record brings it again.
    throw error
  }
}
