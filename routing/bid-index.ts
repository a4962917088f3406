import { cityKey, type Area, type CallerPlace } from './area.ts'
import { HourList, type Slot } from './hour-list.ts'
import type { Opening, WallClock } from './opening.ts'
import { cellsOfCircle, cellsOfPoint } from './radius-grid.ts'
import type { StandingBid } from './standing-bid.ts'

/** A bid with more places than this is kept with those that ask for no area, and judged one by one. */
const MOST_KEYS = 1024

/** The bids of one key: always open, and by the zone of their hours. */
class Drawer {
  readonly #always = new HourList<StandingBid>(null)
  readonly #byClock = new Map<WallClock | null, HourList<StandingBid>>()

  add(bid: StandingBid, opening: Opening | null): Slot<StandingBid> {
    if (opening === null) return this.#always.add(bid, null)
    let list = this.#byClock.get(opening.clock)
    if (list === undefined) this.#byClock.set(opening.clock, (list = new HourList(opening.clock)))
    return list.add(bid, opening)
  }

  collect(atMs: number, found: StandingBid[], from: number): number {
    let at = this.#always.collect(atMs, found, from)
    for (const list of this.#byClock.values()) at = list.collect(atMs, found, at)
    return at
  }
}

/** The bids of one vertical, each kept under the narrowest place it asks for. */
class Cabinet {
  readonly #drawers = new Map<string, Drawer>()
  #hasZips = false
  #hasCities = false
  #hasCells = false

  drawer(key: string): Drawer {
    let drawer = this.#drawers.get(key)
    if (drawer === undefined) {
      this.#drawers.set(key, (drawer = new Drawer()))
      if (key.startsWith('zip ')) this.#hasZips = true
      else if (key.startsWith('city ')) this.#hasCities = true
      else if (key.startsWith('cell ')) this.#hasCells = true
    }
    return drawer
  }

  collect(caller: CallerPlace, atMs: number, found: StandingBid[], from: number): number {
    const drawers = this.#drawers
    let at = drawers.get(ANYWHERE)?.collect(atMs, found, from) ?? from
    // Every state the caller may be in must be the bid's, so the bids of the first include all that match.
    const state = caller.states[0]
    if (state !== undefined) at = drawers.get(state)?.collect(atMs, found, at) ?? at
    const { zip } = caller
    if (zip === null) return at
    if (this.#hasZips) at = drawers.get(`zip ${zip.zip}`)?.collect(atMs, found, at) ?? at
    if (this.#hasCities) at = drawers.get(`city ${cityKey(zip.city)}`)?.collect(atMs, found, at) ?? at
    if (this.#hasCells) {
      for (const cell of cellsOfPoint(zip.lat, zip.lon))
        at = drawers.get(`cell ${cell}`)?.collect(atMs, found, at) ?? at
    }
    return at
  }
}

const ANYWHERE = ''
const ANY_VERTICAL = ''

/**
 * Finds the standing bids that may match a call without looking at the others: by vertical, then by the narrowest place the
 * bid or its campaign asks for (ZIP, city, circle, state), then by hour of the week. What comes out is few and still has to
 * be judged; what does not come out cannot match.
 */
export class BidIndex {
  readonly #cabinets = new Map<string, Cabinet>()
  readonly #slots = new Map<StandingBid, Slot<StandingBid>[]>()

  get size(): number {
    return this.#slots.size
  }

  has(bid: StandingBid): boolean {
    return this.#slots.has(bid)
  }

  add(bid: StandingBid): void {
    this.remove(bid)
    const { conditions, campaign } = bid
    const opening = conditions.opening ?? campaign.schedule ?? campaign.conditions.opening
    const slots: Slot<StandingBid>[] = []
    const places = placeKeys(conditions.area, campaign.conditions.area)
    for (const vertical of verticalsOf(bid) ?? [ANY_VERTICAL]) {
      let cabinet = this.#cabinets.get(vertical)
      if (cabinet === undefined) this.#cabinets.set(vertical, (cabinet = new Cabinet()))
      for (const place of places) slots.push(cabinet.drawer(place).add(bid, opening))
    }
    this.#slots.set(bid, slots)
  }

  remove(bid: StandingBid): void {
    const slots = this.#slots.get(bid)
    if (slots === undefined) return
    for (const slot of slots) slot.list.remove(slot)
    this.#slots.delete(bid)
  }

  /** Leaves in `found` each bid that may match, once, and nothing else. */
  collect(vertical: string, caller: CallerPlace, atMs: number, found: StandingBid[]): void {
    const at = this.#cabinets.get(vertical)?.collect(caller, atMs, found, 0) ?? 0
    const end = this.#cabinets.get(ANY_VERTICAL)?.collect(caller, atMs, found, at) ?? at
    if (found.length !== end) found.length = end
  }
}

/** The verticals both the bid and its campaign ask for; null: any. */
export function verticalsOf({ conditions, campaign }: StandingBid): ReadonlySet<string> | null {
  const own = conditions.verticals
  const campaigns = campaign.conditions.verticals
  if (own === null || campaigns === null) return own ?? campaigns
  return intersection(own, campaigns)
}

/** Keys for one of the two areas, the narrower kind first; the other is left to judging. */
function placeKeys(own: Area | null, campaigns: Area | null): Iterable<string> {
  const areas = [own, campaigns].filter((area) => area !== null)
  for (const area of areas) {
    if (area.zips.size > 0 && area.zips.size <= MOST_KEYS) return prefixed('zip', area.zips)
  }
  for (const area of areas) {
    if (area.cities.size === 0 || area.cities.size > MOST_KEYS) continue
    return prefixed('city', new Set([...area.cities].map((city) => cityKey(city.split(',')[0]!))))
  }
  for (const area of areas) {
    const cells = area.circle === null ? null : cellsOfCircle(area.circle)
    if (cells !== null) return prefixed('cell', cells)
  }
  const states = areas.map((area) => area.states).filter((set) => set.size > 0)
  if (states.length > 0) return states.reduce(intersection)
  return [ANYWHERE]
}

function prefixed(kind: string, names: Iterable<string>): string[] {
  return Array.from(names, (name) => `${kind} ${name}`)
}

function intersection(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((name) => other.has(name)))
}
