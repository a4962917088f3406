import assert from 'node:assert/strict'
import { joinAudio } from '../../../gateway/audio/join-audio.ts'
import type { Call } from '../../../gateway/live-call.ts'
import type { ExchangeParts } from '../../../gateway/parts.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'

/** An answered call whose sides are kept apart, at an engine that cannot join them, and how it was hung up; `hasEnded`: meanwhile. */
function callApart(hasEnded: boolean) {
  const ends: string[][] = []
  const notes: string[] = []
  const bridge = { isEnded: false, hangUp: (...end: string[]) => void ends.push(end) }
  const apart = (): Promise<void> => {
    bridge.isEnded = hasEnded
    return Promise.reject(new MediaUnavailable('it does not answer'))
  }
  const call = {
    media: { tools: { apart } },
    bridge,
    ringback: null,
    isApart: true,
    isJoined: true,
    note: (step: string, detail: string) => void notes.push(`${step}: ${detail}`),
  }
  return { call: call as unknown as Call, ends, notes }
}

const parts = {} as ExchangeParts

describe('sides that cannot be joined', () => {
  it('are hung up on, and nobody pays for what they did not hear', async () => {
    const { call, ends, notes } = callApart(false)
    await joinAudio(call, null, parts)
    assert.deepEqual(ends, [['media_failed', 'exchange']])
    assert.equal(call.isJoined, false)
    assert.deepEqual(notes, ['not joined: it does not answer'])
  })

  it('end as they have ended already', async () => {
    const { call, ends } = callApart(true)
    await joinAudio(call, null, parts)
    assert.deepEqual(ends, [])
    assert.equal(call.isJoined, true)
  })
})
