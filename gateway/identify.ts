import type { TrunkId } from '../model/ids.ts'
import { numberOfUri, type PhoneNumber } from '../model/phone-number.ts'
import { withoutToken } from '../model/ping.ts'
import type { ZipPlace } from '../model/places.ts'
import { Refusal } from '../model/refusal.ts'
import type { DialledNumber, Trunk } from '../model/trunk.ts'
import { criticalPrivacyUnavailable } from './identity/caller-identity.ts'
import { refuseLoops, refuseReplacing } from './headers/hops.ts'
import type { Identification } from './identity/authentication.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import { heedExpires } from './headers/invite-expiry.ts'
import { quotable } from './headers/reason-header.ts'
import { listOf } from './headers/sip-fields.ts'
import type { ClickCredential } from './identity/click-tokens.ts'
import type { Credential } from './identity/sip-credentials.ts'
import { tooBrief } from './in-dialog/session-timer.ts'
import { trunkParty } from './identity/trunk-party.ts'

const ANONYMOUS: Identification = { kind: 'anonymous' }

/** Who an INVITE may be from. */
interface Claim {
  readonly trunks: readonly Trunk[]
  /** The token it was placed with: then everything the seller's word counts for is the token's, not the page's. */
  readonly click: ClickCredential | null
}

interface Dialled {
  readonly trunk: Trunk
  readonly dnis: PhoneNumber | null
  readonly number: DialledNumber | null
}

/**
 * Whose trunk is this, has it room, and which number was dialled? Fills `call.facts`. Refuses, in this order: a source that
 * is nobody's, a call that goes round, an exchange that cannot take calls, a suspended seller, a trunk over its limits, a number that is not this
 * seller's to sell.
 */
export function identify(call: Call, parts: ExchangeParts): void {
  const { trunks: candidates, click } = whoCalls(call, parts)
  const { trunk, dnis, number } = whoseCall(call, candidates, parts)
  const seller = parts.directory.account(trunk.accountId)
  if (!seller) throw new Refusal('unknown_source', 'the trunk’s account is unknown')
  const ani = click ? click.terms.from : firstNumber(call.caller.identityUris)
  call.facts = {
    trunk,
    seller,
    number: number?.accountId === seller.id ? number : null,
    ani,
    dnis: dnis ?? userOf(call.caller.requestUri),
    places: ani ? parts.places.ofNumber(ani) : [],
    zip: zipOf(click ? click.terms.zip : call.caller.header('X-DCE-Zip'), parts),
    isByClick: click !== null,
    originatedAtMs: click ? null : originationOf(call),
  }
  call.caller.nameCall(call.id, trunkParty(trunk.id, parts.isSipServerOurs)) // A stranger is told nothing: there is no record of its call.

  if (click) refuseMisused(click, call, dnis, parts)
  refuseLoops(call, parts.liveCalls)
  refuseReplacing(call)
  refuseBriefSession(call)
  refuseUnkeptPrivacy(call)
  const unwell = whyUnwell(parts)
  if (unwell) {
    call.countOnly = true
    throw unwell
  }
  if (seller.status !== 'active') throw new Refusal('account_inactive', 'the seller’s account is not active')
  const place = parts.trunks.admit(trunk, call.receivedMonotonicMs)
  if (typeof place === 'string') {
    parts.announcements.trunkLimited(call, place)
    throw new Refusal('trunk_limit', `the trunk is over its ${place}`)
  }
  call.releases.push(() => place.release())
  if (!call.facts.number) throw new Refusal('unknown_number', 'the dialled number is not one of this seller’s')
  if (click) click.usesLeft--
  heedExpires(call, parts)
  call.note(
    'identified',
    `trunk ${trunk.name}, number ${call.facts.number.number}, vertical ${call.facts.number.vertical}`,
  )
  parts.announcements.received(call)
}

/**
 * The trunks this may be a call of. A password says more than a certificate, and either more than an address; where none of
 * them says anything, a password is asked for, if anybody has one.
 */
