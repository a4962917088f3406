import type { Log } from '../../config/logger.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import { answerOptions } from '../in-dialog/answer-options.ts'
import { Messages } from './messages.ts'
import { RequestRefused } from './request-refused.ts'
import type { Schedule } from '../start/schedule.ts'
import { paramOf } from '../headers/sip-fields.ts'
import type { Signaling } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import { Subscriptions } from './subscriptions.ts'
import { answerUnsolicitedNotify } from './unsolicited-notify.ts'
import type { AskingParts } from './who-asks.ts'

/** When a peer may try again that asked before we knew our customers. */
export const START_RETRY_AFTER_S = 2
/** The same while we drain: another process may be up by then. */
const DRAIN_RETRY_AFTER_S = 30

interface OutsideParts extends AskingParts {
  readonly signaling: Signaling
  readonly telemetry: Telemetry
  readonly log: Log['logger']
  readonly schedule: Schedule
  readonly draining: () => boolean
  /** Whether all that is known of trunks and users has been read. */
  readonly isLoaded: () => boolean
}

type Take = (req: SipRequest, res: SipResponse) => void | Promise<void>

/** Answers all that is asked outside calls: REGISTER, OPTIONS, what customers' phones say to each other, and the REFER we do not follow. */
export function serveOutsideCalls(parts: OutsideParts): Subscriptions {
  const { signaling, registrar, schedule, telemetry, isLoaded, draining } = parts
  signaling.on('register', (req, res) => {
    const { status, reason, headers } = isLoaded()
      ? registrar.register(req)
      : { status: 503, reason: undefined, headers: { 'Retry-After': String(START_RETRY_AFTER_S) } }
    telemetry.registers.inc({ status: String(status) })
    res.send(status, reason, { headers })
  })
  signaling.on('options', (_req, res) => answerOptions(res, isLoaded() && !draining()))

  const messages = new Messages(signaling, parts, schedule)
  const subscriptions = new Subscriptions(signaling, parts, schedule)
  const serve = (method: 'message' | 'subscribe' | 'notify' | 'refer', take: Take): void =>
    signaling.on(method, (req, res) => void answer(req, res, take, parts))
  serve('message', (req, res) => messages.take(req, res))
  serve('subscribe', (req, res) => subscriptions.subscribe(req, res))
  serve('notify', (req, res) =>
    isNew(req) ? answerUnsolicitedNotify(req, res, registrar) : subscriptions.notify(req, res),
  )
  serve('refer', () => {
    // We would call whomever anybody names, at our own expense.
    throw new RequestRefused(403, 'REFER Is For Calls')
  })
  return subscriptions
}

async function answer(req: SipRequest, res: SipResponse, take: Take, parts: OutsideParts): Promise<void> {
  const { method } = req
  try {
    if (isNew(req)) refuseForNow(parts)
    await take(req, res)
  } catch (error) {
    if (!(error instanceof RequestRefused)) parts.log.error({ method, error }, 'a request outside calls failed')
    if (res.finalResponseSent) return
    if (error instanceof RequestRefused) res.send(error.status, error.message, { headers: { ...error.headers } })
    else res.send(500)
  } finally {
    parts.telemetry.outsideRequests.inc({ method, status: String(res.status) })
  }
}

function isNew(req: SipRequest): boolean {
  return paramOf(req.get('To') ?? '', 'tag') === ''
}

function refuseForNow({ isLoaded, draining }: OutsideParts): void {
  const waitS = isLoaded() ? DRAIN_RETRY_AFTER_S : START_RETRY_AFTER_S
  if (!isLoaded() || draining()) throw new RequestRefused(503, 'Service Unavailable', { 'Retry-After': String(waitS) })
}
