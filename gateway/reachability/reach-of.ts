import type { TargetId, TrunkId } from '../../model/ids.ts'
import type { Reachability } from '../../model/reachability.ts'
import type { ExchangeParts } from '../parts.ts'

/** Whether a target or trunk answers; of an address of record of ours: whether anybody is registered there. */
export function reachOf(
  id: TargetId | TrunkId,
  { directory, registrar, probes }: Pick<ExchangeParts, 'directory' | 'registrar' | 'probes'>,
): Reachability {
  const target = directory.target(id as TargetId)
  const ways = target ? registrar.waysTo(target) : null
  if (ways === null) return probes.reachOf(id)
  return { state: ways.length > 0 ? 'up' : 'down', since: null, lastStatus: null }
}
