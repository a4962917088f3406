import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AudioTools } from '../../../media/audio-tools.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { readWav, tonesIn } from '../../support/tones.ts'
import { rtp, type RtpParty } from '../relay/rtp-party.ts'
import { answered, bothHear, hear, notHeard, TONES, type Behaviour, type Stage, type Talk } from './stage.ts'
import { digitHeard, tonesOf, toneHeard } from './tone-party.ts'

/** How long a tool's work may take to begin. */
const BEGIN_MS = 300
/** How long it may take at most until an engine hears keys. */
const LISTENS_WITHIN_MS = 10_000
const TELEPHONE_EVENT = 101
const MENU = { max: 4, terminators: '#', firstMs: 5000, betweenMs: 3000 }

async function withTools(stage: Stage, body: (talk: Talk, tools: AudioTools) => Promise<void>): Promise<void> {
  const talk = await answered(stage)
  assert.ok(talk.session.tools)
  try {
    await body(talk, talk.session.tools)
  } finally {
    await talk.session.close()
  }
}

/** A phone that speaks, so that what needs its audio has it. */
function speaking(from: RtpParty, port: number): () => void {
  let sequence = 6000
  const timer = setInterval(() => from.send(rtp({ sequence: ++sequence, mark: 0xd0, ssrc: from.port }), port), 20)
  return () => clearInterval(timer)
}

function heardBy(party: RtpParty): number[] {
  return tonesOf(party.heard.map(({ packet }) => packet))
}

/** What every engine with prompts, digits and recording does. */
export const TOOL_BEHAVIOURS: readonly Behaviour[] = [
  {
    name: 'plays to one side alone, and to the end',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async (talk, tools) => {
        const startMs = performance.now()
        await tools.play('caller', { kind: 'tone', hertz: [1200], onMs: 1000, offMs: 0 })
        assert.ok(performance.now() - startMs > 900)
        assert.deepEqual(heardBy(stage.caller), [1200])
        assert.deepEqual(heardBy(stage.buyer), [])
        await bothHear(stage, talk)
      }),
  },
  {
    name: 'plays over and over until it is stopped, and the other side is not heard meanwhile',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async ({ buyerPort }, tools) => {
        const stop = new AbortController()
        const hold = { kind: 'tone', hertz: [1200], onMs: 200, offMs: 100 } as const
        const played = tools.play('caller', hold, { repeat: true, signal: stop.signal })
        await sleep(BEGIN_MS)
        const [heard] = await toneHeard(stage.buyer, buyerPort, TONES.buyer, [stage.caller])
        assert.ok(!heard!.includes(TONES.buyer), 'the other side is not heard')
        await sleep(400)
        stop.abort()
        await played
        await hear(stage.buyer, buyerPort, TONES.buyer, stage.caller)
      }),
  },
  {
    name: 'tells the digits a side dials, RFC 4733 and SIP INFO',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async ({ callerPort }, tools) => {
        const collected = tools.collectDigits('caller', MENU)
        await sleep(BEGIN_MS)
        for (const event of [4, 0, 11]) await digitHeard(stage.caller, callerPort, event, stage.buyer)
        assert.deepEqual(await collected, { digits: '40', endedBy: 'terminator' })
        const told = tools.collectDigits('buyer', { ...MENU, max: 1 })
        tools.digitFrom('caller', '1')
        tools.digitFrom('buyer', '2')
        assert.deepEqual(await told, { digits: '2', endedBy: 'max' })
        assert.equal((await tools.collectDigits('buyer', { ...MENU, firstMs: 100 })).endedBy, 'timeout')
      }),
  },
  {
    name: 'dials to a side (RFC 4733)',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async ({ callerPort }, tools) => {
        const hush = speaking(stage.caller, callerPort)
        await sleep(BEGIN_MS)
        await tools.sendDigits('buyer', '59#')
        await sleep(BEGIN_MS)
        hush()
        const events = stage.buyer.heard.filter(({ packet }) => (packet[1]! & 0x7f) === TELEPHONE_EVENT)
        assert.deepEqual([...new Set(events.map(({ packet }) => packet[12]))], [5, 9, 11])
      }),
  },
  {
    name: 'tells of the keys of a side whose other side has not agreed to RFC 4733',
    needs: 'tools',
    async run(stage) {
      const answer = stage.buyer.describe({ payloads: '0' }).replace('a=rtpmap:101 telephone-event/8000\r\n', '')
      const { session, callerPort, told } = await answered(stage, stage.caller.describe(), answer)
      assert.match(told, /telephone-event\/8000/)
      const tools = session.tools!
      assert.equal(tools.keyWay('buyer'), 'none')
      const keys: string[] = []
      tools.onKeys('caller', { down: (digit) => keys.push(`down ${digit}`), up: (digit) => keys.push(`up ${digit}`) })
      // The first may be pressed before the engine listens.
      const press = (event: number): Promise<unknown> => digitHeard(stage.caller, callerPort, event, stage.buyer)
      const untilMs = performance.now() + LISTENS_WITHIN_MS
      while (keys.length === 0 && performance.now() < untilMs) await press(3)
      await press(12)
      while (!keys.includes('up A') && performance.now() < untilMs) await sleep(20)
      assert.deepEqual(keys.slice(-2), ['down A', 'up A'])
      await session.close()
    },
  },
  {
    name: 'keeps the sides apart until they may talk',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async (talk, tools) => {
        await tools.apart(true)
        await notHeard(stage.caller, talk.callerPort, TONES.caller, stage.buyer)
        await notHeard(stage.buyer, talk.buyerPort, TONES.buyer, stage.caller)
        await tools.apart(false)
        await bothHear(stage, talk)
      }),
  },
  {
    name: 'records both sides, the caller left and the buyer right, and nothing while paused',
    needs: 'tools',
    run: (stage) =>
      withTools(stage, async ({ callerPort, buyerPort }, tools) => {
        const name = `conformance-${stage.caller.port}`
        const recording = await tools.record({ name, maxMs: 60_000 })
        await sleep(BEGIN_MS)
        await toneHeard(stage.caller, callerPort, TONES.caller, [])
        await toneHeard(stage.buyer, buyerPort, TONES.buyer, [])
        await recording.pause()
        await toneHeard(stage.caller, callerPort, TONES.third, [])
        await recording.resume()
        await sleep(BEGIN_MS)
        const end = await recording.stop()
        assert.equal(end.reason, 'stopped')
        const wav = await stage.running.wavOf!(end.file)
        const { rate, samples: left } = readWav(wav)
        const right = Int16Array.from(left, (_, i) => wav.readInt16LE(46 + 4 * i))
        const tones = [left, right].map((samples) => {
          const found = [...tonesIn({ rate, samples })]
          return found.filter(([, ms]) => ms >= 100).map(([hertz]) => hertz)
        })
        assert.deepEqual(tones, [[TONES.caller], [TONES.buyer]])
      }),
  },
  {
    name: 'ends its tools with the session',
    needs: 'tools',
    async run(stage) {
      const { session } = await answered(stage)
      const tools = session.tools!
      const waits = [
        tools.play('caller', { kind: 'silence', ms: 60_000 }),
        tools.collectDigits('buyer', { ...MENU, firstMs: 60_000 }),
      ].map((wait) =>
        wait.then(() => undefined).catch((error: unknown) => assert.ok(error instanceof MediaUnavailable)),
      )
      await sleep(BEGIN_MS)
      await session.close()
      await Promise.all(waits)
      await assert.rejects(tools.play('caller', { kind: 'silence', ms: 20 }), MediaUnavailable)
    },
  },
]
