import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { HepExporter } from '../../../gateway/sip-server/hep-exporter.ts'
import { encodeHep, type HepMessage } from '../../../gateway/sip-server/hep.ts'
import type { Peer, Transport } from '../../../gateway/sip-server/transport.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

/** Reads a HEP3 packet as the specification lays it out: chunks by type, each checked for vendor 0 and its length. */
function decodeHep(packet: Buffer): Map<number, Buffer> {
  assert.equal(packet.toString('latin1', 0, 4), 'HEP3')
  assert.equal(packet.readUInt16BE(4), packet.length)
  const chunks = new Map<number, Buffer>()
  let at = 6
  while (at < packet.length) {
    const length = packet.readUInt16BE(at + 4)
    assert.equal(packet.readUInt16BE(at), 0, 'vendor')
    assert.ok(length >= 6 && at + length <= packet.length, 'a chunk lies within its packet')
    const type = packet.readUInt16BE(at + 2)
    assert.ok(!chunks.has(type), `chunk ${type} once`)
    chunks.set(type, packet.subarray(at + 6, at + length))
    at += length
  }
  return chunks
}

const MESSAGE: HepMessage = {
  atMs: 1_700_000_000_123.456,
  source: { host: '192.0.2.7', port: 5070 },
  destination: { host: '10.0.0.1', port: 5060 },
  isStream: false,
  callId: 'abc@x',
  text: 'OPTIONS sip:\u00fc SIP/2.0\r\n\r\n',
}

describe('a HEP3 packet', () => {
  it('holds every chunk a collector asks for', () => {
    const packet = encodeHep(MESSAGE, { captureId: 2001, password: 'myHep' })
    const chunks = decodeHep(packet)
    const hex = Object.fromEntries([...chunks].map(([type, value]) => [type, value.toString('hex')]))
    assert.deepEqual(hex, {
      1: '02',
      2: '11',
      3: 'c0000207',
      4: '0a000001',
      7: '13ce',
      8: '13c4',
      9: (1_700_000_000).toString(16),
      10: Buffer.from([0, 0x01, 0xe2, 0x40]).toString('hex'), // 123,456 µs.
      11: '01',
      12: '000007d1',
      14: Buffer.from('myHep').toString('hex'),
      15: Buffer.from(MESSAGE.text, 'latin1').toString('hex'),
      17: Buffer.from('abc@x').toString('hex'),
    })
  })

  it('speaks of TCP and IPv6 where they were used, and of no password where there is none', () => {
    const source = { host: '2001:db8::7:1', port: 5070 }
    const destination = { host: '::ffff:10.0.0.1', port: 5060 }
    const chunks = decodeHep(
      encodeHep({ ...MESSAGE, source, destination, isStream: true }, { captureId: 1, password: null }),
    )
    assert.equal(chunks.get(1)!.toString('hex'), '0a')
    assert.equal(chunks.get(2)!.toString('hex'), '06')
    assert.equal(chunks.get(5)!.toString('hex'), '20010db8000000000000000000070001')
    assert.equal(chunks.get(6)!.toString('hex'), '00000000000000000000ffff0a000001')
    assert.ok(!chunks.has(3) && !chunks.has(4) && !chunks.has(14))
  })

  it('is well formed also when an answer goes to a name', () => {
    const chunks = decodeHep(
      encodeHep({ ...MESSAGE, destination: { host: 'gw.example.com', port: 5060 } }, { captureId: 1, password: null }),
    )
    assert.equal(chunks.get(4)!.toString('hex'), '00000000')
  })
})

