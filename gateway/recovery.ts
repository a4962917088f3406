import { saleByConversion } from '../accounts/conversion.ts'
import { settle } from '../accounts/settlement.ts'
import type { Logger } from '../config/logger.ts'
import type { CallRecord, DialogState } from '../model/cdr.ts'
import { newId, type AccountId } from '../model/ids.ts'
import { eventsOfEnd } from './announcements.ts'
import type { AuditRecord, Billed, OpenCall, RecordWriter, RecoveryStore } from './needs.ts'
import { inputsOfRecord } from './screening/screening-inputs.ts'
import type { Signaling } from './srf.ts'

/** Above any CSeq the lost process can have used in the dialog (RFC 3261 §12.2.1.1: it must only grow). */
const CSEQ_BEYOND = 10_000

/** How long a side may take to answer its BYE before we go on without it. */
const BYE_WAIT_MS = 5000

/** What it was billed; null: it was no sale. `keep`: it was sold by conversion, and its funds stay held. */
type OnClosed = (open: OpenCall, end: 'done' | 'keep', billed: Billed | null) => void

/**
 * Closes what the last process left open, once: each call ends at its last mark, is billed if that reaches
 * `billable_after` and else voided, and is written down as `interrupted`. Runs before the first call is taken.
 * `onClosed` hears of each. Returns the calls whose legs may still be up: `hangUpLegs` says BYE to them once SIP is connected.
 */
export async function closeInterrupted(
  store: RecoveryStore,
  writer: RecordWriter,
  operatorId: AccountId,
  log: Logger,
  onClosed: OnClosed = () => {},
): Promise<readonly OpenCall[]> {
  const open = await store.openCalls()
  await Promise.all(open.map(async (one) => onClosed(one, ...(await closeOne(one, writer, operatorId)))))
  if (open.length > 0) log.warn({ calls: open.length }, 'closed the calls the last run left open')
  return open
}

/** Answers with how its claim on shared counters ends, and with what; null when it was no sale. */
async function closeOne(
  open: OpenCall,
  writer: RecordWriter,
  operatorId: AccountId,
): Promise<['done' | 'keep', Billed | null]> {
  const { sale } = open
  // Another award was ringing, or its agent was being asked: what an earlier one wrote as its answer, and took back when it hung up
  // at once, is nobody's sale.
  const call = open.isSold ? open.call : { ...open.call, answeredAt: null, aliveAt: null }
  const endedAt = call.aliveAt ?? call.answeredAt ?? call.ringingAt ?? call.receivedAt
  const durationMs = call.answeredAt ? Math.max(0, endedAt.getTime() - call.answeredAt.getTime()) : 0
  const settlement =
    call.answeredAt && sale
      ? settle({ terms: sale.terms, durationMs, endedAt, postingId: newId(), callId: call.id, operatorId })
      : null
  const { minutes = null } = settlement ?? {}
  const record: CallRecord = {
    ...call,
    state: 'ended',
    outcome: 'interrupted',
    endReason: 'interrupted',
    hungUpBy: 'exchange',
    endedAt,
    legs: call.legs.map((leg) => ({
      ...leg,
      endedAt: leg.endedAt ?? endedAt,
      ...(minutes && leg.awardId === sale!.terms.awardId && { minutes }),
    })),
    durationMs,
    billableMs: settlement?.billableMs ?? 0,
    priceMicros: settlement?.priceMicros ?? 0n,
    payoutMicros: settlement?.payoutMicros ?? 0n,
  }
  const posting = settlement?.posting ?? null
  const conversion = settlement?.billable
    ? saleByConversion(sale!.terms, sale!.hold, endedAt, settlement.billableMs)
    : null
  const events = eventsOfEnd(record, posting)
  await writer.write({
    kind: 'ended',
    call: record,
    auction: null,
    audit: auditOf(record),
    posting,
    conversion,
    events,
  })
  if (!settlement) return ['done', null]
  const priceMicros = Number(conversion ? sale!.terms.expectedMicros : settlement.priceMicros)
  const fundsMicros = Number(conversion ? sale!.hold.amountMicros : settlement.priceMicros)
  return [conversion ? 'keep' : 'done', { priceMicros, fundsMicros }]
}

/** The line that the lost process had not written yet: that is done when a call ends. Null: it was not screened. */
function auditOf(call: CallRecord): AuditRecord | null {
  const { id: callId, ani: number, receivedAt: at, checks } = call
  const inputs = inputsOfRecord(call)
  return checks.length > 0 && inputs ? { callId, number, at, inputs, checks } : null
}

/** Says BYE on both legs of each interrupted call, from the dialogs written down before the answer. */
export async function hangUpLegs(
  open: readonly Pick<OpenCall, 'callerDialog' | 'buyerDialog'>[],
  signaling: Signaling,
  log: Logger,
): Promise<void> {
  const dialogs = open.flatMap((one) => [one.callerDialog, one.buyerDialog]).filter((dialog) => dialog !== null)
  // Two calls that were joined name the same two dialogs.
  const once = new Map(dialogs.map((dialog) => [`${dialog.callId} ${dialog.localTag}`, dialog])).values()
  await Promise.all(
    [...once].map(async (dialog) => {
      try {
        const status = await Promise.race([sayBye(dialog, signaling), timeout(BYE_WAIT_MS)])
        log.info({ sipCallId: dialog.callId, status }, 'said BYE to a leg of an interrupted call')
      } catch (error) {
        log.warn({ sipCallId: dialog.callId, error }, 'could not say BYE to a leg of an interrupted call')
      }
    }),
  )
}

function sayBye(dialog: DialogState, signaling: Signaling): Promise<number> {
  const [nextHop] = dialog.routeSet
  const headers: Record<string, string> = {
    'Call-ID': dialog.callId,
    From: `<${dialog.localUri}>;tag=${dialog.localTag}`,
    To: `<${dialog.remoteUri}>;tag=${dialog.remoteTag}`,
    CSeq: `${dialog.localCSeq + CSEQ_BEYOND} BYE`,
    Reason: 'SIP;cause=503;text="interrupted"',
  }
  if (dialog.routeSet.length > 0) headers['Route'] = dialog.routeSet.map((uri) => `<${uri}>`).join(', ')
  return signaling.request(dialog.remoteTarget, { method: 'BYE', headers, ...(nextHop && { proxy: nextHop }) })
}

function timeout(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms).unref())
}
