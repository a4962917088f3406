import { deepEqual } from 'node:assert/strict'
import { Pace } from '../../../storage/suppression/pace.ts'

describe('the pace of an import', () => {
  it('rests by how much has been done, and puts short rests together', async () => {
    const rests: number[] = []
    const pace = new Pace(100, 60, async (ms) => void rests.push(Math.floor(ms)))
    for (const bytes of [15_000, 10_000, 500_000]) await pace.after(bytes)
    // What was owed is owed still, since nobody has slept here.
    deepEqual(rests, [2, 52])
    await pace.after(100_000)
    await pace.after(100_000)
    deepEqual(rests, [2, 52, 62], 'and none beyond what it may')
  })
})
