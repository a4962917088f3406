import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AreaNumbers, BadAreaNumbers, listBits, LOCAL_NUMBERS, pack } from '../../model/area-numbers.ts'

const sorted = (numbers: Iterable<number>) => Uint32Array.from(new Set(numbers)).toSorted()

/** So many numbers, spread by a step that meets each at most once. */
const spread = (count: number, step = 3_779_999) =>
  Uint32Array.from({ length: count }, (_, i) => (i * step) % LOCAL_NUMBERS).toSorted()

describe('the numbers of an area code', () => {
  it('hold what a plain set holds, few or many, and give it back in its order', () => {
    const clustered = fc
      .tuple(fc.nat(LOCAL_NUMBERS - 10_000), fc.integer({ min: 0, max: 6_000 }))
      .map(([from, count]) => Array.from({ length: count }, (_, i) => from + i))
    const scattered = fc.array(fc.nat(LOCAL_NUMBERS - 1), { maxLength: 3_000 })
    fc.assert(
      fc.property(fc.array(clustered, { maxLength: 3 }), scattered, (runs, others) => {
        const list = sorted([...runs.flat(), ...others])
        const plain = new Set(list)
        const numbers = new AreaNumbers(pack(list))
        assert.equal(numbers.size, plain.size)
        for (const each of list) assert.ok(numbers.has(each))
        for (const each of others)
          for (const near of [each - 1, each + 1]) assert.equal(numbers.has(near), plain.has(near))
        assert.deepEqual(numbers.toList(), list)
        const bits = new Uint32Array(LOCAL_NUMBERS / 32)
        numbers.mark(bits)
        assert.deepEqual(listBits(bits, numbers.size), list)
      }),
      { numRuns: 40 },
    )
  })

  it('hold every number there is', () => {
    const all = new AreaNumbers(pack(Uint32Array.from({ length: LOCAL_NUMBERS }, (_, i) => i)))
    assert.equal(all.size, LOCAL_NUMBERS)
    for (const at of [0, 65_535, 65_536, 9_999_999]) assert.ok(all.has(at))
    assert.ok(all.bytes.byteLength <= 1_260_000, `${all.bytes.byteLength}`)
  })

  it('take at most 4 bytes a number, from 2,049 on 2 bytes and a directory, and never more than 1.26 MB', () => {
    for (const count of [0, 1, 100, 2_048]) assert.ok(pack(spread(count)).byteLength <= 4 + 4 * count)
    for (const count of [2_049, 10_000, 100_000, 600_000, 1_000_000]) {
      const bytes = pack(spread(count)).byteLength
      assert.ok(bytes <= Math.min(2 * count + 1_240, 1_260_000), `${count} numbers: ${bytes} bytes`)
    }
  })

  it('come to less than 1 GB for 250,000,000 numbers, however they lie in the 800 area codes there could be', () => {
    // The most bytes that n numbers of one area code take, as the test above has it of pack.
    const most = (n: number) => (n <= 2_048 ? 4 + 4 * n : Math.min(2 * n + 1_240, 1_260_000))
    const total = 250_000_000
    // `most` grows by at most 4 bytes a number up to 2,048 and 2 beyond: spreading evenly over all codes is the dearest.
    for (const areas of [32, 100, 350, 500, 800]) {
      const each = Math.ceil(total / areas)
      if (each > 8_000_000) continue
      assert.ok(areas * most(each) < 600_000_000, `${areas} area codes: ${areas * most(each)} bytes`)
    }
  })

  it('refuse bytes that were not packed here', () => {
    const many = pack(spread(5_000))
    const wrong = (change: (bytes: Uint8Array) => Uint8Array) => () => new AreaNumbers(change(Uint8Array.from(many)))
    assert.throws(() => new AreaNumbers(new Uint8Array(2)), BadAreaNumbers)
    assert.throws(
      wrong((bytes) => bytes.subarray(0, 100)),
      BadAreaNumbers,
    )
    assert.throws(
      wrong((bytes) => bytes.subarray(0, bytes.length - 2)),
      BadAreaNumbers,
    )
    assert.throws(
      wrong((bytes) => bytes.fill(0xff, 0, 4)),
      BadAreaNumbers,
    )
    assert.throws(
      wrong((bytes) => bytes.fill(7, 8, 12)),
      BadAreaNumbers,
    )
    const few = Uint8Array.from(pack(spread(3)))
    assert.throws(() => new AreaNumbers(few.subarray(0, 12)), BadAreaNumbers)
  })

  it('are read from bytes that lie anywhere', () => {
    const packed = pack(spread(5_000))
    const within = new Uint8Array(packed.length + 3)
    within.set(packed, 3)
    assert.deepEqual(new AreaNumbers(within.subarray(3)).toList(), new AreaNumbers(packed).toList())
  })
})
