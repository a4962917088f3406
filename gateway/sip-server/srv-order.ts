/** What an SRV record (RFC 2782) says of the order in which servers are tried. */
export interface Weighted {
  /** The lowest is tried first. */
  readonly priority: number
  /** Among equals of priority: its share of the first tries. */
  readonly weight: number
}

/**
 * Puts servers in the order of RFC 2782: by priority, and within one at random, in proportion to weight. Those of weight 0
 * stand first in the running sum, so that they have a very small chance as long as others have weight.
 * @param below a random whole number from 0 up to, not including, its argument
 */
export function orderServers<T extends Weighted>(servers: readonly T[], below: (limit: number) => number): T[] {
  if (servers.length < 2) return [...servers]
  const left = servers.toSorted((a, b) => a.priority - b.priority || Math.sign(a.weight) - Math.sign(b.weight))
  const ordered: T[] = []
  while (left.length > 0) {
    const { priority } = left[0]!
    const next = left.findIndex((each) => each.priority !== priority)
    ordered.push(...left.splice(takeOne(left, next === -1 ? left.length : next, below), 1))
  }
  return ordered
}

/** Picks among the first `count`, all of one priority: the first whose running sum of weights reaches the random number. */
function takeOne(servers: readonly Weighted[], count: number, below: (limit: number) => number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += servers[i]!.weight
  const chosen = below(sum + 1)
  let running = 0
  for (let i = 0; i < count; i++) {
    running += servers[i]!.weight
    if (running >= chosen) return i
  }
  return 0
}
