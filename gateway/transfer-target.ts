import { numberOfUri } from '../model/phone-number.ts'
import type { Target } from '../model/trunk.ts'
import { isAmong, readForeignUri } from './allowed-hosts.ts'
import { headersTo, wayToNumber, type Invitation } from './invitation.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import type { Referral } from './referral.ts'
import { parseUri, serializeUri } from './sip-server/uri.ts'

/**
 * Where a transfer leads, or null when it must not: on our account nobody calls the world. A SIP URI within the host of the target
 * that took the call, or one the operator allows, is called as it is; a number that begins as the operator allows, written as tel:
 * or at our own address, goes out by a trunk.
 */
export function transferTarget(
  referral: Referral,
  target: Target,
  ownHost: string,
  call: Call,
  parts: ExchangeParts,
): Invitation | null {
  const { uri } = referral
  const { transferHosts, transferNumbers } = parts.policies
  const targetHost = parseUri(target.uri)?.host // None where the target is a number: the trunk's host is nobody's to dial.
  const text = serializeUri(uri)
  const isTel = uri.scheme === 'tel'
  if (!isTel && isAmong(uri.host, targetHost ? [targetHost, ...transferHosts] : transferHosts)) {
    if (!readForeignUri(text)) return null
    return withReferral({ target, uri: text, placeId: target.id, headers: headersTo(text, call, parts) }, referral)
  }
  if (!isTel && uri.host !== ownHost && uri.host !== 'localhost') return null
  const number = numberOfUri(text)
  if (!number || !transferNumbers.some((beginning) => number.startsWith(beginning))) return null
  const invitation = wayToNumber(target, number, call, parts)
  return invitation && withReferral(invitation, referral)
}

function withReferral(invitation: Invitation, { replaces, referredBy }: Referral): Invitation {
  const headers = { ...invitation.headers }
  if (replaces) Object.assign(headers, { Replaces: replaces, Require: 'replaces' })
  if (referredBy) headers['Referred-By'] = referredBy
  return { ...invitation, headers }
}
