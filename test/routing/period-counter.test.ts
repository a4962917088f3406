import assert from 'node:assert/strict'
import { PeriodCounter } from '../../routing/period-counter.ts'

describe('a counter by period', () => {
  it('keeps the current period and the one before', () => {
    const counter = new PeriodCounter()
    counter.at(10).calls += 3
    counter.at(11).calls += 1
    assert.deepEqual([counter.peek(10).calls, counter.peek(11).calls, counter.peek(12).calls], [3, 1, 0])
    counter.at(12).calls += 1
    assert.deepEqual([counter.peek(10).calls, counter.peek(11).calls, counter.peek(12).calls], [0, 1, 1])
  })

  it('does not begin a period by being asked about it', () => {
    const counter = new PeriodCounter()
    counter.at(10).calls++
    counter.peek(99)
    assert.equal(counter.peek(10).calls, 1)
  })

  it('takes in the period before when it comes late, and lets older ones go', () => {
    const counter = new PeriodCounter()
    counter.at(10).calls++
    counter.at(8).calls++
    counter.at(9).calls++
    counter.at(7).calls++
    assert.deepEqual(
      [7, 8, 9, 10].map((period) => counter.peek(period).calls),
      [0, 0, 1, 1],
    )
  })

  it('gives back to the period it took from, even when that has passed', () => {
    const counter = new PeriodCounter()
    const tally = counter.at(10)
    tally.calls++
    counter.at(11).calls++
    counter.at(12).calls++
    tally.calls--
    assert.deepEqual([counter.peek(11).calls, counter.peek(12).calls], [1, 1])
  })
})
