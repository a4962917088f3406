import assert from 'node:assert/strict'
import { ConsentKeeper } from '../../../gateway/screening/consent-keeper.ts'

describe('the keeper of consents', () => {
  it('forgets those that ended so many days ago, chunk by chunk, and says how many', async () => {
    const now = Date.parse('2026-11-22T12:00:00Z')
    const asked: Date[] = []
    const left = [1000, 7, 0]
    const said: object[] = []
    const log = { info: (fields: object) => void said.push(fields), warn: (fields: object) => void said.push(fields) }
    const keeper = new ConsentKeeper(1827, { clock: { now: () => now }, omitted: () => 0, log: log as never })
    const forgetEnded = async (before: Date) => {
      asked.push(before)
      return left.shift()!
    }
    keeper.open({ stores: { consents: { forgetEnded } } })
    await keeper.sweep()
    assert.deepEqual(said, [{ consents: 1007, days: 1827 }])
    assert.equal(asked.length, 3)
    for (const before of asked) assert.equal(before.getTime(), now - 1827 * 86_400_000)
  })

  it('says at the start when there is no room for some', async () => {
    const said: object[] = []
    const log = { info: () => {}, warn: (fields: object) => void said.push(fields) }
    const keeper = new ConsentKeeper(1827, { clock: Date, omitted: () => 3, log: log as never })
    keeper.open({ stores: { consents: { forgetEnded: async () => 0 } } })
    await keeper.start()
    await keeper.close()
    assert.deepEqual(said, [{ omitted: 3 }])
  })
})
