import { verstatOf } from '../../compliance/stir/verstat.ts'
import type { Award } from '../../model/auction.ts'
import type { TargetId, TrunkId } from '../../model/ids.ts'
import type { Target, Trunk } from '../../model/trunk.ts'
import { leadsToOneOf } from '../headers/allowed-hosts.ts'
import { historyHeaders } from './call-history.ts'
import { callerIdentity, identityHeaders, isWithheld } from '../identity/caller-identity.ts'
import { hopsLeft } from '../headers/hops.ts'
import { rungTarget } from '../bidders/rung-target.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { passedHeaders } from './pass-headers.ts'
import { sessionOffer } from '../in-dialog/session-timer.ts'
import { ABILITIES, ALLOWED } from '../headers/sip-methods.ts'
import { headerLines } from '../srf/srf-types.ts'
import { trunkParty } from '../identity/trunk-party.ts'
import type { Way } from './ways.ts'

/** One number is tried through so many trunks. */
const MAX_TRUNKS = 5

/** What the INVITE to a target says besides its SDP. */
export interface Invitation {
  readonly target: Target
  readonly uri: string
  /** Whose answering it shows: the target's, or the trunk's it goes through. */
  readonly placeId: TargetId | TrunkId
  /** The outbound trunk it goes through, if it does. */
  readonly trunkId?: TrunkId
  readonly headers: Record<string, string>
  /** Where an address of record is registered: groups rung one after the other. */
  readonly ways?: readonly (readonly Way[])[]
  readonly auth?: { username: string; password: string }
  /** Of a number: the trunks it is tried through when this one does not take the call. */
  readonly otherTrunks?: readonly Trunk[]
  /** It refused audio whose keys it might leave: it is offered keys that it must use. */
  readonly mustHaveKeys?: true
}

/**
 * What an award's INVITE says, and to whom. Null when the target's number has no outbound trunk to go through, when nobody is
 * registered at its address of record, or when it would have the house's carrier call at the house's expense.
 */
export function invitationOf(call: Call, award: Award, parts: ExchangeParts): Invitation | null {
  const target = rungTarget(call, award, parts)
  if (!target) return null
  const ways = parts.registrar.waysTo(target)
  if (ways?.length === 0) return null
  if (parts.trunks.isCarrier(target.uri)) return null // There before the trunk was.
  // How a place answers that a bidder has named for this call says nothing of its target.
  const placeId = call.round?.destinations.has(award.bidId) ? (award.id as unknown as TargetId) : target.id
  const direct = { target, uri: target.uri, placeId }
  if (ways) return { ...direct, headers: headersTo(target, target.uri, call, parts), ways }
  if (!target.uri.startsWith('+')) return { ...direct, headers: headersTo(target, target.uri, call, parts) }

  const [first, ...others] = parts.trunks.outboundInTurn(parts.isTrunkWorking).slice(0, MAX_TRUNKS)
  return first ? throughTrunk(target, target.uri, first, others, call, parts) : null
}

/** The same award through the next outbound trunk; null when there is none left. */
export function throughNextTrunk(
  { target, otherTrunks }: Invitation,
  call: Call,
  parts: ExchangeParts,
): Invitation | null {
  const [next, ...others] = otherTrunks ?? []
  return next ? throughTrunk(target, target.uri, next, others, call, parts) : null
}

/** A number other than the target's, where the target's call is passed on to; null when there is no outbound trunk. */
export function wayToNumber(target: Target, number: string, call: Call, parts: ExchangeParts): Invitation | null {
  const [first] = parts.trunks.outboundInTurn(parts.isTrunkWorking)
  return first ? throughTrunk(target, number, first, [], call, parts) : null
}

function throughTrunk(
  target: Target,
  number: string,
  { id, host, username, password }: Trunk,
  otherTrunks: readonly Trunk[],
  call: Call,
  parts: ExchangeParts,
): Invitation {
  const uri = `sip:${number}@${host};user=phone`
  const headers = { ...headersTo(target, uri, call, parts), ...trunkParty(id, parts.isSipServerOurs) }
  const invitation = { target, uri, placeId: id, trunkId: id, headers, otherTrunks }
  return username === null || password === null ? invitation : { ...invitation, auth: { username, password } }
}

/**
 * Towards the buyer: who is calling, as far as it may be told (RFC 3323, RFC 3325), our call's id, the carrier's Identity headers
 * as they came (RFC 8224) and our own beside them, one hop less, and whatever of the caller's headers and history the operator lets through.
 */
export function headersTo(
  { verstat }: Target,
  uri: string,
  call: Call,
  { policies, outgoingIdentity }: ExchangeParts,
): Record<string, string> {
  const { caller, signature } = call
  const { ani, dnis } = call.facts!
  const header = (name: string): string | undefined => caller.header(name)
  const identity = callerIdentity(ani, header)
  const isPrivate = isWithheld(identity)
  const isTrusted = leadsToOneOf(uri, policies.trustedHosts)
  const told = verstatOf(verstat ?? policies.verstat, signature && signature.result)
  const headers = identityHeaders(identity, isTrusted, told)
  headers['Max-Forwards'] = String(hopsLeft(header('Max-Forwards')))
  headers['X-DCE-Call-ID'] = call.id
  headers['Allow'] = ALLOWED
  headers['Supported'] = policies.sessionExpiresS === 0 ? '100rel, replaces' : ABILITIES.Supported
  Object.assign(headers, sessionOffer(policies.sessionExpiresS))
  // They name the number, too.
  if (!isPrivate || isTrusted) {
    const signed = caller.fields('Identity')
    const own = outgoingIdentity?.sign(call, uri) ?? null
    if (own !== null) signed.push(own)
    if (signed.length > 0) Object.assign(headers, headerLines('Identity', signed))
  }
  if (policies.passHeaders.length > 0) Object.assign(headers, passedHeaders(policies.passHeaders, caller))
  if (policies.historyInfo === 'off') return headers
  const past = { diversion: header('Diversion'), historyInfo: header('History-Info'), dnis, targetUri: uri }
  const keepsHistory = isPrivate || identity.privacy.includes('history')
  return Object.assign(headers, historyHeaders(policies.historyInfo, { ...past, isPrivate: keepsHistory }))
}
