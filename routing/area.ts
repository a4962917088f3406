import type { Geography } from '../model/bid.ts'
import type { Place, ZipPlace } from '../model/places.ts'

/** Where the caller may be, as the auction knows it. */
export interface CallerPlace {
  /** A ZIP is exact and gives one state; a number gives every state it may be in; neither gives none. */
  readonly states: readonly string[]
  readonly zip: ZipPlace | null
  /** The same states as bits; null when there are none, or one has no bit. */
  readonly bits: StateBits | null
}

export function callerPlaceOf(places: readonly Place[], zip: ZipPlace | null): CallerPlace {
  const states = statesOf(places, zip)
  return { states, zip, bits: states.length === 0 ? null : bitsOf(states) }
}

function statesOf(places: readonly Place[], zip: ZipPlace | null): readonly string[] {
  if (zip !== null) return [zip.state]
  if (places.length <= 1) return places.length === 0 ? NOWHERE : [places[0]!.state]
  return [...new Set(places.map((place) => place.state))]
}

/** States as bits of three words, so that an auction compares sets of them without looking a name up. */
export type StateBits = readonly [number, number, number]

/** A bit for each state that was ever named, in that order, while there are any left: the NANP has fewer codes than that. */
const BITS = new Map<string, number>()
const MOST_BITS = 96

function bitsOf(states: Iterable<string>): StateBits | null {
  const bits: [number, number, number] = [0, 0, 0]
  for (const state of states) {
    let bit = BITS.get(state)
    if (bit === undefined) {
      if (BITS.size >= MOST_BITS) return null
      BITS.set(state, (bit = BITS.size))
    }
    bits[bit >> 5]! |= 1 << (bit & 31)
  }
  return bits
}
const NOWHERE: readonly string[] = []

const EARTH_RADIUS_MILES = 3958.7613
const RADIANS = Math.PI / 180

/** Great-circle distance (haversine). */
export function distanceMiles(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const dLat = Math.sin(((lat2 - lat1) * RADIANS) / 2)
  const dLon = Math.sin(((lon2 - lon1) * RADIANS) / 2)
  const a = dLat * dLat + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * dLon * dLon
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.min(1, Math.sqrt(a)))
}

/** `Austin` and `Austin, TX` are both understood; case and surrounding blanks do not matter. */
export function cityKey(name: string): string {
  return name.trim().toLowerCase()
}

/**
 * A geography made ready for the auction. A number that may be in several states is inside only if all of them are: a buyer
 * never pays for a call from outside its area. ZIPs, cities and circles need the caller's ZIP.
 */
export class Area {
  readonly states: ReadonlySet<string>
  readonly cities: ReadonlySet<string>
  readonly zips: ReadonlySet<string>
  readonly circle: Geography['circle']
  readonly needsZip: boolean
  /** Of its states when it asks for nothing else; null: it has to be judged. */
  readonly bits: StateBits | null

  constructor(geography: Geography) {
    this.states = new Set(geography.states.map((state) => state.trim().toUpperCase()))
    this.cities = new Set(geography.cities.map(cityKey))
    this.zips = new Set(geography.zips)
    this.circle = geography.circle
    this.needsZip = this.cities.size > 0 || this.zips.size > 0 || this.circle !== null
    this.bits = this.needsZip ? null : bitsOf(this.states)
  }

  /** Null when the caller is inside. */
  judge(caller: CallerPlace): 'location_mismatch' | 'location_unknown' | null {
    if (this.states.size > 0) {
      if (caller.states.length === 0) return 'location_unknown'
      for (const state of caller.states) if (!this.states.has(state)) return 'location_mismatch'
    }
    if (!this.needsZip) return null
    const { zip } = caller
    if (zip === null) return 'location_unknown'
    if (this.zips.size > 0 && !this.zips.has(zip.zip)) return 'location_mismatch'
    if (this.cities.size > 0) {
      const city = cityKey(zip.city)
      if (!this.cities.has(city) && !this.cities.has(`${city}, ${zip.state.toLowerCase()}`)) return 'location_mismatch'
    }
    const { circle } = this
    if (circle !== null && distanceMiles(circle.lat, circle.lon, zip.lat, zip.lon) > circle.radiusMiles) {
      return 'location_mismatch'
    }
    return null
  }
}

/** The area a geography asks for; null when it asks nothing. */
export function areaOf(geography: Geography | null): Area | null {
  if (geography === null) return null
  const area = new Area(geography)
  return area.states.size > 0 || area.needsZip ? area : null
}
