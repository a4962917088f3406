import type { Award } from '../../model/auction.ts'
import type { Target } from '../../model/trunk.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/** The target of an award, at the place its bidder named for this call, if it named one. Undefined: it is gone. */
export function rungTarget(
  { round }: Pick<Call, 'round'>,
  award: Award,
  { directory }: Pick<ExchangeParts, 'directory'>,
): Target | undefined {
  const target = directory.target(award.targetId)
  const uri = round?.destinations.get(award.bidId)
  return target && uri !== undefined ? { ...target, uri } : target
}
