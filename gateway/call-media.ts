import { MediaUnavailable, UnacceptableMedia } from '../media/media-server.ts'
import { Refusal } from '../model/refusal.ts'
import type { Call } from './live-call.ts'
import { mediaWarning } from './media-warning.ts'
import { needsOfCaller } from './media-needs.ts'
import type { ExchangeParts } from './parts.ts'

/** The call's audio, at the engine chosen for it. Throws a Refusal when there is none: before any buyer is rung. */
export async function openMedia(call: Call, parts: ExchangeParts): Promise<void> {
  try {
    const needs = needsOfCaller(call, parts)
    const request = { callId: call.id, callerOffer: call.caller.offer }
    const { engine, session } = await parts.media.open(request, needs)
    call.engine = engine
    call.media = session
  } catch (error) {
    if (error instanceof UnacceptableMedia)
      throw new Refusal('unacceptable_media', error.message, null, mediaWarning(error))
    if (error instanceof MediaUnavailable) throw new Refusal('overloaded', error.message)
    throw error
  }
}
