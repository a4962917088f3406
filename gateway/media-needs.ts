import { joinNeeds, needsOfOffer, PLAIN_NEEDS, type CallNeeds } from '../media/call-needs.ts'
import { MEDIA_CAPABILITIES, type MediaCapability } from '../media/media-server.ts'
import type { Award } from '../model/auction.ts'
import { buyerAudioOf } from './call-audio.ts'
import type { Call } from './live-call.ts'
import { offeredSecurity } from './offered-security.ts'
import type { ExchangeParts } from './parts.ts'

/** What a call asks of its engine whoever is rung for it. Throws UnacceptableMedia when nobody could serve the caller's offer. */
export function needsOfCaller(call: Call, { policies }: ExchangeParts): CallNeeds {
  const { offer } = call.caller
  const { must, wish } = offer === null ? PLAIN_NEEDS : needsOfOffer(offer)
  // A call that cannot be recorded goes on all the same.
  const mayUseTools = policies.recordsCalls || Boolean(call.facts?.number?.audio)
  return { must, wish: mayUseTools ? [...wish, 'tools'] : wish, mayBeDirect: false }
}

/** What ringing this award would ask besides: by how its target is offered its audio, and what its agent hears and presses. */
export function needsOfAward(call: Call, award: Award, parts: ExchangeParts): CallNeeds {
  const target = parts.directory.target(award.targetId)
  if (!target) return PLAIN_NEEDS // Gone meanwhile: nobody will be rung.
  const ways = parts.registrar.waysTo(target)
  if (ways?.length === 0) return PLAIN_NEEDS // Nor here.
  const uri = ways === null && target.uri.startsWith('+') ? firstTrunk(parts) : target.uri
  const needs = NEEDS_OF[offeredSecurity({ uri, ...(ways && { ways }) }, ANY)]
  const audio = buyerAudioOf(award, parts)
  if (audio === null) return needs
  // Whoever has no key to press would be sold every call a machine picks up; a whisper is a courtesy.
  return joinNeeds(needs, audio.accept ? TOOLS : TOOLS_IF_THERE)
}

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
