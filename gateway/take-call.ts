import type { CallId } from '../model/ids.ts'
import { newId } from '../model/ids.ts'
import { handleCall, type CallSteps } from './call.ts'
import { CallerLeg } from './caller-leg.ts'
import { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import type { SipRequest, SipResponse } from './srf/srf-types.ts'
import { paramOf } from './headers/sip-fields.ts'
import { takeOver } from './transfers/take-over.ts'

/** Nearly no INVITE shown to us has any: the rest is read only then. */
const TAG = /;\s*tag\s*=/i

/** An INVITE becomes a call, which is live from here until its record is written; or somebody's place in one. Returns at once. */
export function takeCall(req: SipRequest, res: SipResponse, exchange: CallSteps, parts: ExchangeParts): void {
  if (takeOver(req, res, parts)) return
  // A re-INVITE that has crossed our BYE: drachtio-srf no longer knows its dialog, and shows it as if it were new (RFC 3261 §12.2.2).
  const to = req.get('To') ?? ''
  if (TAG.test(to) && paramOf(to, 'tag')) return res.send(481)
  const call = new Call({
    id: newId<CallId>(),
    caller: new CallerLeg(parts.signaling, req, res, parts.policies),
    receivedAt: new Date(),
    monotonicMs: () => parts.clock.monotonicMs(),
  })
  parts.liveCalls.add(call)
  handleCall(call, exchange).catch((error: unknown) => parts.log.fatal({ callId: call.id, error }, 'a call was lost'))
}
