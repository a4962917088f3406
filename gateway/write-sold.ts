import type { BuyerLeg } from './buyer-leg.ts'
import { recordOf } from './cdr.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/** Writes the award down while it is rung, and with both dialogs once it is answered: what a restart after a crash goes by. */
export function writeSold(call: Call, buyer: BuyerLeg | null, parts: ExchangeParts): Promise<void> {
  const { sold, takenAward, auction } = call
  if (!sold || !takenAward || !auction) return Promise.resolve()
  return parts.writer.write({
    kind: 'sold',
    call: recordOf(call),
    auction: buyer ? null : auction, // Written when the INVITE went out.
    hold: takenAward.hold,
    terms: sold,
    callerDialog: buyer ? call.caller.state() : null,
    buyerDialog: buyer ? buyer.state() : null,
  })
}
