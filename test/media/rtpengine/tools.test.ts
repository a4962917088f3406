import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AudioTools } from '../../../media/audio-tools.ts'
import { MediaUnavailable, type MediaServer } from '../../../media/media-server.ts'
import { exportWav } from '../../../media/recording/export-wav.ts'
import type { MasterKey } from '../../../config/master-keys.ts'
import { encode, TO_LINEAR } from '../../../media/relay/g711.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { buildToneWav, correlation, readWav, shareOf } from '../../support/tones.ts'
import { digitHeard, toneHeard } from '../conformance/tone-party.ts'
import { connect, needs, type Call } from '../relay/relayed-call.ts'
import { audioPort, rtp, RtpParty } from '../relay/rtp-party.ts'

const KEY: MasterKey = { id: 'k1', key: randomBytes(32) }
const MENU = { max: 4, terminators: '#', firstMs: 4000, betweenMs: 1500 }
const TELEPHONE_EVENT = 101

/** A second of something that is like nothing else. */
const SWEEP = Int16Array.from(
  { length: 8000 },
  (_, i) => 9000 * Math.sin(2 * Math.PI * ((300 * i) / 8000 + (i / 8000) ** 2 * 600)),
)

describe('rtpengine’s audio tools', function () {
  this.timeout(90_000)
  let program: RtpengineProcess
  let engine: MediaServer
  let folder: string
  let caller: RtpParty
  let buyer: RtpParty

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    folder = mkdtempSync(join(tmpdir(), 'dce-rtpengine-'))
    program = await RtpengineProcess.start({ rtpPorts: [25_500, 25_999] })
    engine = await createRtpengine(needs, {
      engines: [{ host: program.host, port: program.port, weight: 1 }],
      pingIntervalMs: 200,
      promptFolder: folder,
      recordings: { folder, keys: [KEY] },
    })
  })
  after(async () => {
    await engine?.close()
    await program?.close()
    if (folder) rmSync(folder, { recursive: true })
  })
  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })
  afterEach(() => {
    caller.close()
    buyer.close()
    assert.equal(engine.sessionCount, 0, 'every test closes what it opened')
  })

  async function inCall(body: (call: Call, tools: AudioTools) => Promise<void>): Promise<void> {
    const call = await connect(engine, { caller, buyer })
    try {
      await body(call, call.session.tools!)
    } finally {
      await call.session.close()
    }
  }

  const audioOf = (party: RtpParty): number[] =>
    party.heard
      .filter(({ packet }) => (packet[1]! & 0x7f) === 0)
      .flatMap(({ packet }) => Array.from(packet.subarray(12), (byte) => TO_LINEAR.u[byte]!))

  /** Speaks until told to stop. */
  function talk(from: RtpParty, port: number): () => void {
    let sequence = 5000
    const timer = setInterval(() => from.send(rtp({ sequence: ++sequence, mark: 0xd0, ssrc: 77 }), port), 20)
    return () => clearInterval(timer)
  }

  it('plays a tone to one side alone, which does not hear the other meanwhile', async () => {
    await inCall(async ({ buyerSide, callerSide }, tools) => {
      const startMs = performance.now()
      const played = tools.play('caller', { kind: 'tone', hertz: [1000], onMs: 1000, offMs: 0 })
      await sleep(100)
      assert.deepEqual((await toneHeard(buyer, buyerSide, 650, [caller]))[0]!.includes(650), false)
      await played
      const tookMs = performance.now() - startMs
      assert.ok(tookMs > 950 && tookMs < 10_000, `${tookMs} ms`)
      assert.equal(caller.heard.length, 50)
      assert.ok(shareOf(1000, audioOf(caller)) > 0.98)
      assert.equal(buyer.heard.length, 0)
      assert.deepEqual(await toneHeard(buyer, buyerSide, 650, [caller]), [[650]], 'and does again')
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]])
    })
  })

  it('plays ringback over and over until it is stopped', async () => {
    await inCall(async (_call, tools) => {
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 900)
      const ringback = { kind: 'tone', hertz: [440, 480], onMs: 200, offMs: 100 } as const
      await tools.play('caller', ringback, { repeat: true, signal: stop.signal })
      const audio = audioOf(caller)
      assert.ok(audio.length > 8 * 500, 'more than one of them')
      assert.ok(shareOf(440, audio) > 0.3 && shareOf(480, audio) > 0.3)
      await sleep(60)
      const heard = caller.heard.length
      await sleep(200)
      assert.equal(caller.heard.length, heard, 'nothing more is sent')
    })
  })

  it('plays the other sound from when it is asked to, and the first is over', async () => {
    await inCall(async (_call, tools) => {
      const first = tools.play('caller', { kind: 'tone', hertz: [500], onMs: 5000, offMs: 0 }, { repeat: true })
      await sleep(300)
      await Promise.all([first, tools.play('caller', { kind: 'tone', hertz: [1500], onMs: 300, offMs: 0 })])
      assert.ok(shareOf(1500, audioOf(caller).slice(-1600)) > 0.9)
    })
  })

  it('plays prompts of the folder; those too long to be sent are read there by rtpengine', async () => {
    writeFileSync(join(folder, 'short.wav'), buildToneWav(600, 1))
    writeFileSync(join(folder, 'long.wav'), buildToneWav(800, 9))
    await inCall(async (_call, tools) => {
      await tools.play('buyer', { kind: 'file', name: 'short' })
      assert.ok(shareOf(600, audioOf(buyer)) > 0.98)
      buyer.heard.length = 0
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 600)
      await tools.play('buyer', { kind: 'file', name: 'long' }, { signal: stop.signal })
      assert.ok(shareOf(800, audioOf(buyer)) > 0.98)
      assert.ok(audioOf(buyer).length < 8 * 3000, 'it was stopped')
      await assert.rejects(tools.play('buyer', { kind: 'file', name: 'none' }), /prompt none: there is no such file/)
    })
  })

  it('does not take a prompt for played that is too long to be sent and that rtpengine does not have', async () => {
    writeFileSync(join(folder, 'long.wav'), buildToneWav(800, 9))
    const elsewhere = await createRtpengine(needs, {
      engines: [{ host: program.host, port: program.port, weight: 1 }],
      promptFolder: folder,
      enginePromptFolder: '/nowhere',
    })
    const { session } = await connect(elsewhere, { caller, buyer })
    await assert.rejects(session.tools!.play('buyer', { kind: 'file', name: 'long' }), MediaUnavailable)
    const tone = { kind: 'tone', hertz: [440], onMs: 8000, offMs: 0 } as const
    await assert.rejects(session.tools!.play('buyer', tone), /at most 7 s/)
    await session.close()
    await elsewhere.close()
  })

  it('collects the digits a side dials, also while it is played to', async () => {
    await inCall(async ({ callerSide }, tools) => {
      const stop = new AbortController()
      const prompt = tools.play('caller', { kind: 'silence', ms: 10_000 }, { signal: stop.signal })
      const collected = tools.collectDigits('caller', MENU)
      await sleep(300)
      for (const event of [1, 4, 11]) await digitHeard(caller, callerSide, event, buyer)
      assert.deepEqual(await collected, { digits: '14', endedBy: 'terminator' })
      stop.abort()
      await prompt
    })
  })

  it('takes digits of SIP INFO, and tells the sides’ apart', async () => {
    await inCall(async ({ buyerSide }, tools) => {
      const collected = tools.collectDigits('buyer', { ...MENU, max: 1 })
      const none = tools.collectDigits('caller', { ...MENU, firstMs: 1200 })
      await sleep(200)
      await digitHeard(buyer, buyerSide, 9, caller)
      assert.deepEqual(await collected, { digits: '9', endedBy: 'max' })
      const told = tools.collectDigits('buyer', { ...MENU, max: 1 })
      tools.digitFrom('buyer', '5')
      assert.deepEqual(await told, { digits: '5', endedBy: 'max' })
      assert.deepEqual(await none, { digits: '', endedBy: 'timeout' })
    })
  })

  it('dials as RFC 4733 events into what the other side says, and as tones when it says nothing', async () => {
    await inCall(async ({ callerSide }, tools) => {
      await tools.sendDigits('buyer', '5')
      const tones = audioOf(buyer)
      assert.ok(shareOf(770, tones.slice(0, 800)) > 0.4 && shareOf(1336, tones.slice(0, 800)) > 0.4)
      buyer.heard.length = 0
      const hush = talk(caller, callerSide)
      await sleep(100)
      await tools.sendDigits('buyer', '5#')
      hush()
      const events = buyer.heard.filter(({ packet }) => (packet[1]! & 0x7f) === TELEPHONE_EVENT)
      const ended = events.filter(({ packet }) => packet[13]! >= 0x80)
      assert.deepEqual([...new Set(ended.map(({ packet }) => packet[12]))], [5, 11])
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]], 'and then goes on')
    })
  })

  it('keeps the sides apart until they may talk', async () => {
    await inCall(async ({ callerSide, buyerSide }, tools) => {
      await tools.apart(true)
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[]])
      assert.deepEqual(await toneHeard(buyer, buyerSide, 650, [caller]), [[]])
      await tools.play('buyer', { kind: 'tone', hertz: [1000], onMs: 200, offMs: 0 })
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[]], 'still, after a prompt')
      await tools.apart(false)
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]])
      assert.deepEqual(await toneHeard(buyer, buyerSide, 650, [caller]), [[650]])
    })
  })

  it('goes on with what it repeats, and keeps apart whom it kept apart, when another target is rung', async () => {
    const third = await RtpParty.open()
    const session = await engine.createSession({ callId: 'targets' as never, callerOffer: caller.describe() })
    const tools = session.tools!
    await tools.apart(true)
    await session.offerToBuyer(null)
    const told = await session.answerFromBuyer(buyer.describe({ payloads: '0 101' }))
    assert.deepEqual(await toneHeard(caller, audioPort(told), 400, [buyer]), [[]], 'from the first answer on')
    const stop = new AbortController()
    const ringback = { kind: 'tone', hertz: [1500], onMs: 200, offMs: 0 } as const
    const played = tools.play('caller', ringback, { repeat: true, signal: stop.signal })
    await sleep(200)
    const offer = await session.offerToBuyer(told)
    caller.heard.length = 0
    await sleep(500)
    assert.ok(shareOf(1500, audioOf(caller)) > 0.9, 'while it rings')
    await session.answerFromBuyer(third.describe({ payloads: '0 101' }))
    assert.deepEqual(await toneHeard(caller, audioPort(told), 400, [third]), [[]])
    stop.abort()
    await played
    await tools.apart(false)
    assert.deepEqual(await toneHeard(caller, audioPort(told), 400, [third]), [[400]])
    assert.deepEqual(await toneHeard(third, audioPort(offer), 900, [caller]), [[900]])
    await tools.apart(true)
    const fresh = await session.offerToBuyer(null)
    await tools.apart(false) // Nobody is joined in this moment.
    await session.answerFromBuyer(buyer.describe({ payloads: '0 101' }))
    assert.deepEqual(await toneHeard(buyer, audioPort(fresh), 650, [caller]), [[650]])
    await session.close()
    third.close()
  })

  it('records what both sides say, the caller left and the buyer right, and nothing while paused', async () => {
    const out = join(folder, 'out.wav')
    await inCall(async ({ callerSide, buyerSide }, tools) => {
      const recording = await tools.record({ name: 'call', maxMs: 60_000 })
      await sleep(200)
      await Promise.all([say(caller, callerSide, SWEEP), say(buyer, buyerSide, SWEEP.toReversed())])
      await recording.pause()
      await say(caller, callerSide, SWEEP)
      await recording.resume()
      await sleep(100)
      const end = await recording.stop()
      assert.equal(end.reason, 'stopped')
      assert.ok((await exportWav(end.file, [KEY], out)).isComplete)
      assert.deepEqual(await recording.ended, end)
    })
    const { left, right } = channels(out)
    const [said, answered] = [find(SWEEP, left), find(SWEEP.toReversed(), right)]
    assert.ok(said.likeness >= 0.99, `${said.likeness}`)
    assert.ok(answered.likeness >= 0.99, `${answered.likeness}`)
    assert.ok(find(SWEEP, left.subarray(said.at + 4000)).likeness < 0.5, 'once')
  })

  it('ends a recording with the call, and one of a killed rtpengine as lost', async () => {
    const call = await connect(engine, { caller, buyer })
    const recording = await call.session.tools!.record({ name: 'ended', maxMs: 60_000 })
    await sleep(300)
    await call.session.close()
    const { reason, file } = await recording.ended
    assert.equal(reason, 'call_ended')
    assert.ok((await exportWav(file, [KEY], join(folder, 'ended.wav'))).isComplete)
    const other = await RtpengineProcess.start({ rtpPorts: [25_400, 25_499] })
    const doomed = await createRtpengine(needs, {
      engines: [{ host: other.host, port: other.port, weight: 1 }],
      pingIntervalMs: 100,
      recordings: { folder, keys: [KEY] },
    })
    const { session } = await connect(doomed, { caller, buyer })
    const lost = await session.tools!.record({ name: 'lost', maxMs: 60_000 })
    const waiting = session.tools!.play('caller', { kind: 'silence', ms: 60_000 })
    await sleep(200)
    await Promise.all([assert.rejects(waiting, /down/), other.kill()])
    const end = await lost.ended
    assert.equal(end.reason, 'engine_lost')
    assert.ok((await exportWav(end.file, [KEY], join(folder, 'lost.wav'))).isComplete, 'all that came is in it')
    await session.close()
    await doomed.close()
    await other.close()
  })

  it('goes on listening after a re-INVITE, and to whoever takes a side’s place', async () => {
    const third = await RtpParty.open()
    await inCall(async ({ session }, tools) => {
      const collected = tools.collectDigits('buyer', MENU)
      await sleep(200)
      await session.reoffer('buyer', third.describe())
      const answer = await session.reanswer('caller', caller.describe())
      await digitHeard(third, audioPort(answer), 1, caller)
      const offer = await session.offerReplacement('buyer')
      await session.takeReplacement(buyer.describe())
      await session.offerTo('caller')
      await session.answerFrom('caller', caller.describe())
      await digitHeard(buyer, audioPort(offer), 2, caller)
      await digitHeard(buyer, audioPort(offer), 11, caller)
      assert.deepEqual(await collected, { digits: '12', endedBy: 'terminator' })
    })
    third.close()
  })

  it('ends with its session: nothing waits for ever', async () => {
    const { session } = await connect(engine, { caller, buyer })
    const tools = session.tools!
    const waits = [
      tools.play('caller', { kind: 'silence', ms: 60_000 }, { repeat: true }),
      tools.collectDigits('buyer', { ...MENU, firstMs: 60_000 }),
    ].map((wait) => assert.rejects(wait, MediaUnavailable))
    await sleep(50)
    await session.close()
    await Promise.all(waits)
    await assert.rejects(tools.record({ name: 'late', maxMs: 1000 }), MediaUnavailable)
    await assert.rejects(tools.sendDigits('buyer', '1'), MediaUnavailable)
  })

  it('says that nobody has answered when nobody has', async () => {
    const session = await engine.createSession({ callId: 'early' as never, callerOffer: caller.describe() })
    const tools = session.tools!
    await assert.rejects(tools.play('caller', { kind: 'silence', ms: 20 }), /nobody has answered/)
    await assert.rejects(tools.record({ name: 'early', maxMs: 1000 }), /nobody has answered/)
    await session.close()
  })
})

