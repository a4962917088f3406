import { ALLOW_EVENTS, isPassed, KEEP_ALIVE, packageOf } from './event-packages.ts'
import { uriOf } from '../headers/sip-fields.ts'
import { RequestRefused } from './request-refused.ts'
import type { Registrar } from '../registrar/registrar.ts'
import { parseUri } from '../sip-server/uri.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'

/**
 * Answers a NOTIFY that belongs to no dialog. Phones behind NAT send some to hold their way open: 200 where the phone is registered
 * from. Nobody else has anything to notify us of: 481, or 489 for an event nobody could have subscribed to (RFC 6665 §4.1.3).
 */
export function answerUnsolicitedNotify(req: SipRequest, res: SipResponse, registrar: Registrar): void {
  const event = packageOf(req.get('Event'))
  if (event !== KEEP_ALIVE && !isPassed(event)) throw new RequestRefused(489, 'Bad Event', ALLOW_EVENTS)
  const from = parseUri(uriOf(req.get('From') ?? ''))
  const isPhone =
    event === KEEP_ALIVE &&
    from !== null &&
    from.scheme !== 'tel' &&
    registrar.isRegisteredFrom(from.user, req.source_address, req.source_port)
  if (!isPhone) throw new RequestRefused(481, 'Subscription Does Not Exist')
  res.send(200)
}
