import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'

import { createRtpAgent } from '../../../sipp/agents/rtp-agent.ts'
import { LATENCY_STEPS, latencyPercentile, mergeRtpStats } from '../../../sipp/agents/rtp-engine.ts'
import type { RtpEngine } from '../../../sipp/agents/rtp-engine.ts'
import {
  buildPacket,
  buildTone,
  encodeMuLaw,
  nowUs,
  PACKET_BYTES,
  parsePacket,
} from '../../../sipp/agents/rtp-packet.ts'
import { RtpReceiver } from '../../../sipp/agents/rtp-receiver.ts'
import { createRtpThread } from '../../../sipp/agents/rtp-thread.ts'
import { buildSdp, readAudioAddress } from '../../../sipp/agents/sdp.ts'

const TONE = buildTone(400)

const packet = (sequence: number, ssrc = 1, sentUs = 0): Buffer =>
  buildPacket({ sequence: sequence & 0xffff, timestamp: (sequence * 160) >>> 0, ssrc, sentUs }, false, TONE)

function hear(sequences: readonly number[]): RtpReceiver {
  const receiver = new RtpReceiver()
  for (const sequence of sequences) receiver.receive(packet(sequence), sequence * 20_000)
  return receiver
}

const counts = (receiver: RtpReceiver): number[] => [
  receiver.received,
  receiver.lost,
  receiver.duplicates,
  receiver.reordered,
]

describe('sipp/agents/rtp-receiver', () => {
  it('counts what came, once each', () => {
    assert.deepEqual(counts(hear([10, 11, 12])), [3, 0, 0, 0])
    assert.deepEqual(counts(hear([])), [0, 0, 0, 0])
  })

  it('counts gaps as lost, and takes them back when the packet comes late', () => {
    assert.deepEqual(counts(hear([10, 13])), [2, 2, 0, 0])
    assert.deepEqual(counts(hear([10, 13, 12, 11])), [4, 0, 0, 2])
  })

  it('counts duplicates apart', () => {
    assert.deepEqual(counts(hear([10, 11, 11, 12, 10])), [5, 0, 2, 0])
  })

  it('goes past 65,535', () => {
    assert.deepEqual(counts(hear([65_534, 65_535, 65_536, 65_538])), [4, 1, 0, 0])
  })

  it('does not count what is older than the first, or than the window, as heard', () => {
    assert.deepEqual(counts(hear([10, 9])), [2, 0, 0, 1])
    assert.deepEqual(counts(hear([10, 11, 12, 200, 13])), [5, 187, 0, 1])
  })

  it('counts a new source on its own', () => {
    const receiver = hear([10, 12])
    receiver.receive(packet(40_000, 2), 0)
    receiver.receive(packet(40_001, 2), 0)
    assert.deepEqual(counts(receiver), [4, 1, 0, 0])
  })

  it('measures jitter as RFC 3550 does, and latency by the stamp', () => {
    const even = hear(Array.from({ length: 100 }, (_, i) => i))
    assert.equal(even.jitterMs, 0)
    const shaky = new RtpReceiver()
    for (let i = 0; i < 500; i++) shaky.receive(packet(i, 1, i * 20_000), i * 20_000 + (i % 2) * 4000)
    // Every transit differs from the last by 4 ms.
    assert.ok(Math.abs(shaky.jitterMs - 4) < 0.1, `${shaky.jitterMs}`)
    assert.equal(latencyPercentile(shaky.latencyCounts, 0.5), 0.1)
    assert.equal(latencyPercentile(shaky.latencyCounts, 0.99), 4.1)
  })

  it('takes what is no RTP for nothing, and a foreign payload without latency', () => {
    const receiver = new RtpReceiver()
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.alloc(12),
      Buffer.from([0x9f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ])
      receiver.receive(bytes, 0)
    assert.equal(receiver.received, 0)
    const foreign = Buffer.alloc(PACKET_BYTES, 0xff)
    foreign[0] = 0x80
    receiver.receive(foreign, 0)
    assert.deepEqual([receiver.received, latencyPercentile(receiver.latencyCounts, 1)], [1, 0])
  })
})

describe('sipp/agents/rtp-packet', () => {
  it('writes G.711 as ITU-T has it', () => {
    assert.deepEqual(
      [0, 32_767, -32_768, 132, -132, 1000, -1000].map(encodeMuLaw),
      [0xff, 0x80, 0x00, 0xef, 0x6f, 0xce, 0x4e],
    )
  })

  it('reads what it wrote, past contributing sources and an extension', () => {
    const fields = { sequence: 65_535, timestamp: 4_294_967_295, ssrc: 4_000_000_000, sentUs: 123.5 }
    const plain = buildPacket(fields, true, TONE)
    assert.deepEqual(parsePacket(plain), fields)
    assert.equal(plain[1], 0x80)
    const extended = Buffer.concat([
      plain.subarray(0, 12),
      Buffer.alloc(4),
      Buffer.from([0xbe, 0xde, 0, 1, 1, 2, 3, 4]),
      plain.subarray(12),
    ])
    extended[0] = 0x91
    assert.deepEqual(parsePacket(extended), fields)
  })

  it('tells the time alike in every thread', () => {
    const before = Number(process.hrtime.bigint() / 1000n)
    const now = nowUs()
    assert.ok(now >= before && now < before + 1e6)
  })
})