async function say(from: RtpParty, port: number, samples: Int16Array): Promise<void> {
  const startMs = performance.now()
  for (let i = 0; i < samples.length / 160; i++) {
    await sleep(Math.max(0, startMs + 20 * i - performance.now()))
    const body = Uint8Array.from(samples.subarray(160 * i, 160 * (i + 1)), (sample) => encode('u', sample))
    const header = rtp({ sequence: 100 + i, timestamp: 5000 + 160 * i, size: 12, ssrc: from.port })
    from.send(Buffer.concat([header, body]), port)
  }
  await sleep(60)
}

/** Both channels of a WAV file. */
function channels(file: string): { left: Int16Array; right: Int16Array } {
  const wav = readFileSync(file)
  assert.equal(wav.readUInt16LE(22), 2)
  const { samples: left } = readWav(wav)
  return { left, right: Int16Array.from(left, (_, i) => wav.readInt16LE(46 + 4 * i)) }
}

/** Where the signal lies in the channel, and how like it is there. */
function find(signal: Int16Array, channel: Int16Array): { at: number; likeness: number } {
  let best = { at: 0, likeness: 0 }
  for (let at = 0; at + signal.length <= channel.length; at++) {
    const likeness = correlation(signal, channel.subarray(at, at + signal.length))
    if (likeness > best.likeness) best = { at, likeness }
  }
  return best
}
