import { joinNeeds, needsOfOffer, PLAIN_NEEDS, type CallNeeds } from '../../media/call-needs.ts'
import { MEDIA_CAPABILITIES, type MediaCapability, type OfferedSecurity } from '../../media/media-server.ts'
import type { Award } from '../../model/auction.ts'
import type { Target } from '../../model/trunk.ts'
import { buyerAudioOf } from './call-audio.ts'
import { rungTarget } from '../bidders/rung-target.ts'
import { hidesMedia } from '../identity/caller-identity.ts'
import type { Call } from '../live-call.ts'
import { offeredSecurity } from '../invitation/offered-security.ts'
import type { ExchangeParts } from '../parts.ts'

/** What a call asks of its engine whoever is rung for it. Throws UnacceptableMedia when nobody could serve the caller's offer. */
export function needsOfCaller(call: Call, { policies }: ExchangeParts): CallNeeds {
  const { caller } = call
  const { offer } = caller
  const { must, wish } = offer === null ? PLAIN_NEEDS : needsOfOffer(offer)
  if (call.facts!.number?.menu) return { must: [...must, 'tools'], wish, mayBeDirect: false }
  // A call that cannot be recorded goes on all the same.
  if (policies.recordsCalls || call.facts!.number?.audio) return { must, wish: [...wish, 'tools'], mayBeDirect: false }
  const mayBeDirect =
    policies.hasDirectMedia &&
    call.facts!.trunk.directMedia &&
    offer !== null &&
    isPassable(must, wish) &&
    !hidesMedia(caller.header('Privacy') ?? '')
  return { must, wish, mayBeDirect }
}

/** A browser meets nobody but an engine; keys that either end may leave would be offered to some who must not be told them. */
function isPassable(must: CallNeeds['must'], wish: CallNeeds['wish']): boolean {
  return !must.includes('webrtc') && wish.length === 0
}

/** What ringing this award would ask besides: by how its target is offered its audio, and what its agent hears and presses. */
export function needsOfAward(call: Call, award: Award, parts: ExchangeParts): CallNeeds {
  const target = rungTarget(call, award, parts)
  if (!target) return NOTHING // Gone meanwhile: nobody will be rung.
  const ways = parts.registrar.waysTo(target)
  if (ways?.length === 0) return NOTHING // Nor here.
  const uri = ways === null && target.uri.startsWith('+') ? firstTrunk(parts) : target.uri
  const security = offeredSecurity({ uri, ...(ways && { ways }) }, ANY)
  const audio = buyerAudioOf(award, parts)
  // Whoever has no key to press would be sold every call a machine picks up; a whisper is a courtesy.
  if (audio !== null) return joinNeeds(NEEDS_OF[security], audio.accept ? TOOLS : TOOLS_IF_THERE)
  return call.callerNeeds!.mayBeDirect && allowsDirect(target, parts) && hasSameKeys(call.callerNeeds!, security)
    ? { ...NEEDS_OF[security], mayBeDirect: true }
    : NEEDS_OF[security]
}

/** A target that is a number also tells its callers' addresses to the carriers it is tried through. */
function allowsDirect({ uri, directMedia }: Target, { trunks, isTrunkWorking }: ExchangeParts): boolean {
  return (
    directMedia && (!uri.startsWith('+') || trunks.outboundInTurn(isTrunkWorking).every((each) => each.directMedia))
  )
}

/** The caller's keys go to a target that must have some, and nobody is sent any in clear. */
function hasSameKeys({ must }: CallNeeds, security: OfferedSecurity): boolean {
  return must.includes('sdes') ? security === 'sdes' : security === 'none' || security === 'if-it-can'
}

const NOTHING: CallNeeds = { ...PLAIN_NEEDS, mayBeDirect: true }
const TOOLS: CallNeeds = { ...PLAIN_NEEDS, must: ['tools'] }
const TOOLS_IF_THERE: CallNeeds = { ...PLAIN_NEEDS, wish: ['tools'] }

const ANY: ReadonlySet<MediaCapability> = new Set(MEDIA_CAPABILITIES)

const NEEDS_OF = {
  none: PLAIN_NEEDS,
  'if-it-can': { ...PLAIN_NEEDS, wish: ['sdes'] },
  sdes: { ...PLAIN_NEEDS, must: ['sdes'] },
  webrtc: { ...PLAIN_NEEDS, must: ['webrtc'] },
} as const

/** A number is called through the outbound trunk that is tried first. */
function firstTrunk({ trunks, isTrunkWorking }: ExchangeParts): string {
  const [first] = trunks.outboundInTurn(isTrunkWorking)
  return first ? `sip:${first.host}` : ''
}
