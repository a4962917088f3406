/** A Prometheus histogram: how many observations were at most `le`, in order of `le`. */
export type Buckets = readonly { readonly le: number; readonly count: number }[]

/** Reads one histogram without labels from the text of `/metrics`; empty when it is not there. */
export function readHistogram(metrics: string, name: string): Buckets {
  const buckets: { le: number; count: number }[] = []
  for (const line of metrics.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue
    const match = /le="([^"]+)"[^}]*\} (\S+)/.exec(line)
    if (!match) continue
    buckets.push({ le: match[1] === '+Inf' ? Infinity : Number(match[1]), count: Number(match[2]) })
  }
  return buckets.toSorted((a, b) => a.le - b.le)
}

/** Reads a gauge or counter, summed over its labels; 0 when it is not there. */
export function readMetric(metrics: string, name: string): number {
  let sum = 0
  for (const line of metrics.split('\n')) {
    const match = /^([a-z_]+)(?:\{[^}]*\})? (\S+)/.exec(line)
    if (match?.[1] === name) sum += Number(match[2])
  }
  return sum
}

/** What was observed between two readings. */
export function since(later: Buckets, earlier: Buckets): Buckets {
  const before = new Map(earlier.map(({ le, count }) => [le, count]))
  return later.map(({ le, count }) => ({ le, count: count - (before.get(le) ?? 0) }))
}

/**
 * The value below which a share `q` of the observations lies, interpolated within its bucket as Prometheus does; NaN
 * without observations. Beyond the last finite bound it is that bound: more is not known.
 */
export function quantile(buckets: Buckets, q: number): number {
  const total = buckets.at(-1)?.count ?? 0
  if (total === 0) return Number.NaN
  const rank = q * total
  let lower = 0
  let below = 0
  for (const { le, count } of buckets) {
    if (count >= rank) return le === Infinity ? lower : lower + ((le - lower) * (rank - below)) / (count - below)
    lower = le
    below = count
  }
  return lower
}

/** The same of plain samples, which need not be sorted. */
export function quantileOf(samples: readonly number[], q: number): number {
  if (samples.length === 0) return Number.NaN
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!
}
