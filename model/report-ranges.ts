/** What a part of a report is read from: sums by day, hour or minute (of UTC), or the calls themselves. */
export type Grain = 'day' | 'hour' | 'minute' | 'call'

/** From `from` up to and without `until`; for sums both are whole days, hours or minutes. */
export interface Range {
  readonly grain: Grain
  readonly from: Date
  readonly until: Date
}

const SIZES_MS = { day: 86_400_000, hour: 3_600_000, minute: 60_000 } as const
const COARSEST_FIRST = ['day', 'hour', 'minute'] as const

/**
 * A time in parts, in their order and without gaps: as many whole days as there are, the whole hours and minutes around them, and single
 * calls at the ends. No sums coarser than `coarsest` are used, and none of minutes before `minutesSinceMs`, which are no more kept.
 */
export function rangesOf(from: Date, until: Date, coarsest: Grain = 'day', minutesSinceMs = -Infinity): Range[] {
  const ranges: Range[] = []
  const add = (grain: Grain, fromMs: number, untilMs: number): void => {
    if (fromMs >= untilMs) return
    const last = ranges.at(-1)
    if (last?.grain === grain) ranges[ranges.length - 1] = { ...last, until: new Date(untilMs) }
    else ranges.push({ grain, from: new Date(fromMs), until: new Date(untilMs) })
  }
  const cover = (fromMs: number, untilMs: number, grains: readonly (keyof typeof SIZES_MS)[]): void => {
    const [grain, ...finer] = grains
    if (!grain) return add('call', fromMs, untilMs)
    const size = SIZES_MS[grain]
    let first = Math.ceil(fromMs / size) * size
    const end = Math.floor(untilMs / size) * size
    if (grain === 'minute') first = Math.max(first, Math.ceil(minutesSinceMs / size) * size)
    if (first >= end) return cover(fromMs, untilMs, finer)
    cover(fromMs, first, finer)
    add(grain, first, end)
    cover(end, untilMs, finer)
  }
  const start = coarsest === 'call' ? COARSEST_FIRST.length : COARSEST_FIRST.indexOf(coarsest)
  cover(from.getTime(), until.getTime(), COARSEST_FIRST.slice(start))
  return ranges
}

/** The coarsest sums that days or hours on these clocks are made of: a zone's hours need not begin when UTC's do. */
export function coarsestOn(timezone: string, interval: 'minute' | 'hour' | 'day', from: Date, until: Date): Grain {
  if (interval === 'minute') return 'minute'
  const offsets = offsetsOn(timezone, from, until)
  if (interval === 'day' && offsets.every((minutes) => minutes === 0)) return 'day'
  return offsets.every((minutes) => minutes % 60 === 0) ? 'hour' : 'minute'
}

/** How many minutes the clocks are ahead of UTC, looked at once a day: whatever they do at night is seen by the next look. */
function offsetsOn(timezone: string, from: Date, until: Date): number[] {
  const clock = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  const offsets: number[] = []
  for (let ms = from.getTime() - SIZES_MS.day; ms <= until.getTime() + SIZES_MS.day; ms += SIZES_MS.day) {
    const name = clock.formatToParts(ms).find(({ type }) => type === 'timeZoneName')!.value // GMT, GMT-05:00, GMT+05:53:28
    const [, hours = '0', minutes = '0', seconds = '0'] = /GMT[+-](\d+):(\d+)(?::(\d+))?/.exec(name) ?? []
    offsets.push(Number(hours) * 60 + Number(minutes) + Number(seconds) / 60)
  }
  return offsets
}
