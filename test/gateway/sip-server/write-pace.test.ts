import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { GATHER_MS, MANY_FRAMES, WritePace } from '../../../gateway/sip-server/write-pace.ts'

describe('the pace of a control connection', () => {
  let nowMs: number
  let flushed: number
  let pace: WritePace
  const next = (): void => pace.next(() => void flushed++)
  /** How many writes there were after so many more milliseconds. */
  const after = (ms: number): number => {
    nowMs += ms
    mock.timers.tick(ms)
    return flushed
  }

  beforeEach(() => {
    nowMs = 1_000
    flushed = 0
    pace = new WritePace()
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
    mock.method(performance, 'now', () => nowMs)
  })
  afterEach(() => {
    mock.timers.reset()
    mock.restoreAll()
  })

  it('writes at the end of the turn what comes after a silence', () => {
    next()
    assert.equal(after(0), 1)
    pace.wrote(MANY_FRAMES)
    after(GATHER_MS.many)
    next()
    assert.equal(after(0), 2)
  })

  for (const [frames, gathersMs] of [
    [1, GATHER_MS.few],
    [MANY_FRAMES - 1, GATHER_MS.few],
    [MANY_FRAMES, GATHER_MS.many],
  ] as const)
    it(`gathers for ${gathersMs} ms after a write of ${frames}`, () => {
      pace.wrote(frames)
      next()
      assert.equal(after(gathersMs - 0.5), 0)
      assert.equal(after(0.5), 1)
    })
})
