import type { CallId } from '../../model/ids.ts'
import { Refusal } from '../../model/refusal.ts'
import { readReplaces } from '../transfers/replaces.ts'
import type { Call } from '../live-call.ts'

/** RFC 3261 §8.1.1.6: what a request without Max-Forwards is taken to have. */
const DEFAULT_HOPS = 70

/** How many hops the INVITE to a buyer may still take: one less than the caller's, since a B2BUA is one, too. */
export function hopsLeft(maxForwards: string | undefined): number {
  const hops = Number.parseInt(maxForwards ?? '', 10)
  return (Number.isNaN(hops) ? DEFAULT_HOPS : hops) - 1
}

/** Refuses a call that has come too far (483), and one of ours that has come back while it is still up (482). */
export function refuseLoops(call: Call, liveCalls: { has(id: CallId): boolean }): void {
  if (hopsLeft(call.caller.header('Max-Forwards')) < 0) throw new Refusal('too_many_hops', 'Max-Forwards is used up')
  const origin = call.caller.header('X-DCE-Call-ID')?.trim()
  if (origin && liveCalls.has(origin as CallId)) throw new Refusal('loop', 'a call of ours has come back')
}

/** An INVITE that is to replace a dialog is no new call to be sold. This one names none of ours: 481, or 400 when nobody could read it (RFC 3891 §3). */
export function refuseReplacing(call: Call): void {
  const replaces = call.caller.header('Replaces')
  if (replaces === undefined) return
  if (call.caller.header('Join') !== undefined || readReplaces(replaces) === null)
    throw new Refusal('malformed', 'Replaces with Join, more than one of them, or none that can be read')
  throw new Refusal('no_such_dialog', 'there is no dialog to be replaced by this call')
}
