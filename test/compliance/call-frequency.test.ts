import assert from 'node:assert/strict'
import { CallFrequency, MAX_CALLS_OF_CONSUMER, type ConsumerCall } from '../../compliance/call-frequency.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { anOffer, NOON_MS } from '../support/compliance-rules.ts'
import { compliance, numberIn } from './support.ts'

const HOUR_MS = 3_600_000
const consumer = (n: number) => `+1212555${String(n).padStart(4, '0')}` as PhoneNumber
const call = (atMs: number): ConsumerCall => ({
  atMs,
  leg: 'transfer',
  vertical: 'insurance',
  sellerId: 's',
  numberId: 'n',
})

describe('the calls of each consumer', () => {
  it('count for the hours asked for, the latest hundred of them', () => {
    const calls = new CallFrequency()
    for (let i = 0; i < MAX_CALLS_OF_CONSUMER + 50; i++) calls.add(consumer(1), call(NOON_MS + i))
    assert.equal(calls.count(consumer(1), 1, NOON_MS + 1000), MAX_CALLS_OF_CONSUMER)
    assert.equal(
      calls.count(consumer(1), 1, NOON_MS + 1000, ({ vertical }) => vertical === 'legal'),
      0,
    )
    assert.equal(calls.count(consumer(2), 1, NOON_MS), 0)
    calls.add(consumer(1), call(NOON_MS + 25 * HOUR_MS))
    assert.equal(calls.count(consumer(1), 48, NOON_MS + 25 * HOUR_MS), 1) // Kept for a day, as nobody asked for more.
  })

  it('are those of so many consumers, the latest called', () => {
    const calls = new CallFrequency(3)
    for (const i of [1, 2, 3, 1, 4]) calls.add(consumer(i), call(NOON_MS + i))
    assert.equal(calls.size, 3)
    assert.equal(calls.count(consumer(2), 1, NOON_MS + 5), 0)
    assert.equal(calls.count(consumer(1), 1, NOON_MS + 5), 2)
  })

  it('forget those who were last called long ago', () => {
    const calls = new CallFrequency()
    for (let i = 0; i < 4_095; i++) calls.add(consumer(i), call(NOON_MS))
    assert.equal(calls.size, 4_095)
    calls.add(consumer(5_000), call(NOON_MS + 24 * HOUR_MS))
    assert.equal(calls.size, 1)
  })

  it('are recalled newest first, as if they had been counted as they came', () => {
    const [lived, recalled] = [new CallFrequency(2), new CallFrequency(2)]
    const story = [1, 2, 1, 3, 3, 1].map((who, i) => ({ who, atMs: NOON_MS + i * HOUR_MS }))
    for (const { who, atMs } of story) lived.add(consumer(who), call(atMs))
    for (const { who, atMs } of story.toReversed()) recalled.recall(consumer(who), call(atMs))
    for (const who of [1, 2, 3])
      for (const hours of [1, 3, 24])
        assert.equal(
          recalled.count(consumer(who), hours, NOON_MS + 5 * HOUR_MS),
          lived.count(consumer(who), hours, NOON_MS + 5 * HOUR_MS),
          `${who} in ${hours}`,
        )
  })
})

describe('states that limit calls to a person', () => {
  it('allow three in a day on one subject, of those that were made to it', () => {
    for (const state of ['FL', 'OK']) {
      const law = compliance()
      const made = (over: Parameters<typeof anOffer>[0] = {}) => {
        const request = anOffer({ ani: numberIn(state), trafficType: 'transfer', ...over })
        const { rule } = law.screen(request)
        law.count(request)
        return rule
      }
      const other = { sellerId: 'seller', numberId: 'n', vertical: 'legal', tags: {} }
      assert.deepEqual([made(), made(), made(), made()], [null, null, null, `call-frequency:${state}`])
      assert.equal(made({ offer: other }), null)
      assert.equal(made({ atMs: NOON_MS + 24 * HOUR_MS }), null)
    }
  })

  it('only advise where the consumer dialled, and do not count such calls', () => {
    const law = compliance()
    const request = (trafficType: 'inbound' | 'outbound') => anOffer({ ani: numberIn('FL'), trafficType })
    for (let i = 0; i < 5; i++) law.count(request('inbound'))
    assert.equal(law.screen(request('outbound')).rule, null)
    for (let i = 0; i < 3; i++) law.count(request('outbound'))
    const { allowed, effect, rule } = law.screen(request('inbound'))
    assert.deepEqual([allowed, effect, rule], [true, 'advisory', 'call-frequency:FL'])
    assert.equal(law.screen(request('outbound')).allowed, false)
  })

  it('leave the others’ consumers alone', () => {
    const law = compliance()
    const request = anOffer({ trafficType: 'outbound' })
    for (let i = 0; i < 10; i++) law.count(request)
    assert.equal(law.screen(request).rule, null)
  })
})