describe('sipp/agents/sdp', () => {
  it('reads the address that it wrote, IPv4 and IPv6', () => {
    for (const address of [
      { host: '127.0.0.1', port: 4000 },
      { host: '::1', port: 4002 },
    ]) {
      assert.deepEqual(readAudioAddress(buildSdp(address)), address)
    }
  })

  it('prefers the connection of the audio, and finds none where there is none', () => {
    const two =
      'v=0\r\nc=IN IP4 1.1.1.1\r\nm=video 2 RTP/AVP 31\r\nc=IN IP4 2.2.2.2\r\nm=audio 3 RTP/AVP 0\r\na=x\r\nc=IN IP4 3.3.3.3\r\n'
    assert.deepEqual(readAudioAddress(two), { host: '3.3.3.3', port: 3 })
    assert.deepEqual(
      readAudioAddress('v=0\nc=IN IP4 1.1.1.1\nm=audio 3 RTP/AVP 0\nm=video 2 RTP/AVP 31\nc=IN IP4 2.2.2.2\n'),
      { host: '1.1.1.1', port: 3 },
    )
    for (const none of [
      '',
      'v=0\r\n',
      'c=IN IP4 1.1.1.1\r\nm=video 2 RTP/AVP 31\r\n',
      'c=IN IP4 1.1.1.1\r\nm=audio 0 RTP/AVP 0\r\n',
      'm=audio 4 RTP/AVP 0\r\n',
    ]) {
      assert.equal(readAudioAddress(none), null)
    }
  })
})

describe('sipp/agents/rtp-engine', () => {
  it('reads percentiles, and merges', () => {
    assert.equal(latencyPercentile(new Uint32Array(LATENCY_STEPS), 0.99), 0)
    const late = new Uint32Array(LATENCY_STEPS)
    late[0] = 99
    late[50] = 1
    assert.deepEqual([latencyPercentile(late, 0.99), latencyPercentile(late, 1)], [0.1, 5.1])
    const one = { sent: 1, received: 2, lost: 3, duplicates: 4, reordered: 5, jitterMs: 6, latencyCounts: late }
    const both = mergeRtpStats([one, { ...one, jitterMs: 1 }])
    assert.deepEqual(
      { ...both, latencyCounts: both.latencyCounts[0] },
      { sent: 2, received: 4, lost: 6, duplicates: 8, reordered: 10, jitterMs: 6, latencyCounts: 198 },
    )
  })

  const engines: [name: string, create: () => RtpEngine][] = [
    ['in this thread', () => createRtpAgent()],
    ['on a thread of its own', () => createRtpThread()],
  ]
  for (const [name, create] of engines) {
    it(`sends 50 packets a second both ways ${name}, pauses, and closes`, async () => {
      const engine = create()
      const [a, b] = [await engine.openStream(), await engine.openStream({ toneHz: 450 })]
      assert.deepEqual([a.port % 2, b.port % 2, a.host], [0, 0, '127.0.0.1'])
      const startMs = performance.now()
      a.send(b)
      b.send(a)
      await delay(500)
      b.pause()
      const paused = (await b.stats()).sent
      await delay(60)
      assert.equal((await b.stats()).sent, paused)
      const [heard, said] = [await b.close(), await a.close()]
      const due = (performance.now() - startMs) / 20
      assert.deepEqual(await a.close(), said)
      // 560 ms are 28 packets; a busy machine may stall, and passes over what it has missed.
      assert.ok(heard.received >= 10 && heard.received <= due + 2, `${heard.received} of ${due}`)
      assert.deepEqual([heard.lost, heard.duplicates, heard.reordered, said.lost], [0, 0, 0, 0])
      assert.ok(latencyPercentile(heard.latencyCounts, 0.5) < 150)
      await engine.close()
      await engine.close()
    })
  }

  it('says why a stream cannot be opened, from another thread too', async () => {
    const thread = createRtpThread()
    await assert.rejects(thread.openStream({ address: '192.0.2.1' }), /EADDRNOTAVAIL/)
    await thread.close()
    await assert.rejects(thread.openStream(), /ended/)
    const agent = createRtpAgent()
    await assert.rejects(agent.openStream({ address: '192.0.2.1' }), /EADDRNOTAVAIL/)
    await agent.close()
  })
})
