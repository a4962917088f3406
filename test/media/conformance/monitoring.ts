import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { MediaUnavailable, UnacceptableMedia, type MediaSession } from '../../../media/media-server.ts'
import type { Monitor } from '../../../media/monitor.ts'
import type { MonitorMode } from '../../../model/call-monitor.ts'
import { audioPort } from '../relay/rtp-party.ts'
import { answered, TONES, type Behaviour, type Stage } from './stage.ts'
import { digitHeard, toneHeard } from './tone-party.ts'

/** How long an engine may take at most from the answer of one who monitors until they hear the call, and to change what they may say. */
const COMES_WITHIN_MS = 15_000
const KEY_3 = 3

async function monitorBy(stage: Stage, session: MediaSession, mode: MonitorMode): Promise<[Monitor, number]> {
  const monitor = await session.monitor!(mode)
  await monitor.answered(stage.third.describe())
  return [monitor, audioPort(monitor.offer)]
}

/** Tries until it comes out so: engines say nothing of when those who monitor are heard or hear. */
async function comes<T>(tried: () => Promise<T>, expected: T, what: string): Promise<void> {
  const untilMs = performance.now() + COMES_WITHIN_MS
  let came = await tried()
  while (!isDeepStrictEqual(came, expected) && performance.now() < untilMs) came = await tried()
  assert.deepEqual(came, expected, what)
}

/** Who of the call hears the one who monitors it. */
async function hearers({ third, caller, buyer }: Stage, port: number): Promise<string[]> {
  const [byCaller, byBuyer] = await toneHeard(third, port, TONES.third, [caller, buyer])
  return [...(byCaller!.length > 0 ? ['caller'] : []), ...(byBuyer!.length > 0 ? ['buyer'] : [])]
}

export const MONITORING: readonly Behaviour[] = [
  {
    name: 'lets somebody listen to a call, whisper to the buyer’s side, and barge in',
    needs: 'monitor',
    async run(stage) {
      const { session, callerPort, buyerPort } = await answered(stage)
      const { caller, buyer, third } = stage
      const [monitor, port] = await monitorBy(stage, session, 'listen')
      const hears = async (): Promise<void> => {
        const says = (): Promise<number[][]> => toneHeard(caller, callerPort, TONES.caller, [buyer, third])
        await comes(says, [[TONES.caller], [TONES.caller]], 'the caller is heard')
        const replies = (): Promise<number[][]> => toneHeard(buyer, buyerPort, TONES.buyer, [caller, third])
        await comes(replies, [[TONES.buyer], [TONES.buyer]], 'the buyer is heard')
      }
      await hears()
      assert.deepEqual(await hearers(stage, port), [])
      await digitHeard(third, port, KEY_3, buyer)
      assert.deepEqual(await hearers(stage, port), [], 'a key pressed lets nobody speak')
      for (const [mode, whom] of [
        ['whisper', ['buyer']],
        ['barge', ['caller', 'buyer']],
        ['listen', []],
      ] as const) {
        await monitor.setMode(mode)
        await comes(() => hearers(stage, port), [...whom], mode)
        await hears()
      }
      await monitor.close()
      assert.equal(await monitor.ended, 'closed')
      const after = (): Promise<number[][]> => toneHeard(caller, callerPort, TONES.caller, [buyer, third])
      await comes(after, [[TONES.caller], []], 'the call goes on')
      await session.close()
    },
  },
  {
    name: 'begins to monitor in any mode, and ends it with the call',
    needs: 'monitor',
    async run(stage) {
      const { session, callerPort } = await answered(stage)
      for (const [mode, whom] of [
        ['whisper', ['buyer']],
        ['barge', ['caller', 'buyer']],
      ] as const) {
        const [monitor, port] = await monitorBy(stage, session, mode)
        await comes(() => hearers(stage, port), [...whom], mode)
        await monitor.close()
      }
      const [last] = await monitorBy(stage, session, 'listen')
      const heard = (): Promise<number[][]> => toneHeard(stage.caller, callerPort, TONES.caller, [stage.third])
      await comes(heard, [[TONES.caller]], 'the last one listens')
      await session.close()
      assert.equal(await last.ended, 'call_ended')
      await assert.rejects(last.setMode('barge'), MediaUnavailable)
      await assert.rejects(session.monitor!('listen'), MediaUnavailable)
      assert.equal(stage.engine.sessionCount, 0)
    },
  },
  {
    name: 'goes on as it was when nobody with a codec of ours monitors it, and lets no more than three',
    needs: 'monitor',
    async run(stage) {
      const talk = await answered(stage)
      const monitors = await Promise.all([1, 2, 3].map(() => talk.session.monitor!('barge')))
      await assert.rejects(talk.session.monitor!('listen'), MediaUnavailable)
      await assert.rejects(monitors[0]!.answered(stage.third.describe({ payloads: '18 101' })), UnacceptableMedia)
      for (const monitor of monitors) await monitor.close()
      const { caller, buyer } = stage
      const says = (): Promise<number[][]> => toneHeard(caller, talk.callerPort, TONES.caller, [buyer])
      await comes(says, [[TONES.caller]], 'the caller is heard')
      await comes(() => toneHeard(buyer, talk.buyerPort, TONES.buyer, [caller]), [[TONES.buyer]], 'the buyer is heard')
      await talk.session.close()
    },
  },
]
