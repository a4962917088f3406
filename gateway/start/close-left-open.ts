import type { Logger } from '../../config/logger.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Monitoring } from '../monitoring/monitoring.ts'
import type { RecordWriter, RecoveryStore } from '../needs.ts'
import { closeInterrupted, hangUpLegs } from '../recovery.ts'
import type { SharedReservations } from '../reserving/shared-reservations.ts'
import type { Signaling } from '../srf.ts'

/**
 * Ends the calls, and the supervisors' listening, that the last process left open: closed in the records when it resolves, with a BYE to each
 * side that may still be up under way.
 */
export async function closeLeftOpen(
  storage: { readonly recovery: RecoveryStore; readonly writer: RecordWriter },
  parts: {
    readonly sharing: SharedReservations | null
    readonly monitoring: Pick<Monitoring, 'closeInterrupted'>
    readonly signaling: Signaling
    readonly operatorId: AccountId
    readonly log: Logger
  },
): Promise<{ readonly saidBye: Promise<void> }> {
  const { sharing, monitoring, signaling, operatorId, log } = parts
  const closed: Parameters<typeof closeInterrupted>[4] = (...closing) => sharing?.closed(...closing)
  const interrupted = await closeInterrupted(storage.recovery, storage.writer, operatorId, log, closed)
  const supervisors = (await monitoring.closeInterrupted()).map(({ dialog }) => ({
    callerDialog: null,
    buyerDialog: dialog,
  }))
  return { saidBye: hangUpLegs([...interrupted, ...supervisors], signaling, log) }
}
