import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NumberSet } from '../../compliance/number-set.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

const number = (text: string) => text as PhoneNumber

describe('a set of numbers', () => {
  it('holds what a plain set holds after any run of additions and removals', () => {
    // Few area codes and few local numbers: collisions, chains that wrap round, removals out of their middle.
    const any = fc
      .tuple(fc.constantFrom('212', '850'), fc.nat(120))
      .map(([npa, n]) => number(`+1${npa}${2_000_000 + n * n * 499}`))
    const foreign = fc.nat(20).map((n) => number(`+4420712345${n}`))
    const steps = fc.array(fc.record({ add: fc.boolean(), number: fc.oneof({ weight: 5, arbitrary: any }, foreign) }), {
      minLength: 100,
      maxLength: 400,
      size: 'max',
    })
    fc.assert(
      fc.property(steps, (run) => {
        const ours = new NumberSet()
        const plain = new Set<string>()
        for (const step of run) {
          if (step.add) {
            assert.equal(ours.add(step.number), !plain.has(step.number))
            plain.add(step.number)
          } else assert.equal(ours.delete(step.number), plain.delete(step.number))
          assert.equal(ours.size, plain.size)
        }
        for (const { number: each } of run) assert.equal(ours.has(each), plain.has(each))
      }),
      { numRuns: 300 },
    )
  })

  it('turns a dense area code into a bitmap and loses nothing on the way', () => {
    const set = new NumberSet()
    const at = (index: number) => number(`+1212${2_000_000 + index * 7}`)
    for (let index = 0; index < 200_000; index++) assert.ok(set.add(at(index)))
    assert.equal(set.size, 200_000)
    assert.equal(set.bytes, 1_250_000)
    for (let index = 0; index < 200_000; index++) {
      assert.ok(set.has(at(index)))
      assert.ok(!set.has(number(`+1212${2_000_001 + index * 7}`)))
    }
    assert.ok(!set.add(at(5)))
    assert.ok(set.delete(at(5)) && !set.delete(at(5)) && !set.has(at(5)))
    assert.equal(set.size, 199_999)
  })

  it('keeps a scattered million within 16 bytes each', function () {
    this.timeout(90_000)
    const set = new NumberSet()
    for (let index = 0; index < 1_000_000; index++) {
      set.add(number(`+1${200 + (index % 700)}${2_000_000 + ((index * 7919) % 8_000_000)}`))
    }
    assert.equal(set.size, 1_000_000)
    assert.ok(set.bytes / set.size <= 16, `${set.bytes / set.size}`)
  })

  it('keeps apart numbers that look alike', () => {
    const set = new NumberSet()
    set.add(number('+12125550123'))
    for (const other of ['+12125550124', '+13125550123', '+442125550123', '+121255501234', '+1212555012']) {
      assert.ok(!set.has(number(other)), other)
    }
    set.add(number('+19999999999'))
    set.add(number('+12000000000'))
    assert.ok(set.has(number('+19999999999')) && set.has(number('+12000000000')))
  })
})
