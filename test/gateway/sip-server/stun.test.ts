import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { answerStun, isStun } from '../../../gateway/sip-server/stun.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

const COOKIE = '2112a442'
const ID = '0102030405060708090a0b0c'
const REQUEST = `00010000${COOKIE}${ID}`

/** A message of this type with these attributes, all in hex. */
function stun(type: string, attributes = ''): Buffer {
  const length = (attributes.length / 2).toString(16).padStart(4, '0')
  return Buffer.from(`${type}${length}${COOKIE}${ID}${attributes}`, 'hex')
}

describe('STUN on the port of SIP', () => {
  it('tells an IPv4 client its address and port (RFC 8489 §14.2)', () => {
    // 192.0.2.1:32853 as RFC 5769 §2.2 has it.
    const answer = answerStun(stun('0001'), '192.0.2.1', 32_853)
    assert.equal(answer.toString('hex'), `0101000c${COOKIE}${ID}002000080001a147e112a643`)
    assert.deepEqual(answerStun(stun('0001'), '::ffff:192.0.2.1', 32_853), answer)
  })

  it('tells an IPv6 client its own', () => {
    // RFC 5769 §2.3: its transaction id, address and port.
    const request = Buffer.from(`00010000${COOKIE}b7e7a701bc34d686fa87dfae`, 'hex')
    const answer = answerStun(request, '2001:db8:1234:5678:11:2233:4455:6677', 32_853)
    const xored = '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9'
    assert.equal(answer.toString('hex'), `01010018${COOKIE}b7e7a701bc34d686fa87dfae${xored}`)
    assert.equal(answerStun(request, '::1%lo', 1).length, 44)
  })

  it('passes over what may be, and names what would have to be understood', () => {
    assert.equal(answerStun(stun('0001', '80220004746573740006000161000000'), '192.0.2.1', 1).length, 32)
    const refused = answerStun(stun('0001', '00030004000000060019000411000000'), '192.0.2.1', 1)
    assert.ok(Buffer.isBuffer(refused))
    assert.equal(refused.readUInt16BE(0), 0x0111)
    assert.equal(refused.length, 20 + refused.readUInt16BE(2))
    assert.equal(refused.subarray(26, 45).toString('latin1'), '\u0004\u0014Unknown Attribute')
    assert.equal(refused.subarray(48).toString('hex'), '000a000400030019')
    const many = answerStun(stun('0001', '00030000'.repeat(300)), '192.0.2.1', 1)
    assert.ok(Buffer.isBuffer(many) && many.length <= 84)
  })

  it('answers neither indications nor answers, and reads nothing past the end', () => {
    for (const type of ['0011', '0101', '0111', '0003']) assert.equal(answerStun(stun(type), '192.0.2.1', 1), 'silent')
    const tooShort = Buffer.from(`00010004${COOKIE}${ID}`, 'hex')
    const odd = Buffer.from(`00010003${COOKIE}${ID}000000`, 'hex')
    const overlong = stun('0001', '8022ffff')
    for (const bytes of [tooShort, odd, overlong]) assert.equal(answerStun(bytes, '192.0.2.1', 1), 'malformed')
  })

  it('is told from SIP by its first bits and its cookie', () => {
    assert.ok(isStun(stun('0001')))
    for (const text of ['OPTIONS sip:a@b SIP/2.0\r\n\r\n', 'SIP/2.0 200 OK\r\nCSeq: 1 X\r\n\r\n', ''])
      assert.ok(!isStun(Buffer.from(text)))
    assert.ok(!isStun(Buffer.from(REQUEST.replace(COOKIE, '00000000'), 'hex')))
  })
})

describe('a UDP port that clients keep alive', () => {
  let server: TestServer
  let socket: Socket
  let heard: Buffer[]
  const open = async (options: object = {}): Promise<void> => {
    server = await TestServer.start(options)
    heard = []
    socket = createSocket('udp4').on('message', (bytes) => void heard.push(bytes))
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  }
  afterEach(async () => {
    socket.close()
    await server.close()
  })
  const send = (bytes: Buffer | string): void => socket.send(bytes, server.port('udp'), '127.0.0.1')
  const asks = async (bytes: Buffer): Promise<Buffer> => {
    const before = heard.length
    send(bytes)
    await eventually(() => heard.length > before)
    return heard[before]!
  }

  it('answers STUN beside SIP, with the port it saw, to strangers too', async () => {
    await open()
    const answer = await asks(stun('0001'))
    assert.equal(answer.readUInt16BE(0), 0x0101)
    assert.equal(answer.readUInt16BE(26) ^ 0x2112, socket.address().port)
    assert.equal((await server.handle.stats()).parseFailures, 0)
  })

  it('says nothing to line ends, double or more, and does not count them as garbage', async () => {
    await open({ guard: { malformed: { perSecond: 0.001, burst: 1 } } })
    for (const blank of ['\r\n', '\r\n\r\n', '\r\n\r\n\r\n', '\0'.repeat(8), '']) send(blank)
    await asks(stun('0001'))
    assert.equal(heard.length, 1)
    const { parseFailures, guard } = await server.handle.stats()
    assert.deepEqual([parseFailures, guard!.bansTotal], [0, 0])
  })

  it('takes broken STUN for garbage, and answers it with nothing', async () => {
    await open()
    send(stun('0001', '8022ffff'))
    await asks(stun('0001'))
    assert.equal(heard.length, 1)
    assert.equal((await server.handle.stats()).parseFailures, 1)
  })

  it('bans whoever asks too often', async () => {
    await open({ guard: { requests: { perSecond: 0.001, burst: 2 }, hardFactor: 1 } })
    for (let i = 0; i < 2; i++) await asks(stun('0001'))
    send(stun('0001'))
    await eventually(async () => (await server.handle.stats()).guard!.banned === 1)
    assert.equal(heard.length, 2)
  })

  it('is silent to those who may not even register, and never to a trunk', async () => {
    await open({ guard: {} })
    await server.handle.ask('setAdmission', { trusted: [], strangersMay: [] })
    send(stun('0001'))
    await eventually(async () => (await server.handle.stats()).guard!.droppedUnknown === 1)
    assert.equal(heard.length, 0)
    await server.handle.ask('setAdmission', { trusted: ['127.0.0.1'], strangersMay: [] })
    await asks(stun('0001'))
  })
})
