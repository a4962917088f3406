import type { Award } from '../model/auction.ts'
import type { LegSide } from '../model/call.ts'
import type { TrunkId } from '../model/ids.ts'
import type { Target } from '../model/trunk.ts'
import type { BuyerAttempt } from './live-call.ts'

/** A leg about to be rung, for this award. */
export function newAttempt(
  award: Award,
  { target, uri, trunkId = null }: { readonly target: Target; readonly uri: string; readonly trunkId?: TrunkId | null },
  side: LegSide = 'buyer',
): BuyerAttempt {
  return {
    side,
    award,
    target,
    uri,
    sipCallId: '',
    sipCallIds: [],
    trunkId,
    invitedAt: new Date(),
    ringingAt: null,
    answeredAt: null,
    endedAt: null,
    sipStatus: null,
    media: null,
  }
}
