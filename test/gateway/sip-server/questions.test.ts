import assert from 'node:assert/strict'
import { Questions } from '../../../gateway/sip-server/questions.ts'
import { TestServer } from '../../support/sip-server.ts'

describe('questions to the SIP server’s thread', () => {
  it('are answered each with its own, whatever the order, and late answers are nobody’s', async () => {
    const questions = new Questions({ maxQuestions: 10, questionMs: 20 })
    const ids: number[] = []
    const [first, second, late] = [1, 2, 3].map(() => questions.ask((id) => void ids.push(id)))
    questions.answer(ids[1]!, 'two')
    questions.fail(ids[0]!, new Error('one'))
    assert.equal(await second, 'two')
    await assert.rejects(first!, { message: 'one' })
    await assert.rejects(late!, { message: 'the SIP server has not answered within 20 ms' })
    questions.answer(ids[2]!, 'three')
    assert.equal(questions.waiting, 0)
  })

  it('are so many at a time', async () => {
    const questions = new Questions({ maxQuestions: 2, questionMs: 60_000 })
    const put: number[] = []
    const asked = [1, 2, 3].map(() => questions.ask((id) => void put.push(id)))
    await assert.rejects(asked[2]!, { message: 'the SIP server has 2 questions waiting' })
    assert.equal(put.length, 2)
    questions.failAll(new Error('it is gone'))
    for (const each of asked.slice(0, 2)) await assert.rejects(each, { message: 'it is gone' })
    assert.equal(questions.waiting, 0)
  })

  it('are given up while the thread is busy with something else, which it answers in the end', async () => {
    const server = await TestServer.start({ inThread: true, limits: { questionMs: 100, maxQuestions: 2 } })
    try {
      // Some hundred milliseconds of work.
      const addresses = Array.from({ length: 200_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
      const asked = ['busy', 'behind it', 'too many'].map((name) =>
        server.handle.ask('setParties', name === 'busy' ? [{ name, addresses }] : []),
      )
      const outcomes = await Promise.allSettled(asked)
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message),
        [
          'the SIP server has not answered within 100 ms',
          'the SIP server has not answered within 100 ms',
          'the SIP server has 2 questions waiting',
        ],
      )
      for (;;) {
        const stats = await server.handle.stats().catch(() => null)
        if (stats !== null) break
      }
    } finally {
      await server.close()
    }
  })
})
