import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  copyFileSync,
  chmodSync,
  existsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Recording, RecordingEnd } from '../../../media/audio-tools.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { Recorder } from '../../../media/relay/recorder.ts'
import { MAX_WAITING_BYTES } from '../../../media/recording/recording-file.ts'
import { Recordings } from '../../../media/recording/recordings.ts'
import { encode } from '../../../media/relay/g711.ts'
import { exportWav } from '../../../media/recording/export-wav.ts'
import { summarize } from '../../../media/recording/read-recording.ts'
import type { MasterKey } from '../../../config/master-keys.ts'
import { UnreadableRecording } from '../../../media/recording/recording-key.ts'
import { correlation, readWav, shareOf } from '../../support/tones.ts'
import { connect, withRelay, type Call } from './relayed-call.ts'
import { rtp, RtpParty } from './rtp-party.ts'

const KEY: MasterKey = { id: 'k1', key: randomBytes(32) }

/** A second of something that is like nothing else: a sweep, so that a shift in time shows in the correlation. */
const SWEEP = Int16Array.from(
  { length: 8000 },
  (_, i) => 9000 * Math.sin(2 * Math.PI * ((300 * i) / 8000 + (i / 8000) ** 2 * 600)),
)

function packets(samples: Int16Array, law: 'u' | 'a' = 'u'): Buffer[] {
  return Array.from({ length: samples.length / 160 }, (_, i) => {
    const body = Uint8Array.from(samples.subarray(160 * i, 160 * (i + 1)), (sample) => encode(law, sample))
    const header = rtp({ sequence: 100 + i, timestamp: 5000 + 160 * i, size: 12, payload: law === 'u' ? 0 : 8 })
    return Buffer.concat([header, body])
  })
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

describe('a recording', () => {
  let caller: RtpParty
  let buyer: RtpParty
  let folder: string

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
    folder = mkdtempSync(join(tmpdir(), 'dce-recordings-'))
  })

  afterEach(() => {
    caller.close()
    buyer.close()
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true })
  })

  const out = (): string => join(folder, 'out.wav')

  async function inCall(body: (call: Call, recording: Recording) => Promise<void>, maxMs = 60_000): Promise<void> {
    await withRelay({ recordings: { folder, keys: [KEY] } }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      try {
        await body(call, await call.session.tools!.record({ name: 'call', maxMs }))
      } finally {
        await call.session.close()
      }
    })
  }

  async function say(call: Call, all: readonly Buffer[], from: 'caller' | 'buyer' = 'caller'): Promise<void> {
    await sleep(50) // What is said as it begins is cut; silence comes first.
    const startMs = performance.now()
    for (const [i, packet] of all.entries()) {
      await sleep(Math.max(0, startMs + 20 * i - performance.now()))
      if (from === 'caller') caller.send(packet, call.callerSide)
      else buyer.send(packet, call.buyerSide)
    }
    await sleep(60)
  }

  it('has what each side said, the caller left and the buyer right, at the same time', async () => {
    await inCall(async (call, recording) => {
      await Promise.all([say(call, packets(SWEEP)), say(call, packets(SWEEP.toReversed(), 'a'), 'buyer')])
      const { file, durationMs, reason } = await recording.stop()
      assert.equal(reason, 'stopped')
      assert(durationMs > 950, `${durationMs}`)
      assert.deepEqual(await recording.stop(), await recording.ended)
      assert((await exportWav(file, [KEY], out())).isComplete)
    })
    const { left, right } = channels(out())
    const [said, answered] = [find(SWEEP, left), find(SWEEP.toReversed(), right)]
    assert(said.likeness >= 0.99, `${said.likeness}`)
    assert(answered.likeness >= 0.99, `${answered.likeness}`)
    assert(Math.abs(said.at - answered.at) < 1600, `${said.at} ${answered.at}`)
  })

  it('puts packets that overtook each other in their places, and leaves silence where one is missing', async () => {
    await inCall(async (call, recording) => {
      const all = packets(SWEEP)
      for (let i = 1; i < all.length - 3; i += 4) [all[i], all[i + 2]] = [all[i + 2]!, all[i]!]
      all.splice(30, 1) // Wherever it was: a frame of 20 ms.
      await say(call, all)
      await exportWav((await recording.stop()).file, [KEY], out())
    })
    const { left } = channels(out())
    const { at, likeness } = find(SWEEP, left)
    assert(likeness > 0.97, `${likeness}`)
    let silent = 0
    for (let i = 0; i < 50; i++) if (left.subarray(at + 160 * i, at + 160 * (i + 1)).every((one) => one === 0)) silent++
    assert.equal(silent, 1)
  })

  it('holds silence for the time it was paused', async () => {
    await inCall(async (call, recording) => {
      const all = packets(SWEEP)
      await say(call, all.slice(0, 15))
      await recording.pause()
      await say(call, all.slice(15, 35))
      await recording.resume()
      await say(call, all.slice(35))
      await exportWav((await recording.stop()).file, [KEY], out())
    })
    const { left } = channels(out())
    const start = left.findIndex((sample) => sample !== 0)
    const silence = left.subarray(start + 160 * 16, start + 160 * 34)
    assert(silence.every((sample) => sample === 0))
    assert(left.subarray(start + 160 * 38).some((sample) => Math.abs(sample) > 4000))
  })

  it('is written to its end when the call ends, and when it has lasted long enough', async () => {
    let ended: Recording['ended'] | null = null
    await inCall(async (call, recording) => {
      ended = recording.ended
      await say(call, packets(SWEEP).slice(0, 10))
    })
    assert.equal((await ended!).reason, 'call_ended')
    assert((await summarize((await ended!).file)).isComplete)
    rmSync((await ended!).file)
    await inCall(async (_call, recording) => {
      const end = await recording.ended
      assert.deepEqual([end.reason, end.durationMs], ['longest', 300])
    }, 300)
  })

  it('cannot be opened with another key, nor without one, and leaves no file then', async () => {
    await inCall(async (call, recording) => {
      await say(call, packets(SWEEP).slice(0, 10))
      const { file } = await recording.stop()
      const other = { id: 'k1', key: randomBytes(32) }
      await assert.rejects(exportWav(file, [other], out()), /“k1” is not the one it was made with/)
      await assert.rejects(exportWav(file, [{ ...other, id: 'k2' }], out()), /“k1”, which is not set/)
      assert(!existsSync(out()))
      assert((await exportWav(file, [{ ...other, id: 'k2' }, KEY], out())).isComplete)
      assert(!readFileSync(file).includes(KEY.key))
    })
  })

  it('shows what was changed, left out or put elsewhere in it', async () => {
    await inCall(async (call, recording) => {
      await say(call, packets(SWEEP))
      const { file } = await recording.stop()
      const whole = readFileSync(file)
      const start = 12 + whole.readUInt32BE(8)
      const size = 4 + 8000 + 16
      const tampered = async (bytes: Buffer): Promise<unknown> => {
        writeFileSync(join(folder, 'changed'), bytes)
        return exportWav(join(folder, 'changed'), [KEY], out())
      }
      const flipped = Buffer.from(whole)
      flipped[start + 100]! ^= 1
      await assert.rejects(tampered(flipped), UnreadableRecording)
      const header = Buffer.from(whole)
      header[header.indexOf('startedAt') + 14]! ^= 1
      await assert.rejects(tampered(header), UnreadableRecording)
      const [first, second, rest] = [
        whole.subarray(start, start + size),
        whole.subarray(start + size, start + 2 * size),
        whole.subarray(start + 2 * size),
      ]
      await assert.rejects(tampered(Buffer.concat([whole.subarray(0, start), second, first, rest])), /chunk 1/)
      await assert.rejects(tampered(Buffer.concat([whole.subarray(0, start), second, rest])), /chunk 1/)
      await assert.rejects(tampered(Buffer.concat([whole, first])), /something follows/)
      const lastFlag = Buffer.concat([whole.subarray(0, start), first])
      lastFlag[start]! |= 0x80
      await assert.rejects(tampered(lastFlag), /chunk 1/)
    })
  })

  it('that was cut short is read as far as it goes, and said to be', async () => {
    await inCall(async (call, recording) => {
      await say(call, packets(SWEEP))
      const { file, bytes } = await recording.stop()
      assert.equal(readFileSync(file).length, bytes)
      copyFileSync(file, join(folder, 'cut'))
      truncateSync(join(folder, 'cut'), bytes - 10)
      const cut = await exportWav(join(folder, 'cut'), [KEY], out())
      assert(!cut.isComplete)
      assert(cut.durationMs >= 750, `${cut.durationMs}`)
    })
  })

  it('of a process that was killed is there up to the last second', async () => {
    const child = fork(join(import.meta.dirname, 'recording-process.ts'), [folder, KEY.key.toString('hex')])
    try {
      const [sinceMs] = (await once(child, 'message')) as [number]
      await sleep(2500)
      const lastedMs = Date.now() - sinceMs
      child.kill('SIGKILL')
      await once(child, 'exit')
      const [file] = readdirSync(folder)
      const { isComplete, durationMs } = await exportWav(join(folder, file!), [KEY], out())
      assert(!isComplete)
      assert(durationMs > lastedMs - 1000, `${durationMs} of ${lastedMs} ms`)
      const { left } = channels(out())
      assert(shareOf(1000, left.subarray(4000)) > 0.9)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('ends with the reason when the disk is full, and takes no more of the call', async () => {
    const ended = Promise.withResolvers<RecordingEnd>()
    const { file, header, key } = await new Recordings({ folder, keys: [KEY] }).begin('call', new Date())
    const startMs = performance.now()
    // Every write to this device is answered with ENOSPC.
    const recorder = new Recorder({ file, header, key, maxMs: 5000 }, startMs, ended.resolve, () =>
      open('/dev/full', 'w'),
    )
    await assert.rejects(recorder.opened(), /disk_full/)
    recorder.heard(0, packets(SWEEP)[0]!, 'u', startMs + 20)
    recorder.turn(startMs + 1000)
    const end = await ended.promise
    assert.deepEqual([end.reason, end.bytes], ['disk_full', 0])
  })

  it('ends when the disk is slower than the call for too long', async () => {
    const ended = Promise.withResolvers<RecordingEnd>()
    const begun = await new Recordings({ folder, keys: [KEY] }).begin('call', new Date())
    const disk = Promise.withResolvers<FileHandle>()
    const recorder = new Recorder({ ...begun, maxMs: 600_000 }, 0, ended.resolve, () => disk.promise)
    const enoughMs = (1000 * MAX_WAITING_BYTES) / 32_000
    for (let nowMs = 0; nowMs <= enoughMs + 1000; nowMs += 250) recorder.turn(nowMs)
    disk.resolve(await open(begun.file, 'wx'))
    assert.equal((await ended.promise).reason, 'disk_slow')
  })

  it('cannot begin where there is no folder, and the call goes on', async () => {
    writeFileSync(join(folder, 'file'), '')
    await withRelay({ recordings: { folder: join(folder, 'file', 'x'), keys: [KEY] } }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await assert.rejects(call.session.tools!.record({ name: 'call', maxMs: 1000 }), MediaUnavailable)
      await say(call, packets(SWEEP).slice(0, 3))
      assert.equal(buyer.heard.length, 3)
      await call.session.close()
    })
  })

  it('is one at a time, has a name that is one, and a key', async () => {
    await inCall(async (call) => {
      const tools = call.session.tools!
      await assert.rejects(tools.record({ name: 'second', maxMs: 1000 }), /being recorded already/)
      await assert.rejects(tools.record({ name: '../x', maxMs: 1000 }), RangeError)
    })
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await assert.rejects(call.session.tools!.record({ name: 'call', maxMs: 1000 }), /no media.recording_key is set/)
      await call.session.close()
    })
  })
})
