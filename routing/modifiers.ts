import { MOST_MODIFIER, type Modifiers } from '../model/modifiers.ts'
import type { CallerPlace } from './area.ts'
import { times } from './effective-bid.ts'
import type { WallClock } from './opening.ts'
import type { CallTags } from './traits.ts'

/**
 * What the modifiers make of a thousand thousandths for this call: 0 to 2000. Of the states a number may be in the least
 * counts: a buyer does not pay more for what is not certain. `clock` is that of their zone.
 */
export function modifierOf(
  modifiers: Modifiers,
  clock: WallClock | null,
  { states, zip }: CallerPlace,
  tags: CallTags,
  atMs: number,
): number {
  let factor = 1000
  if (zip !== null) factor = times(factor, entryOf(modifiers.zips, zip.zip))
  let least = Infinity
  for (const state of states) least = Math.min(least, entryOf(modifiers.states, state))
  if (least !== Infinity) factor = times(factor, least)
  if (clock !== null)
    factor = times(factor, entryOf(modifiers.hours, String(Math.floor((clock.minuteAt(atMs) % 1440) / 60))))
  for (const pair of Object.keys(modifiers.tags)) {
    const cut = pair.indexOf('=')
    const key = pair.slice(0, cut)
    if (Object.hasOwn(tags, key) && tags[key]!.trim().toLowerCase() === pair.slice(cut + 1))
      factor = times(factor, modifiers.tags[pair]!)
  }
  return Math.min(MOST_MODIFIER, factor)
}

function entryOf(entries: Readonly<Record<string, number>>, key: string): number {
  return Object.hasOwn(entries, key) ? entries[key]! : 1000
}
