import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SlotMap, Slots } from '../../model/slots.ts'

describe('slots', () => {
  it('hold values until they are freed, and are given anew then', () => {
    const slots = new Slots<string>()
    const [a, b] = [slots.add('a'), slots.add('b')]
    assert.deepEqual([slots.at(a), slots.at(b), slots.size], ['a', 'b', 2])
    slots.free(a, 'a')
    assert.deepEqual([slots.at(a), slots.size, [...slots]], [null, 1, ['b']])
    assert.equal(slots.add('c'), a)
    assert.deepEqual([...slots].toSorted(), ['b', 'c'])
  })

  it('are not freed by who had them before', () => {
    const slots = new Slots<string>()
    const slot = slots.add('a')
    slots.clear()
    assert.equal(slots.size, 0)
    assert.equal(slots.add('b'), slot)
    slots.free(slot, 'a')
    slots.free(slot + 1, 'b')
    assert.deepEqual([...slots], ['b'])
  })

  it('are as many as were ever taken at once', () => {
    const slots = new Slots<object>()
    for (let round = 0; round < 1000; round++) {
      const taken = [{}, {}, {}].map((value) => [slots.add(value), value] as const)
      for (const [slot, value] of taken) {
        assert.ok(slot < 3)
        slots.free(slot, value)
      }
    }
  })

  it('behave as a Map does', () => {
    const key = fc.integer({ min: 0, max: 9 })
    const step = fc.oneof(
      fc.record({ what: fc.constant('set' as const), key, value: fc.integer() }),
      fc.record({ what: fc.constantFrom('delete' as const, 'get' as const, 'has' as const), key }),
      fc.record({ what: fc.constant('clear' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [slots, map] = [new SlotMap<number, number>(), new Map<number, number>()]
        for (const one of steps) {
          if (one.what === 'clear') {
            slots.clear()
            map.clear()
          } else if (one.what === 'set') {
            slots.set(one.key, one.value)
            map.set(one.key, one.value)
          } else assert.equal(slots[one.what](one.key), map[one.what](one.key))
          const seen: [number, number][] = []
          slots.forEach((value, of) => seen.push([of, value]))
          assert.deepEqual(seen, [...map])
          assert.deepEqual(
            [[...slots.keys()], [...slots.values()], slots.size],
            [[...map.keys()], [...map.values()], map.size],
          )
        }
      }),
      { numRuns: 300 },
    )
  })
})
