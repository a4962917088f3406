import { needsOfOffer, PLAIN_NEEDS, type CallNeeds } from '../media/call-needs.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/** What a call asks of its engine whoever is rung for it. Throws UnacceptableMedia when nobody could serve the caller's offer. */
export function needsOfCaller(call: Call, { policies }: Pick<ExchangeParts, 'policies'>): CallNeeds {
  const { offer } = call.caller
  const { must, wish } = offer === null ? PLAIN_NEEDS : needsOfOffer(offer)
  // A call that cannot be recorded goes on all the same.
  return { must, wish: policies.recordsCalls ? [...wish, 'tools'] : wish, mayBeDirect: false }
}
