import assert from 'node:assert/strict'
import { MESSAGE_LIMITS, Messages } from '../../../gateway/outside-calls/messages.ts'
import type { RequestRefused } from '../../../gateway/outside-calls/request-refused.ts'
import {
  anAnswer,
  anAnswerOf,
  aRequest,
  AskingExchange,
  ScriptedSignaling,
  settled,
} from '../../support/asking-parts.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'

const HEADERS = { 'Content-Type': 'text/plain' }

describe('messages outside calls', () => {
  let exchange: AskingExchange
  let signaling: ScriptedSignaling
  let schedule: ManualSchedule
  let messages: Messages
  beforeEach(() => {
    exchange = new AskingExchange()
    signaling = new ScriptedSignaling()
    schedule = new ManualSchedule()
    messages = create()
  })
  afterEach(() => exchange.close())

  const create = (limits: Partial<typeof MESSAGE_LIMITS> = {}): Messages =>
    new Messages(signaling.face, exchange.parts, schedule, limits)
  function send(body = 'hi') {
    const res = anAnswer()
    return { res, done: messages.take(aRequest('MESSAGE', { headers: HEADERS, body }), res) }
  }
  const refused = (status: number) => (error: RequestRefused) => error.status === status

  it('go to the next group of phones only when nobody of the first takes them', async () => {
    exchange.register(['sip:a@198.51.100.7', 'sip:b@198.51.100.7'], ['sip:c@198.51.100.7'])
    const { res, done } = send()
    await settled()
    assert.deepEqual(signaling.asked.map(({ to }) => to).toSorted(), ['sip:a@198.51.100.7', 'sip:b@198.51.100.7'])
    signaling.asked[0]!.answer(anAnswerOf(486))
    signaling.asked[1]!.fail()
    await settled()
    assert.equal(signaling.asked[2]!.to, 'sip:c@198.51.100.7')
    signaling.asked[2]!.answer(anAnswerOf(200))
    await done
    assert.deepEqual(res.sent, [{ status: 200, headers: {} }])
    assert.equal(schedule.pending, 0)
  })

  it('end with a 6xx of anybody, and ask no further', async () => {
    exchange.register(['sip:a@198.51.100.7'], ['sip:c@198.51.100.7'])
    const { res, done } = send()
    await settled()
    signaling.asked[0]!.answer(anAnswerOf(603))
    await done
    assert.equal(res.sent[0]!.status, 603)
    assert.equal(signaling.asked.length, 1)
  })

  it('are answered with 480 before their sender gives up, while the phone may still be asked', async () => {
    exchange.register(['sip:a@198.51.100.7'], ['sip:c@198.51.100.7'])
    const { res, done } = send()
    await schedule.advance(MESSAGE_LIMITS.answerMs - 1)
    assert.equal(res.sent.length, 0)
    await schedule.advance(1)
    await done
    assert.equal(res.sent[0]!.status, 480)
    assert.equal(messages.open, 1, 'its place is taken until the phone is given up')
    signaling.asked[0]!.answer(anAnswerOf(408))
    await settled()
    assert.equal(messages.open, 0)
    assert.equal(signaling.asked.length, 1, 'nobody waits for the others')
  })

  it('of one sender, or of all, are no more at a time than may be: 503, until there is room again', async () => {
    exchange.register(['sip:a@198.51.100.7'])
    for (const limits of [{ maxOpenOfOne: 2 }, { maxOpen: 2 }]) {
      messages = create(limits)
      const [first, second] = [send(), send()]
      await settled()
      await assert.rejects(send().done, refused(503))
      signaling.asked.at(-1)!.answer(anAnswerOf(200))
      await second.done
      await settled()
      const third = send()
      await settled()
      for (const each of signaling.asked) each.answer(anAnswerOf(200))
      await Promise.all([first.done, third.done])
      await settled()
      assert.equal(messages.open, 0)
    }
  })

  it('have a body no longer than may be, counted in bytes', async () => {
    messages = create({ maxBytes: 4 })
    exchange.register(['sip:a@198.51.100.7'])
    await assert.rejects(send('né né').done, refused(413))
    await assert.rejects(send('ééé').done, refused(413))
    const { done } = send('éé')
    await settled()
    signaling.asked[0]!.answer(anAnswerOf(200))
    await done
  })
})
