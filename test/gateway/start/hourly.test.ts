import assert from 'node:assert/strict'
import { hourly } from '../../../gateway/start/hourly.ts'

describe('hourly errands', () => {
  it('are done at once and again, one after another; one that fails does not keep the others from it', async () => {
    const done: string[] = []
    const failures: unknown[] = []
    const { promise: thrice, resolve } = Promise.withResolvers<void>()
    const stop = hourly(
      { warn: (fields: object) => void failures.push(fields) },
      {
        first: () => Promise.reject(new Error('no database')),
        second: async () => {
          if (done.push('second') === 3) resolve()
        },
      },
      1,
    )
    await thrice
    await stop()
    const count = done.length
    assert.deepEqual(failures[0], { errand: 'first', reason: 'no database' })
    await new Promise((wake) => void setTimeout(wake, 20))
    assert.equal(done.length, count, 'over is over')
  })

  it('are never done twice at a time, and ended only when the one under way is over', async () => {
    let running = 0
    let most = 0
    const gate = Promise.withResolvers<void>()
    const stop = hourly(
      { warn: () => {} },
      {
        slow: async () => {
          most = Math.max(most, ++running)
          await gate.promise
          running--
        },
      },
      1,
    )
    await new Promise((wake) => void setTimeout(wake, 20))
    const stopped = stop()
    gate.resolve()
    await stopped
    assert.deepEqual([most, running], [1, 0])
  })
})