function whoCalls(call: Call, parts: ExchangeParts): Claim {
  const { authentication, trunks } = parts
  const { caller } = call
  const { mayCall } = authentication.credentials
  const said = mayCall ? authentication.identify(caller.request) : ANONYMOUS
  if (said.kind === 'known') {
    const click = said.credentials.find((credential) => credential.kind === 'click') ?? null
    return { trunks: trunksOf(said.credentials, parts), click }
  }
  if (said.kind === 'malformed') throw new Refusal('malformed', said.detail)
  if (said.kind === 'challenge')
    throw new Refusal('unauthenticated', 'its password is wrong, or old', null, said.headers)

  if (parts.isSipServerOurs && trunks.haveTlsNames) {
    const byName = trunks.ofTlsNames(listOf(caller.header('X-DCE-TLS-Client')))
    if (byName.length > 0) return { trunks: byName, click: null }
  }
  const byAddress = trunks.holding(caller.sourceAddress)
  if (byAddress.length > 0) return { trunks: byAddress, click: null }
  const unknown = `no trunk has the address ${caller.sourceAddress}`
  if (!mayCall) throw new Refusal('unknown_source', unknown)
  const { headers } = authentication.challenge(caller.request)
  throw new Refusal('unauthenticated', unknown, null, headers)
}

function trunksOf(credentials: readonly Credential[], parts: ExchangeParts): readonly Trunk[] {
  const found = credentials.flatMap((credential) => {
    const id = trunkIdOf(credential)
    return (id !== null && parts.trunks.get(id)) || []
  })
  if (found.length === 0) throw new Refusal('unknown_source', `${credentials[0]!.username} may register, and not call`)
  return found
}

function trunkIdOf(credential: Credential): TrunkId | null {
  if (credential.kind === 'click') return credential.terms.trunkId
  return credential.kind === 'trunk' ? credential.id : credential.user.trunkId
}

/** A token is in a page for anybody to read: what it is not good for is refused, and only counted. */
function refuseMisused(click: ClickCredential, call: Call, dnis: PhoneNumber | null, parts: ExchangeParts): void {
  // Another SIP server does not tell us the origin of a WebSocket's page.
  const origin = parts.isSipServerOurs ? (call.caller.header('X-DCE-Origin') ?? '') : null
  const why = parts.clickTokens.whyNot(click, dnis, origin)
  if (why === null) return
  call.countOnly = true
  throw new Refusal('token_refused', why)
}

/** Among trunks that share the address or the password, the one whose account owns the dialled number; else the nearest, or the oldest. */
function whoseCall(call: Call, candidates: readonly Trunk[], parts: ExchangeParts): Dialled {
  let first: Dialled | null = null
  for (const trunk of candidates) {
    const options = trunk.stripPrefix ? { stripPrefix: trunk.stripPrefix } : {}
    const { requestUri, toUri } = call.caller
    const dnis = numberOfUri(withoutToken(requestUri), options) ?? numberOfUri(withoutToken(toUri), options)
    const number = dnis ? (parts.directory.number(dnis) ?? null) : null
    const dialled = { trunk, dnis, number }
    if (number?.accountId === trunk.accountId) return dialled
    first ??= dialled
  }
  return first!
}

function refuseUnkeptPrivacy(call: Call): void {
  const unavailable = criticalPrivacyUnavailable(call.caller.header('Privacy') ?? '')
  if (unavailable.length > 0)
    throw new Refusal('privacy_unavailable', `Privacy not available: ${quotable(unavailable.join(', '))}`)
}

/** RFC 4028 §6: an interval below 90 s would have us refresh more than talk. */
function refuseBriefSession(call: Call): void {
  const headers = tooBrief(call.caller.header('Session-Expires'))
  if (headers) throw new Refusal('session_too_brief', 'the session interval is below 90 s', null, headers)
}

function whyUnwell(parts: ExchangeParts): Refusal | null {
  if (parts.draining()) return new Refusal('shutdown', 'the exchange is draining')
  if (!parts.writer.accepts()) return new Refusal('storage_unavailable', 'no room for the records of a new call')
  if (parts.liveCalls.size > parts.limits.maxConcurrentCalls)
    return new Refusal('overloaded', 'the exchange has its most concurrent calls')
  return null
}

function firstNumber(uris: readonly string[]): PhoneNumber | null {
  for (const uri of uris) {
    const number = numberOfUri(uri)
    if (number) return number
  }
  return null
}

/** The consumer's ZIP code, when the seller knows it and says so. */
function zipOf(text: string | null | undefined, parts: ExchangeParts): ZipPlace | null {
  const zip = text?.trim()
  return zip && /^\d{5}$/.test(zip) ? parts.places.ofZip(zip) : null
}

/** When a transfer's consumer was called, RFC 3339, when the seller says so; compliance decides whether it is credible. */
function originationOf(call: Call): number | null {
  const text = call.caller.header('X-DCE-Originated-At')?.trim()
  if (!text || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}

/** What was dialled, as it was written, when it is no telephone number. */
function userOf(uri: string): string {
  const user = /^[a-z]+:([^@;>]*)/i.exec(uri)?.[1] ?? uri
  return user.slice(0, 128)
}
