import assert from 'node:assert/strict'
import { HourList, type Slot } from '../../routing/hour-list.ts'
import { Opening, WallClocks } from '../../routing/opening.ts'

const MONDAY = Date.parse('2026-06-15T00:00:00Z')
const HOUR = 3_600_000

describe('a list of bids by the hour', () => {
  it('gives back all that are open in some minute of the hour, from a few to hundreds and back', () => {
    const clocks = new WallClocks()
    const list = new HourList<number>(clocks.find('UTC'))
    const slots = new Map<number, Slot<number>>()
    // Number n is open for ten minutes in hour n % 24, every day.
    const opening = (n: number): Opening => {
      const startMinute = (n % 24) * 60 + 30
      return new Opening({ startMinute, endMinute: startMinute + 10, days: [], timezone: 'UTC' }, clocks)
    }
    const check = (): void => {
      for (let hour = 0; hour < 168; hour += 5) {
        const found: number[] = []
        list.collect(MONDAY + hour * HOUR, found, 0)
        const open = new Set(found)
        assert.equal(open.size, found.length, 'each once')
        for (const n of slots.keys()) if (n % 24 === hour % 24) assert.ok(open.has(n), `${n} in hour ${hour}`)
        for (const n of found) assert.ok(slots.has(n))
        // Past the size where bitmaps begin, nobody of another hour is met.
        if (slots.size > 40) assert.ok(found.every((n) => n % 24 === hour % 24))
      }
    }
    for (let n = 0; n < 200; n++) {
      slots.set(n, list.add(n, opening(n)))
      if (n % 13 === 0) check()
    }
    for (let n = 0; n < 200; n++) {
      const gone = (n * 77) % 200
      list.remove(slots.get(gone)!)
      slots.delete(gone)
      assert.equal(list.size, slots.size)
      if (n % 13 === 0) check()
    }
    check()
  })
})
