import assert from 'node:assert/strict'
import { RecentNodes } from '../../../../compliance/fraud/graph/nodes.ts'
import { mixNumber } from '../../../../compliance/fraud/features/hash.ts'
import { Chance } from '../../../../compliance/fraud/simulator/chance.ts'

describe('nodes of the graph', () => {
  it('are known and forgotten as those of a Map in the order of their use are', () => {
    const limit = 37
    const forgotten: string[] = []
    const nodes = new RecentNodes<string>(limit, (node) => forgotten.push(node))
    const expected = new Map<number, string>()
    const gone: string[] = []
    const chance = new Chance(11)
    for (let step = 0; step < 20_000; step++) {
      // Small numbers, and some that differ in their upper bits only.
      const key = 1 + chance.below(60) + (chance.happens(0.3) ? 2 ** 40 : 0)
      if (chance.happens(0.1)) {
        if (expected.has(key)) gone.push(expected.get(key)!)
        expected.delete(key)
        nodes.forget(key)
      } else {
        const made = `${key} of ${step}`
        const known = expected.get(key)
        if (known === undefined && expected.size === limit) {
          const [oldest, node] = expected.entries().next().value!
          expected.delete(oldest)
          gone.push(node)
        }
        expected.delete(key)
        expected.set(key, known ?? made)
        assert.equal(
          nodes.use(key, () => made),
          known ?? made,
          `step ${step}`,
        )
      }
      const asked = 1 + chance.below(60)
      assert.equal(nodes.peek(asked), expected.get(asked))
      assert.equal(nodes.size, expected.size)
    }
    assert.ok(gone.length > 1_000)
    assert.deepEqual(forgotten, gone)
  })

  it('are found as fast when somebody has chosen the keys', () => {
    const most = 16_384
    const plain: number[] = []
    const chosen: number[] = []
    for (let key = 1; chosen.length < most; key++) {
      if (plain.length < most) plain.push(key * 7)
      if ((mixNumber(key) & (most - 1)) === 0) chosen.push(key)
      if (key === 1 << 20) key = 2 ** 34 // By their upper bits, too.
    }
    const takes = (keys: readonly number[]): number => {
      const nodes = new RecentNodes<number>(most)
      const from = performance.now()
      for (const key of keys) nodes.use(key, (made) => made)
      return performance.now() - from
    }
    takes(plain)
    const [usual, attacked] = [plain, chosen].map((keys) => Math.min(...[1, 2, 3].map(() => takes(keys))))
    assert.ok(attacked! < 20 * usual! + 20, `${attacked} ms, and else ${usual} ms`)
  })
})
