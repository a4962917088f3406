import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AudioTools } from '../../../media/audio-tools.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { eventPayload } from '../../../media/relay/digits.ts'
import { readWav } from '../../../media/relay/wav.ts'
import { encode, TO_LINEAR } from '../../../media/relay/g711.ts'
import { MAX_COLLECTIONS, MAX_DIALLED } from '../../../media/relay/relay-tools.ts'
import { buildToneWav, shareOf } from '../../support/tones.ts'
import { connect, pass, untilStats, withRelay, type Call } from './relayed-call.ts'
import { rtp, RtpParty, type Heard } from './rtp-party.ts'

const RINGBACK = { kind: 'tone', hertz: [440, 480], onMs: 2000, offMs: 4000 } as const
const A_SECOND = { kind: 'tone', hertz: [1000], onMs: 1000, offMs: 0 } as const
const MENU = { max: 4, terminators: '#', firstMs: 3000, betweenMs: 1000 }

function toolsOf(call: Call): AudioTools {
  assert(call.session.tools)
  return call.session.tools
}

const sequenceOf = ({ packet }: Heard): number => packet.readUInt16BE(2)
const timestampOf = ({ packet }: Heard): number => packet.readUInt32BE(4)
const ssrcOf = ({ packet }: Heard): number => packet.readUInt32BE(8)
const isMarked = ({ packet }: Heard): boolean => packet[1]! >= 0x80
const audioOf = (heard: readonly Heard[]): number[] =>
  heard.flatMap(({ packet }) => Array.from(packet.subarray(12), (byte) => TO_LINEAR.u[byte]!))

/** The packets of one key press: three of it, then its end `ends` times. */
function press(digit: string, fields: { sequence: number; timestamp: number; ends?: number }): Buffer[] {
  const packets = [160, 320, 480].map((duration) => eventPayload(digit, duration, false))
  for (let i = 0; i < (fields.ends ?? 3); i++) packets.push(eventPayload(digit, 640, true))
  return packets.map((body, i) => {
    const header = rtp({ sequence: fields.sequence + i, timestamp: fields.timestamp, payload: 101, size: 12 })
    return Buffer.concat([header, body])
  })
}

