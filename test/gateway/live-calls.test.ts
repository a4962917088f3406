import assert from 'node:assert/strict'
import type { Call } from '../../gateway/live-call.ts'
import { LiveCalls } from '../../gateway/live-calls.ts'

/** A recorded call whose media engine no longer knows it. */
function recordedCall({ isEnded }: { readonly isEnded: boolean }): Call {
  const gone = (): Promise<void> => Promise.reject(new Error('no such session'))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a call is read
  return { id: 'c', bridge: { isEnded }, recording: { pause: gone, resume: gone }, note: () => {} } as unknown as Call
}

describe('the pause of a recording', () => {
  for (const isPaused of [true, false])
    it(`${isPaused ? 'begun' : 'ended'} as its call ends finds none`, async () => {
      const calls = new LiveCalls()
      const call = recordedCall({ isEnded: true })
      calls.add(call)
      assert.equal(await calls.pauseRecording(call.id, isPaused), false)
    })

  it('that an engine refuses while the call goes on is an error', async () => {
    const calls = new LiveCalls()
    const call = recordedCall({ isEnded: false })
    calls.add(call)
    await assert.rejects(calls.pauseRecording(call.id, true), /no such session/)
  })
})
