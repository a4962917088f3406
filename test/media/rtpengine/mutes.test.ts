import assert from 'node:assert/strict'
import { MUTE_TRIES, Mutes } from '../../../media/rtpengine/mutes.ts'

describe('Mutes', () => {
  /** An rtpengine that does what it is asked and never says so, `failures` times. */
  function start(failures: number): {
    asked: boolean[]
    mutes: Mutes
    over: Promise<string>
    shouldBe: { muted: boolean }
  } {
    const asked: boolean[] = []
    const shouldBe = { muted: true }
    const { promise: over, resolve } = Promise.withResolvers<string>()
    const audio = {
      mute(_side: unknown, on: boolean): Promise<void> {
        asked.push(on)
        if (asked.length <= failures) return Promise.reject(new Error('no answer'))
        resolve('done')
        return Promise.resolve()
      },
    }
    const mutes: Mutes = new Mutes({
      shouldBeMuted: (side) => side === 'caller' && shouldBe.muted,
      settle: () => mutes.settle(audio),
      againMs: 1,
      giveUp: (error) => resolve(String(error)),
    })
    void mutes.settle(audio).catch(() => {})
    return { asked, mutes, over, shouldBe }
  }

  it('asks again until it is answered, for what should be by then', async () => {
    const { asked, over, shouldBe } = start(3)
    shouldBe.muted = false
    assert.equal(await over, 'done')
    assert.deepEqual(asked, [true, false, false, false])
  })

  it('gives up in the end', async () => {
    const { asked, over } = start(Infinity)
    assert.match(await over, /no answer/)
    assert.equal(asked.length, MUTE_TRIES)
  })

  it('asks no more once the call has ended', async () => {
    const { asked, mutes } = start(Infinity)
    await Promise.resolve()
    mutes.end()
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(asked.length, 1)
  })
})