describe('the relay’s audio tools', () => {
  let caller: RtpParty
  let buyer: RtpParty
  let folder: string

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
    folder = mkdtempSync(join(tmpdir(), 'dce-prompts-'))
  })

  afterEach(() => {
    caller.close()
    buyer.close()
    rmSync(folder, { recursive: true })
  })

  async function inCall(body: (call: Call, tools: AudioTools) => Promise<void>): Promise<void> {
    await withRelay({ promptFolder: folder }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      try {
        await body(call, toolsOf(call))
      } finally {
        await call.session.close()
      }
    })
  }

  it('plays a tone to one side alone: fifty frames a second, in order, each in its time', async () => {
    await inCall(async (_call, tools) => {
      const startMs = performance.now()
      await tools.play('caller', A_SECOND)
      const tookMs = performance.now() - startMs
      assert(tookMs > 950 && tookMs < 10_000, `${tookMs} ms`)
      assert.equal(caller.heard.length, 50)
      assert.equal(buyer.heard.length, 0)
      assert(shareOf(1000, audioOf(caller.heard)) > 0.98)
      caller.heard.forEach((heard, i) => {
        assert.equal(ssrcOf(heard), ssrcOf(caller.heard[0]!))
        assert.equal((sequenceOf(heard) - sequenceOf(caller.heard[0]!)) & 0xffff, i)
        assert.equal((timestampOf(heard) - timestampOf(caller.heard[0]!)) >>> 0, 160 * i)
        assert.equal(isMarked(heard), i === 0)
      })
    })
  })

  it('plays American ringback until it is stopped', async () => {
    await inCall(async (_call, tools) => {
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 600)
      await tools.play('caller', RINGBACK, { repeat: true, signal: stop.signal })
      const audio = audioOf(caller.heard)
      assert(shareOf(440, audio) > 0.4 && shareOf(480, audio) > 0.4)
      assert(shareOf(350, audio) < 0.02)
      const heard = caller.heard.length
      await new Promise((resolve) => setTimeout(resolve, 100))
      assert.equal(caller.heard.length, heard, 'nothing more is sent')
    })
  })

  it('passes the other side on as the same stream when the prompt is over', async () => {
    await inCall(async (call, tools) => {
      const played = tools.play('caller', { kind: 'tone', hertz: [1000], onMs: 200, offMs: 0 })
      await caller.next()
      buyer.send(rtp({ sequence: 500, mark: 1 }), call.buyerSide) // It is not heard meanwhile.
      await played
      const last = caller.heard.at(-1)!
      const first = await pass(buyer, caller, call.buyerSide, rtp({ sequence: 501, timestamp: 9, mark: 2 }))
      const second = await pass(buyer, caller, call.buyerSide, rtp({ sequence: 502, timestamp: 169, mark: 3 }))
      assert(caller.heard.every(({ packet }) => packet[12] !== 1))
      assert.equal(first.readUInt32BE(8), ssrcOf(last))
      assert.equal(first.readUInt16BE(2), (sequenceOf(last) + 1) & 0xffff)
      assert.equal(second.readUInt16BE(2), (sequenceOf(last) + 2) & 0xffff)
      const gap = (first.readUInt32BE(4) - timestampOf(last)) >>> 0
      assert(gap >= 160 && gap < 8000, `${gap}`)
      assert.equal((second.readUInt32BE(4) - first.readUInt32BE(4)) >>> 0, 160)
      assert.equal(first[1]! >> 7, 1, 'the first of a new talker is marked')
      assert.equal(second[1]! >> 7, 0)
      // An old packet of before is not taken for one of the prompt's numbers.
      buyer.send(rtp({ sequence: 499, timestamp: 9, mark: 4 }), call.buyerSide)
      const third = await pass(buyer, caller, call.buyerSide, rtp({ sequence: 503, timestamp: 329, mark: 5 }))
      assert.equal(third[12], 5)
    })
  })

  it('plays WAV files: 16-bit PCM and both laws of G.711', async () => {
    const samples = readWav(buildToneWav(600, 1)).subarray(0, 3200)
    writeFileSync(join(folder, 'pcm.wav'), buildToneWav(600, 1).subarray(0, 44 + 6400))
    writeFileSync(join(folder, 'mu.wav'), wav(7, 8, Buffer.from(Uint8Array.from(samples, (one) => encode('u', one)))))
    writeFileSync(join(folder, 'a.wav'), wav(6, 8, Buffer.from(Uint8Array.from(samples, (one) => encode('a', one)))))
    await inCall(async (_call, tools) => {
      for (const name of ['pcm', 'mu', 'a']) {
        buyer.heard.length = 0
        await tools.play('buyer', { kind: 'file', name })
        assert.equal(buyer.heard.length, 20)
        assert(shareOf(600, audioOf(buyer.heard)) > 0.98)
      }
    })
  })

  it('says why a file cannot be played', async () => {
    writeFileSync(join(folder, 'wide.wav'), wav(1, 16, Buffer.alloc(320), { hertz: 44_100 }))
    writeFileSync(join(folder, 'stereo.wav'), wav(1, 16, Buffer.alloc(320), { channels: 2 }))
    writeFileSync(join(folder, 'mp3.wav'), wav(85, 0, Buffer.alloc(320)))
    writeFileSync(join(folder, 'text.wav'), 'hello')
    await inCall(async (_call, tools) => {
      const reasons: [name: string, reason: RegExp][] = [
        ['wide', /prompt wide: 44100 Hz: only 8000 Hz is played/],
        ['stereo', /prompt stereo: 2 channels: only mono is played/],
        ['mp3', /prompt mp3: format 85 with 0 bits/],
        ['text', /prompt text: not a WAV file/],
        ['none', /prompt none: there is no such file/],
        ['../key', /not the name of a prompt/],
      ]
      for (const [name, reason] of reasons) await assert.rejects(tools.play('buyer', { kind: 'file', name }), reason)
    })
  })

  it('plays nothing to a side without G.711', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({
        callId: 'c' as never,
        callerOffer: caller.describe({ payloads: '18' }),
      })
      await session.offerToBuyer(null)
      await session.answerFromBuyer(buyer.describe({ payloads: '18' }))
      await assert.rejects(session.tools!.play('caller', A_SECOND), /only G\.711/)
      await session.close()
    })
  })

  it('collects digits, each of them once, though its end is sent three times or lost', async () => {
    await inCall(async (call, tools) => {
      const collected = tools.collectDigits('buyer', MENU)
      await call.session.stats() // The thread listens by now.
      const packets = [
        ...press('1', { sequence: 1, timestamp: 1000 }),
        ...press('1', { sequence: 10, timestamp: 9000 }),
        ...press('*', { sequence: 20, timestamp: 17_000, ends: 0 }),
        ...press('#', { sequence: 30, timestamp: 25_000 }),
      ]
      for (const packet of packets) buyer.send(packet, call.buyerSide)
      assert.deepEqual(await collected, { digits: '11*', endedBy: 'terminator' })
    })
  })

  it('takes a key whose end was lost for released after a while', async () => {
    await inCall(async (call, tools) => {
      const collected = tools.collectDigits('caller', { ...MENU, max: 1 })
      await call.session.stats() // The thread listens by now.
      for (const packet of press('7', { sequence: 1, timestamp: 1000, ends: 0 })) caller.send(packet, call.callerSide)
      assert.deepEqual(await collected, { digits: '7', endedBy: 'max' })
    })
  })

  it('takes digits of SIP INFO; a phone that sends both ways dials each once', async () => {
    await inCall(async (call, tools) => {
      const collected = tools.collectDigits('buyer', { ...MENU, betweenMs: 300 })
      await call.session.stats()
      tools.digitFrom('caller', '9')
      tools.digitFrom('buyer', '4')
      for (const packet of press('4', { sequence: 1, timestamp: 1000 })) buyer.send(packet, call.buyerSide)
      tools.digitFrom('buyer', '2')
      assert.deepEqual(await collected, { digits: '42', endedBy: 'timeout' })
    })
  })

  it('waits no longer for digits than it was told, and for no more at once than it may', async () => {
    await inCall(async (_call, tools) => {
      const stop = new AbortController()
      const waiting = Array.from({ length: MAX_COLLECTIONS }, () =>
        tools.collectDigits('buyer', { ...MENU, signal: stop.signal }),
      )
      await assert.rejects(tools.collectDigits('buyer', MENU), MediaUnavailable)
      stop.abort()
      for (const one of waiting) assert.deepEqual(await one, { digits: '', endedBy: 'aborted' })
      const short = await tools.collectDigits('buyer', { ...MENU, firstMs: 50 })
      assert.deepEqual(short, { digits: '', endedBy: 'timeout' })
    })
  })

  it('dials as RFC 4733 events that it understands itself', async () => {
    await inCall(async (call, tools) => {
      await tools.sendDigits('buyer', '5#')
      assert(buyer.heard.every(({ packet }) => (packet[1]! & 0x7f) === 101))
      assert.equal(buyer.heard.filter(isMarked).length, 2)
      assert.equal(new Set(buyer.heard.map(timestampOf)).size, 2)
      assert.equal(buyer.heard.filter(({ packet }) => packet[13]! >= 0x80).length, 6)
      const collected = tools.collectDigits('caller', MENU)
      await call.session.stats()
      for (const { packet } of buyer.heard) caller.send(packet, call.callerSide)
      assert.deepEqual(await collected, { digits: '5', endedBy: 'terminator' })
      await assert.rejects(tools.sendDigits('buyer', '5x'), /only 0-9/)
      await assert.rejects(tools.sendDigits('buyer', '5'.repeat(MAX_DIALLED + 1)), /at most 64/)
    })
  })

  it('dials by tones where the party knows no events', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({ callId: 'c' as never, callerOffer: caller.describe() })
      await session.offerToBuyer(null)
      await session.answerFromBuyer(buyer.describe({ payloads: '0' }))
      await session.tools!.sendDigits('buyer', '5')
      const audio = audioOf(buyer.heard).slice(0, 800)
      assert(shareOf(770, audio) > 0.4 && shareOf(1336, audio) > 0.4)
      await session.close()
    })
  })

  it('keeps the sides apart until they may talk', async () => {
    await inCall(async (call, tools) => {
      await tools.apart(true)
      buyer.send(rtp({ sequence: 1, mark: 1 }), call.buyerSide)
      await untilStats(call.session, (stats) => stats.buyer.packetsReceived === 1)
      await tools.apart(false)
      assert.equal((await pass(buyer, caller, call.buyerSide, rtp({ sequence: 2, mark: 2 })))[12], 2)
      assert.equal(caller.heard.length, 1)
    })
  })

  it('ends with its session: nothing waits for ever', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const tools = toolsOf(call)
      const waits = [tools.play('caller', RINGBACK, { repeat: true }), tools.collectDigits('buyer', MENU)].map((wait) =>
        assert.rejects(wait, MediaUnavailable),
      )
      await call.session.close()
      await Promise.all(waits)
      await assert.rejects(tools.play('caller', RINGBACK), MediaUnavailable)
      await assert.rejects(tools.record({ name: 'late', maxMs: 1000 }), MediaUnavailable)
    })
  })
})

function wav(tag: number, bits: number, audio: Buffer, { hertz = 8000, channels = 1 } = {}): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + audio.length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(tag, 20)
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(hertz, 24)
  header.writeUInt32LE((hertz * channels * bits) / 8, 28)
  header.writeUInt16LE((channels * bits) / 8, 32)
  header.writeUInt16LE(bits, 34)
  header.write('data', 36)
  header.writeUInt32LE(audio.length, 40)
  return Buffer.concat([header, audio])
}
