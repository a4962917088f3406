import assert from 'node:assert/strict'
import { isTimerName, timerMs, timersFrom } from '../../../gateway/sip-server/timers.ts'
import { TimerWheel } from '../../../gateway/sip-server/timer-wheel.ts'

describe('the table of timers', () => {
  it('derives every timer from T1, T2 and T4 as RFC 3261 Table 4 and RFC 6026 have it, but for late copies', () => {
    const timers = timersFrom()
    assert.deepEqual([timers.t1Ms, timers.t2Ms, timers.t4Ms], [500, 4000, 5000])
    const unreliable = {
      A: 500,
      B: 32_000,
      D: 32_000,
      E: 500,
      F: 32_000,
      G: 500,
      H: 37_000,
      I: 5000,
      J: 37_000,
      K: 5000,
      L: 37_000,
      M: 32_000,
    }
    for (const [name, ms] of Object.entries(unreliable)) {
      assert.ok(isTimerName(name))
      assert.equal(timerMs(timers, name, 0, false), ms, name)
    }
    for (const name of ['D', 'I', 'J', 'K'] as const) assert.equal(timerMs(timers, name, 0, true), 0, name)
    for (const name of ['B', 'F', 'H', 'L', 'M'] as const) assert.equal(timerMs(timers, name, 0, true), 32_000, name)
  })

  it('doubles A without end, and E and G up to T2', () => {
    const timers = timersFrom()
    const waits = (name: 'A' | 'E' | 'G') => [0, 1, 2, 3, 4, 5].map((firings) => timerMs(timers, name, firings, false))
    assert.deepEqual(waits('A'), [500, 1000, 2000, 4000, 8000, 16_000])
    assert.deepEqual(waits('E'), [500, 1000, 2000, 4000, 4000, 4000])
    assert.deepEqual(waits('G'), waits('E'))
  })

  it('keeps T2 and T4 in proportion to a T1 of a test', () => {
    const timers = timersFrom({ t1Ms: 20 })
    assert.deepEqual([timers.t2Ms, timers.t4Ms, timers.giveUpMs], [160, 200, 1280])
  })
})

const wheelAt0 = (): TimerWheel => new TimerWheel(50, 0)

describe('the timer wheel', () => {
  it('never fires early, and at most two ticks late', () => {
    const wheel = wheelAt0()
    let nowMs = 0
    const late: number[] = []
    for (const delayMs of [0, 1, 49, 50, 51, 500, 31_999, 51_200, 60_000, 600_000]) {
      wheel.arm(delayMs, { onTimer: () => late.push(nowMs - delayMs) }, 'x')
    }
    for (; nowMs <= 610_000; nowMs += 10) wheel.advanceTo(nowMs)
    assert.equal(late.length, 10)
    for (const ms of late) assert.ok(ms >= 0 && ms <= 100, `${ms} ms late`)
    assert.equal(wheel.armed, 0)
  })

  it('forgets a cancelled timer, and lets a timer arm another while it fires', () => {
    const wheel = wheelAt0()
    const fired: string[] = []
    wheel.arm(100, { onTimer: () => fired.push('cancelled') }, 'x').cancel()
    const again = {
      onTimer: (name: string): void => void (fired.push(name), fired.length < 3 && wheel.arm(0, again, 'again')),
    }
    wheel.arm(100, again, 'first')
    assert.equal(wheel.armed, 1)
    wheel.advanceTo(1_000)
    assert.deepEqual(fired, ['first', 'again', 'again'])
    assert.equal(wheel.armed, 0)
  })

  it('does not fire what another timer of the same moment has cancelled', () => {
    const wheel = wheelAt0()
    const fired: string[] = []
    const note = { onTimer: (name: string): void => void fired.push(name) }
    wheel.arm(100, note, 'before')
    wheel.arm(100, { onTimer: () => later.cancel() }, 'cancels')
    const later = wheel.arm(100, note, 'cancelled')
    wheel.arm(100, note, 'after')
    wheel.advanceTo(1_000)
    assert.deepEqual(fired, ['before', 'after'])
    assert.equal(wheel.armed, 0)
  })

  it('catches up after the process was held up', () => {
    const wheel = wheelAt0()
    let fired = 0
    for (let i = 0; i < 1000; i++) wheel.arm(i * 100, { onTimer: () => fired++ }, 'x')
    wheel.advanceTo(200_000)
    assert.equal(fired, 1000)
  })

  it('goes on past an owner that throws, and reports it', () => {
    const errors: unknown[] = []
    const wheel = new TimerWheel(50, 0, (error) => errors.push(error))
    let fired = 0
    wheel.arm(50, { onTimer: () => assert.fail('a bug') }, 'x')
    wheel.arm(50, { onTimer: () => fired++ }, 'x')
    wheel.advanceTo(500)
    assert.deepEqual([errors.length, fired], [1, 1])
  })
})
