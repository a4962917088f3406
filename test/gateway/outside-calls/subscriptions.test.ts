import assert from 'node:assert/strict'
import type { RequestRefused } from '../../../gateway/outside-calls/request-refused.ts'
import { SUBSCRIPTION_LIMITS, type SubscriptionLimits } from '../../../gateway/outside-calls/subscription-limits.ts'
import { Subscriptions } from '../../../gateway/outside-calls/subscriptions.ts'
import {
  anAnswer,
  anAnswerOf,
  aRequest,
  AskingExchange,
  ScriptedSignaling,
  settled,
} from '../../support/asking-parts.ts'
import { ManualSchedule } from '../../support/manual-schedule.ts'

const EVENT = { Event: 'presence' }
const ACTIVE = { ...EVENT, 'Subscription-State': 'active' }

describe('subscriptions outside calls', () => {
  let exchange: AskingExchange
  let signaling: ScriptedSignaling
  let schedule: ManualSchedule
  let subscriptions: Subscriptions
  beforeEach(() => {
    exchange = new AskingExchange()
    exchange.register(['sip:a@198.51.100.7'])
    signaling = new ScriptedSignaling()
    schedule = new ManualSchedule()
    subscriptions = create()
  })
  afterEach(() => exchange.close())

  const create = (limits: Partial<SubscriptionLimits> = {}): Subscriptions =>
    new Subscriptions(signaling.face, exchange.parts, schedule, limits)
  function subscribe(callId = 'call', headers: Record<string, string> = {}) {
    const res = anAnswer()
    const req = aRequest('SUBSCRIBE', { headers: { ...EVENT, Expires: '120', 'Call-ID': callId, ...headers } })
    return { res, done: subscriptions.subscribe(req, res) }
  }
  /** One that is up; resolves to the name of its notifier's dialog. */
  async function established(callId = 'call'): Promise<string> {
    const { res, done } = subscribe(callId)
    await settled()
    const notifier = `notifier-${signaling.asked.length}`
    signaling.asked.at(-1)!.answer(anAnswerOf(200, { Expires: '120' }, notifier))
    await done
    assert.equal(res.sent[0]!.status, 200)
    return notifier
  }
  function notify(n: number, headers: Record<string, string> = ACTIVE) {
    const res = anAnswer()
    const to = { 'Call-ID': `ours-${n}`, To: '<sip:x@dce>;tag=ours', From: '<sip:desk@dce>;tag=phone' }
    return { res, done: subscriptions.notify(aRequest('NOTIFY', { headers: { ...headers, ...to } }), res) }
  }
  const refused = (status: number) => (error: RequestRefused) => error.status === status
  const last = () => signaling.asked.at(-1)!

  it('are no more than may be, of one subscriber or of all: 503, until one has ended', async () => {
    for (const limits of [{ maxOfOne: 2 }, { max: 2 }]) {
      signaling.asked.length = 0
      signaling = new ScriptedSignaling()
      subscriptions = create(limits)
      await established('one')
      await established('two')
      await assert.rejects(subscribe('three').done, refused(503))
      const { done } = notify(2, { ...EVENT, 'Subscription-State': 'terminated;reason=noresource' })
      await settled()
      last().answer(anAnswerOf(200))
      await done
      await established('three')
      assert.equal(subscriptions.size, 2)
    }
  })

  it('are not begun twice by one SUBSCRIBE that comes by two ways', async () => {
    const { done } = subscribe()
    await settled()
    await assert.rejects(subscribe().done, refused(491))
    last().answer(anAnswerOf(489, { 'Allow-Events': 'dialog' }))
    await done
    assert.equal(subscriptions.size, 0)
  })

  it('nobody agrees to in time are answered with 480; who agrees later is told that it is over', async () => {
    exchange.register(['sip:a@198.51.100.7', 'sip:b@198.51.100.7'])
    const { res, done } = subscribe()
    await schedule.advance(SUBSCRIPTION_LIMITS.answerMs)
    await done
    assert.deepEqual([res.sent[0]!.status, subscriptions.size, signaling.asked.length], [480, 0, 1])
    last().answer(anAnswerOf(200, { Expires: '120' }, 'late'))
    await settled()
    assert.deepEqual([last().to, last().method, last().headers['Expires']], ['late', 'SUBSCRIBE', '0'])
    await assert.rejects(notify(1).done, refused(481))
    assert.equal(schedule.pending, 0)
  })

  it('are granted what the phone grants, and not more than may be asked for', async () => {
    const { res, done } = subscribe('long', { Expires: '86400' })
    await settled()
    assert.equal(last().headers['Expires'], '3600')
    last().answer(anAnswerOf(200, { Expires: '600' }, 'notifier'))
    await done
    assert.equal(res.sent[0]!.headers['Expires'], '600')
  })

  it('nobody refreshes are over with their time and a little more, and both sides are told', async () => {
    const notifier = await established()
    await schedule.advance(120_000 + SUBSCRIPTION_LIMITS.graceMs - 1)
    assert.equal(subscriptions.size, 1)
    await schedule.advance(1)
    assert.equal(subscriptions.size, 0)
    assert.deepEqual(
      signaling.asked
        .slice(1)
        .map(({ to, method, headers }) => [to, method, headers['Subscription-State'] ?? headers['Expires']]),
      [
        [notifier, 'SUBSCRIBE', '0'],
        ['subscriber-1', 'NOTIFY', 'terminated;reason=timeout'],
      ],
    )
    assert.equal(schedule.pending, 0)
  })

  it('let no more NOTIFYs wait at a time than may be: 503', async () => {
    await established()
    const open = Array.from({ length: SUBSCRIPTION_LIMITS.maxOpenNotifies }, () => notify(1))
    await settled()
    const one = notify(1)
    await one.done
    assert.equal(one.res.sent[0]!.status, 503)
    for (const each of signaling.asked.slice(1)) each.answer(anAnswerOf(200))
    await Promise.all(open.map(({ done }) => done))
    assert.ok(open.every(({ res }) => res.sent[0]!.status === 200))
    const next = notify(1)
    await settled()
    last().answer(anAnswerOf(200))
    await next.done
    assert.equal(next.res.sent[0]!.status, 200)
  })

  it('whose subscriber is gone before it hears our answer are ended with the phone', async () => {
    signaling.accepts = false
    const { done } = subscribe()
    await settled()
    const early = notify(1)
    signaling.asked[0]!.answer(anAnswerOf(200, { Expires: '120' }, 'notifier'))
    await done
    await early.done
    assert.equal(early.res.sent[0]!.status, 481)
    assert.deepEqual([last().to, last().headers['Expires'], subscriptions.size], ['notifier', '0', 0])
  })

  it('that come up while they are to be closed are ended then', async () => {
    const { done } = subscribe()
    await settled()
    const closed = subscriptions.close()
    await settled()
    assert.equal(signaling.asked.length, 1)
    last().answer(anAnswerOf(200, { Expires: '120' }, 'notifier'))
    await done
    await settled()
    assert.deepEqual(
      signaling.asked.slice(1).map(({ to, method }) => [to, method]),
      [
        ['notifier', 'SUBSCRIBE'],
        ['subscriber-1', 'NOTIFY'],
      ],
    )
    last().answer(anAnswerOf(200))
    await closed
  })

  it('take no longer to close than a moment, though nobody takes note', async () => {
    await established()
    const closed = subscriptions.close()
    await settled()
    assert.equal(last().headers['Subscription-State'], 'terminated;reason=probation;retry-after=30')
    await schedule.advance(SUBSCRIPTION_LIMITS.closeMs)
    await closed
    assert.equal(subscriptions.size, 0)
  })
})
