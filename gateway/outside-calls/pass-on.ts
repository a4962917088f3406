import { hopsLeft } from '../headers/hops.ts'
import { RequestRefused } from './request-refused.ts'
import { FLOW_FAILED } from '../invitation/ring-ways.ts'
import { parseUri } from '../sip-server/uri.ts'
import { relayableStatus } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import type { Way } from '../invitation/ways.ts'
import { whoAsks, type Asker, type AskingParts } from './who-asks.ts'

/** A request outside calls that is to reach the phones of one of our users. */
export interface Admitted {
  readonly asker: Asker
  /** As for calls: groups to be tried one after the other. Empty: nobody is registered. */
  readonly groups: readonly (readonly Way[])[]
  /** Who asks whom, and how far it may still go. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Whether a request outside calls may be passed on, and where to: from a customer of ours to a user of the same customer, and to
 * nobody else. Throws RequestRefused. One who is somebody else's sounds like one who is not: nobody finds out who is here.
 */
export function admit(req: SipRequest, parts: AskingParts): Admitted {
  const asker = whoAsks(req, parts)
  const hops = hopsLeft(req.get('Max-Forwards'))
  if (hops < 0) throw new RequestRefused(483, 'Too Many Hops')
  const { registrar, ownHosts } = parts
  const to = parseUri(req.uri)
  // A phone's own address of record shows under which name it knows us.
  const isOurs = to !== null && to.scheme !== 'tel' && (ownHosts.has(to, req) || asker.address?.host === to.host)
  const owner = isOurs ? registrar.ownerOf(to.user) : null
  if (to === null || owner === null || !asker.accountIds.includes(owner)) throw new RequestRefused(404, 'Not Found')
  return {
    asker,
    groups: registrar.waysToUser(to.user, owner, to.params.get('gr')),
    headers: { ...asker.identity, To: `<${req.uri}>`, 'Max-Forwards': String(hops) },
  }
}

/** Sends a request to one device: by its other way when the first is gone (RFC 5626 §5.3). Null: it could not be sent. */
export async function sendTo(way: Way, send: (way: Way) => Promise<SipResponse>): Promise<SipResponse | null> {
  const answer = await send(way).catch(() => null)
  const isFlowGone = answer === null || FLOW_FAILED.has(answer.status)
  return isFlowGone && way.fallback ? sendTo(way.fallback, send) : answer
}

/**
 * What the sender hears of a phone's answer: one that is not there, does not answer or sends us elsewhere is unavailable, and its
 * passwords are none of the sender's business.
 */
export function heardStatus(answer: SipResponse | null): number {
  const status = answer?.status ?? 480
  if (status === 401 || status === 407) return 403
  if ((status >= 300 && status < 400) || status === 408 || status === 430 || status === 503) return 480
  return relayableStatus(status)
}

/** The better of two answers to one request (RFC 3261 §16.7 step 6): success, then 6xx, then the lowest class. */
export function better(a: SipResponse | null, b: SipResponse | null): SipResponse | null {
  return rankOf(b) < rankOf(a) ? b : a
}

function rankOf(answer: SipResponse | null): number {
  if (answer === null) return 1000
  if (answer.status >= 600) return 300
  return answer.status === 503 || answer.status === 408 ? answer.status + 300 : answer.status
}
