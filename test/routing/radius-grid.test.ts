import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { distanceMiles } from '../../routing/area.ts'
import { cellsOfCircle, cellsOfPoint } from '../../routing/radius-grid.ts'

describe('the radius grid', () => {
  const lat = fc.double({ min: -75, max: 75, noNaN: true })
  const lon = fc.double({ min: -180, max: 180, noNaN: true })
  const unit = fc.double({ min: -1, max: 1, noNaN: true })

  it('has every point of a circle in exactly one of the circle’s cells', () => {
    fc.assert(
      fc.property(
        lat,
        lon,
        fc.double({ min: 0.1, max: 900, noNaN: true }),
        unit,
        unit,
        (cLat, cLon, radiusMiles, x, y) => {
          const degrees = (radiusMiles / 69) * 1.05
          const point = { lat: cLat + y * degrees, lon: cLon + (x * degrees) / Math.cos((cLat * Math.PI) / 180) }
          if (point.lon > 180) point.lon -= 360
          if (point.lon < -180) point.lon += 360
          if (distanceMiles(cLat, cLon, point.lat, point.lon) > radiusMiles) return
          const cells = cellsOfCircle({ lat: cLat, lon: cLon, radiusMiles })
          if (cells === null) return
          const own = cellsOfPoint(point.lat, point.lon)
          assert.equal(own.filter((cell) => cells.includes(cell)).length, 1)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('covers a circle with few cells, and leaves the largest to judging', () => {
    for (const radiusMiles of [1, 10, 50, 200, 500]) {
      assert.ok(cellsOfCircle({ lat: 40, lon: -100, radiusMiles })!.length <= 16)
    }
    assert.equal(cellsOfCircle({ lat: 40, lon: -100, radiusMiles: 5000 }), null)
    assert.equal(cellsOfCircle({ lat: 89.9, lon: 0, radiusMiles: 300 }), null)
  })

  it('measures the great circle', () => {
    // New York to Los Angeles, by their city halls.
    assert.ok(Math.abs(distanceMiles(40.7127, -74.0059, 34.0537, -118.2427) - 2445) < 2)
    assert.equal(distanceMiles(10, 20, 10, 20), 0)
    assert.ok(Math.abs(distanceMiles(0, 179.5, 0, -179.5) - 69.1) < 0.1)
  })
})
