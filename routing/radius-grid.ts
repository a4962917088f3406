import type { Geography } from '../model/bid.ts'

type Circle = NonNullable<Geography['circle']>

const MILES_PER_DEGREE = 69.0
/** Cell sizes in degrees, finest first: a circle goes where it covers few cells, so a point looks into one cell of each. */
const CELL_DEGREES = [0.25, 1, 4, 15]
const MOST_CELLS = 16

/** The cells a circle touches, at the finest level where they are few; null when it is too large for any. */
export function cellsOfCircle({ lat, lon, radiusMiles }: Circle): string[] | null {
  // A little more than the radius, so that rounding never loses a place at the rim.
  const dLat = (radiusMiles / MILES_PER_DEGREE) * 1.01
  const farLat = Math.min(89, Math.abs(lat) + dLat)
  const dLon = dLat / Math.cos((farLat * Math.PI) / 180)
  if (dLon >= 180) return null
  for (const [level, size] of CELL_DEGREES.entries()) {
    const [south, north] = [Math.floor((lat - dLat) / size), Math.floor((lat + dLat) / size)]
    const [west, east] = [Math.floor((lon - dLon) / size), Math.floor((lon + dLon) / size)]
    if ((north - south + 1) * (east - west + 1) > MOST_CELLS) continue
    const cells = new Set<string>()
    for (let row = south; row <= north; row++) {
      for (let column = west; column <= east; column++) cells.add(cellKey(level, row, column, size))
    }
    return [...cells]
  }
  return null
}

/** The one cell of each level that a point lies in. */
export function cellsOfPoint(lat: number, lon: number): string[] {
  return CELL_DEGREES.map((size, level) => cellKey(level, Math.floor(lat / size), Math.floor(lon / size), size))
}

/** Columns are counted round the globe, so that a circle across 180° (the Aleutians) is in one piece. */
function cellKey(level: number, row: number, column: number, size: number): string {
  const columns = 360 / size
  return `${level}:${row}:${((column % columns) + columns) % columns}`
}
