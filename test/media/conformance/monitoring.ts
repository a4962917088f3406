import assert from 'node:assert/strict'
import { MediaUnavailable, UnacceptableMedia, type MediaSession } from '../../../media/media-server.ts'
import type { Monitor } from '../../../media/monitor.ts'
import type { MonitorMode } from '../../../model/call-monitor.ts'
import { audioPort } from '../relay/rtp-party.ts'
import { answered, bothHear, TONES, type Behaviour, type Stage } from './stage.ts'
import { digitHeard, toneHeard } from './tone-party.ts'

/** How long an engine may take from the answer of one who monitors until they hear the call, and to change what they may say. */
const SETTLE_MS = 700
const KEY_3 = 3

async function monitorBy(stage: Stage, session: MediaSession, mode: MonitorMode): Promise<[Monitor, number]> {
  const monitor = await session.monitor!(mode)
  await monitor.answered(stage.third.describe())
  await settle()
  return [monitor, audioPort(monitor.offer)]
}

function settle(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, SETTLE_MS))
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
        const said = await toneHeard(caller, callerPort, TONES.caller, [buyer, third])
        assert.deepEqual(said, [[TONES.caller], [TONES.caller]])
        const replied = await toneHeard(buyer, buyerPort, TONES.buyer, [caller, third])
        assert.deepEqual(replied, [[TONES.buyer], [TONES.buyer]])
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
        await settle()
        assert.deepEqual(await hearers(stage, port), whom, mode)
        await hears()
      }
      await monitor.close()
      assert.equal(await monitor.ended, 'closed')
      await settle()
      const [byBuyer, byThird] = await toneHeard(caller, callerPort, TONES.caller, [buyer, third])
      assert.deepEqual([byBuyer, byThird], [[TONES.caller], []])
      await session.close()
    },
  },
  {
    name: 'begins to monitor in any mode, and ends it with the call',
    needs: 'monitor',
    async run(stage) {
      const { session } = await answered(stage)
      for (const [mode, whom] of [
        ['whisper', ['buyer']],
        ['barge', ['caller', 'buyer']],
      ] as const) {
        const [monitor, port] = await monitorBy(stage, session, mode)
        assert.deepEqual(await hearers(stage, port), whom, mode)
        await monitor.close()
      }
      const [last] = await monitorBy(stage, session, 'listen')
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
      await bothHear(stage, talk)
      await talk.session.close()
    },
  },
]
