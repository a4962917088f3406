import assert from 'node:assert/strict'
import { ConsentKeeper } from '../../../gateway/screening/consent-keeper.ts'

const NEEDS = { clock: Date, stats: () => ({ consents: 0, omitted: 0 }), bindsFromFirst: true }

describe('the keeper of consents', () => {
  it('forgets those that ended so many days ago, chunk by chunk, and says how many', async () => {
    const now = Date.parse('2026-11-22T12:00:00Z')
    const asked: Date[] = []
    const left = [1000, 7, 0]
    const said: object[] = []
    const log = { info: (fields: object) => void said.push(fields), warn: (fields: object) => void said.push(fields) }
    const keeper = new ConsentKeeper(1827, { ...NEEDS, clock: { now: () => now }, log: log as never })
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
    const keeper = new ConsentKeeper(1827, { ...NEEDS, stats: () => ({ consents: 5, omitted: 3 }), log: log as never })
    keeper.open({ stores: { consents: { forgetEnded: async () => 0 } } })
    await keeper.start()
    await keeper.close()
    assert.deepEqual(said, [{ omitted: 3 }])
  })

  it('says once when the first is kept, since every transfer needs one from then on', async () => {
    for (const bindsFromFirst of [true, false]) {
      const said: object[] = []
      const log = { info: () => {}, warn: (fields: object) => void said.push(fields) }
      let consents = 0
      const stats = () => ({ consents, omitted: 0 })
      const keeper = new ConsentKeeper(1827, { ...NEEDS, bindsFromFirst, stats, log: log as never })
      keeper.open({ stores: { consents: { forgetEnded: async () => 0 } } })
      const kept = () => keeper.apply({ kind: 'consent' } as never)
      kept() // As the book is loaded.
      await keeper.start()
      keeper.apply({ kind: 'bid' } as never)
      assert.deepEqual(said, [])
      for (consents = 1; consents <= 3; consents++) kept()
      await keeper.close()
      assert.deepEqual(said, bindsFromFirst ? [{ setting: 'compliance.consent.asked' }] : [])
    }
  })
})
