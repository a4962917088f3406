import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { createTurns } from '../../api/turns.ts'

describe('turns', () => {
  it('are taken by so many at a time, the others in their order, and refused to more than may wait', async () => {
    const inTurn = createTurns(2, 3)
    const ends: (() => void)[] = []
    const begun: number[] = []
    const task = (id: number): Promise<void> =>
      inTurn(async () => {
        begun.push(id)
        await new Promise<void>((resolve) => void (ends[id] = resolve))
      })
    const tasks = [0, 1, 2, 3, 4].map(task)
    await setImmediate()
    assert.deepEqual(begun, [0, 1])
    await assert.rejects(task(5), { code: 'too_many_reports', status: 503 })
    for (const id of [1, 0, 2, 3, 4]) {
      ends[id]!()
      await setImmediate()
    }
    await Promise.all(tasks)
    assert.deepEqual(begun, [0, 1, 2, 3, 4])
  })

  it('come back after a task that failed', async () => {
    const inTurn = createTurns(1, 1)
    await assert.rejects(
      inTurn(() => Promise.reject(new Error('no database'))),
      /no database/,
    )
    assert.equal(await inTurn(async () => 'next'), 'next')
  })
})