describe('HEP export', function () {
  this.timeout(90_000)

  it('tells a collector of every message, in both directions, credentials masked', async () => {
    const collector = createSocket('udp4')
    collector.bind(0, '127.0.0.1')
    await once(collector, 'listening')
    const packets: Map<number, Buffer>[] = []
    collector.on('message', (packet) => packets.push(decodeHep(packet)))
    const hep = { host: '127.0.0.1', port: collector.address().port, captureId: 7, password: 'secret' }
    const server = await TestServer.start({ hep })
    try {
      await server.srf({ options: (_req, res) => res.send(200) })
      const peer = await server.peer()
      peer.request('OPTIONS', { callId: 'hep', headers: ['Authorization: Digest username="u", response="abcdef"'] })
      await peer.receive(200)
      await eventually(() => packets.length === 2)
      const [request, answer] = packets
      assert.match(request!.get(15)!.toString('latin1'), /^OPTIONS [^]*username="u", response="\*{6}"/)
      assert.match(answer!.get(15)!.toString('latin1'), /^SIP\/2.0 200 OK/)
      assert.equal(request!.get(17)!.toString(), 'hep@test')
      assert.equal(answer!.get(17)!.toString(), 'hep@test')
      assert.equal(request!.get(7)!.readUInt16BE(), peer.port)
      assert.equal(request!.get(8)!.readUInt16BE(), server.port('udp'))
      assert.equal(answer!.get(7)!.readUInt16BE(), server.port('udp'))
      assert.equal(answer!.get(8)!.readUInt16BE(), peer.port)
      assert.ok(Math.abs(request!.get(9)!.readUInt32BE() - Date.now() / 1000) < 60)
      assert.deepEqual((await server.handle.stats()).hep, { sent: 2, dropped: 0 })
    } finally {
      await server.close()
      collector.close()
    }
  })

  it('goes on with calls while nobody listens', async () => {
    const collector = createSocket('udp4')
    collector.bind(0, '127.0.0.1')
    await once(collector, 'listening')
    const { port } = collector.address()
    collector.close()
    await once(collector, 'close')
    const server = await TestServer.start({ hep: { host: '127.0.0.1', port, captureId: 7, password: null } })
    try {
      await server.srf({ options: (_req, res) => res.send(200) })
      const peer = await server.peer()
      for (let i = 0; i < 20; i++) {
        peer.request('OPTIONS')
        await peer.receive(200)
      }
      const { sent, dropped } = (await server.handle.stats()).hep!
      assert.equal(sent + dropped, 40)
      assert.ok(sent > 0)
    } finally {
      await server.close()
    }
  })

  it('drops and counts what has nowhere to go, and says so once', async () => {
    const logged: string[] = []
    const options = { host: 'collector.invalid', port: 9060, captureId: 1, password: null }
    const exporter = new HepExporter(options, 1_048_576, (text) => logged.push(text))
    try {
      exporter.see('in', MESSAGE.text, 'a', peerOver('udp'), 1)
      exporter.see('in', MESSAGE.text, 'a', peerOver('udp'), 2)
      assert.deepEqual(exporter.stats, { sent: 0, dropped: 2 })
      await eventually(() => logged.length === 1)
      assert.match(logged[0]!, /collector\.invalid of the HEP collector has no address/)
    } finally {
      exporter.close()
    }
  })

  it('drops and counts what is too large for a packet, and what the system has no room for', async () => {
    const options = { host: '127.0.0.1', port: 9, captureId: 1, password: null }
    const [roomy, full] = [1_048_576, 0].map(
      (maxQueueBytes) => new HepExporter(options, maxQueueBytes, () => undefined),
    )
    try {
      await eventually(() => {
        roomy!.see('in', MESSAGE.text, 'a', peerOver('udp'), 1)
        return roomy!.stats.sent > 0
      })
      const { dropped } = roomy!.stats
      for (const length of [65_000, 65_500, 65_535]) roomy!.see('in', 'x'.repeat(length), 'a', peerOver('tcp'), 1)
      assert.equal(roomy!.stats.dropped, dropped + 3)
      roomy!.see('in', 'x'.repeat(64_900), 'a', peerOver('tcp'), 1)
      assert.equal(roomy!.stats.dropped, dropped + 3)
      full!.see('in', MESSAGE.text, 'a', peerOver('udp'), 1)
      assert.deepEqual(full!.stats, { sent: 0, dropped: 1 })
    } finally {
      roomy!.close()
      full!.close()
    }
  })
})

function peerOver(name: 'udp' | 'tcp'): Peer {
  const transport: Transport = {
    name,
    isReliable: name === 'tcp',
    host: '127.0.0.1',
    port: 5060,
    send: () => undefined,
    close: () => Promise.resolve(),
  }
  return { transport, host: '127.0.0.1', port: 5070, connection: null }
}
