import { numberOfUri } from '../../model/phone-number.ts'
import type { Target } from '../../model/trunk.ts'
import { isAmong, readForeignUri } from '../headers/allowed-hosts.ts'
import { headersTo, wayToNumber, type Invitation } from '../invitation/invitation.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import type { Referral } from './referral.ts'
import { writeReplaces } from './replaces.ts'
import { parseUri, serializeUri } from '../sip-server/uri.ts'

/**
 * Where a transfer leads, or the status to refuse it with: on our account nobody calls the world. A colleague, which is a user of
 * the same buyer at our own address or in our realm, is rung wherever registered. A SIP URI within the host of the target that took
 * the call, or one the operator allows, is called as it is; a number that begins as the operator allows, written as tel: or at our
 * own address, goes out by a trunk: but not to replace a dialog, which no number has.
 */
export function transferTarget(
  referral: Referral,
  target: Target,
  ownHost: string,
  call: Call,
  parts: ExchangeParts,
): Invitation | number {
  const { uri } = referral
  const { transferHosts, transferNumbers } = parts.policies
  const targetHost = parseUri(target.uri)?.host // None where the target is a number: the trunk's host is nobody's to dial.
  const text = serializeUri(uri)
  const isTel = uri.scheme === 'tel'
  const isOurRealm = parts.registrar.usernameIn(text) !== null
  const isOurs = isOurRealm || uri.host === ownHost || uri.host === 'localhost'
  const direct = (): Invitation => ({
    target,
    uri: text,
    placeId: target.id,
    headers: headersTo(target, text, call, parts),
  })
  if (!isTel && isOurs && parts.registrar.ownerOf(uri.user) === target.accountId) {
    const ways = parts.registrar.waysToUser(uri.user, target.accountId, uri.params.get('gr'))
    return ways.length === 0 ? 480 : withReferral({ ...direct(), ways }, referral)
  }
  if (!isTel && !isOurRealm && isAmong(uri.host, targetHost ? [targetHost, ...transferHosts] : transferHosts)) {
    const mayRing = readForeignUri(text) && !parts.trunks.isCarrier(text)
    return mayRing ? withReferral(direct(), referral) : 403
  }
  if ((!isTel && !isOurs) || referral.replaces) return 403
  const number = numberOfUri(text)
  if (!number || !transferNumbers.some((beginning) => number.startsWith(beginning))) return 403
  const invitation = wayToNumber(target, number, call, parts)
  return invitation ? withReferral(invitation, referral) : 403
}

function withReferral(invitation: Invitation, { replaces, referredBy }: Referral): Invitation {
  const headers = { ...invitation.headers }
  if (replaces) Object.assign(headers, { Replaces: writeReplaces(replaces), Require: 'replaces' })
  if (referredBy) headers['Referred-By'] = referredBy
  return { ...invitation, headers }
}
