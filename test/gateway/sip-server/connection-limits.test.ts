import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { ConnectionQuota } from '../../../gateway/sip-server/connection-quota.ts'
import { DEFAULT_LIMITS } from '../../../gateway/sip-server/limits.ts'
import { boundTo } from '../../../gateway/sip-server/transport.ts'
import { makeCertificate } from '../../support/certificates.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const OK = 'SIP/2.0 200 OK'
const HERE = { host: '127.0.0.1', port: 0 } as const

/** Answers the next request of this method, as an application. */
async function answer(app: RawApplication, method: string, headers = ''): Promise<string> {
  const { tokens, text } = await app.shown(method)
  await app.ask(`sip|${tokens[8]}|\r\n${OK}\r\n${headers}\r\n`)
  return text
}

describe('the limits of connections', () => {
  it('are so many in all, from one address, and from loopback', () => {
    const quota = new ConnectionQuota({ maxConnections: 5, maxConnectionsPerSource: 2, maxConnectionsPerLoopback: 3 })
    const enter = (host: string, times: number) => Array.from({ length: times }, () => quota.enter(host))
    assert.deepEqual(enter('192.0.2.1', 3), [true, true, false])
    assert.deepEqual(enter('127.0.0.1', 4), [true, true, true, false])
    assert.deepEqual(enter('192.0.2.2', 1), [false])
    quota.leave('192.0.2.1')
    assert.deepEqual(enter('192.0.2.2', 1), [true])
    quota.leave('192.0.2.9')
    assert.deepEqual(enter('192.0.2.1', 1), [false])
  })

  it('are counted for each listener by itself', async () => {
    const { cert, key } = await makeCertificate(['127.0.0.1'])
    const server = await TestServer.start({
      listen: (['tcp', 'tls', 'ws', 'wss'] as const).map((transport) => ({ transport, ...HERE })),
      tls: { cert, key },
      limits: { maxTcpConnections: 1, maxTlsConnections: 2, maxWebSocketConnections: 3 },
    })
    for (const [transport, most] of [
      ['tcp', 1],
      ['tls', 2],
      ['ws', 3],
      ['wss', 3],
    ] as const) {
      const open = () =>
        connect(server.port(transport), '127.0.0.1')
          .on('error', () => undefined)
          .resume()
      const held = Array.from({ length: most }, open)
      await Promise.all(held.map((socket) => once(socket, 'connect')))
      await once(open(), 'close')
      for (const socket of held) assert.equal(socket.destroyed, false, transport)
      for (const socket of held) socket.destroy()
    }
    await server.close()
  })

  it('hold for handshakes too, and are given back', async () => {
    const { cert, key } = await makeCertificate(['127.0.0.1'])
    const server = await TestServer.start({
      listen: (['tcp', 'tls', 'ws', 'wss'] as const).map((transport) => ({ transport, ...HERE })),
      tls: { cert, key },
      limits: { maxConnectionsPerLoopback: 2 },
    })
    for (const transport of ['tcp', 'tls', 'ws', 'wss'] as const) {
      const open = () =>
        connect(server.port(transport), '127.0.0.1')
          .on('error', () => undefined)
          .resume()
      for (let round = 0; round < 2; round++) {
        const held = [open(), open()]
        await Promise.all(held.map((socket) => once(socket, 'connect')))
        const third = open()
        await once(third, 'close')
        for (const socket of held) assert.equal(socket.destroyed, false, transport)
        const gone = held.map((socket) => once(socket, 'close'))
        for (const socket of held) socket.destroy()
        await Promise.all(gone)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    await server.close()
  })

  it('end half a message that is never completed, on every stream', async () => {
    const { cert, key } = await makeCertificate(['127.0.0.1'])
    const server = await TestServer.start({
      listen: (['tcp', 'tls', 'ws'] as const).map((transport) => ({ transport, ...HERE })),
      tls: { cert, key },
      limits: { partialMessageMs: 150 },
    })
    const app = await server.application('options')
    for (const transport of ['tcp', 'tls'] as const) {
      const peer = await server.peer(transport)
      peer.request('OPTIONS')
      await answer(app, 'OPTIONS')
      const text = peer.buildRequest('OPTIONS')
      // Each byte comes in time; the message does not.
      const dribble = setInterval(() => peer.send(text[0]!), 40)
      await eventually(async () => (await server.handle.stats()).connections[transport] === 0)
      clearInterval(dribble)
      peer.disconnect()
    }
    const socket = connect(server.port('ws'), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
    )
    await once(socket, 'data')
    socket.resume().write(Buffer.from([0x81, 0xfe, 0x01, 0x00, 0, 0, 0, 0, 0x4f]))
    await once(socket, 'close')
    await server.close()
  })

  it('give up a TCP peer that does not read', async () => {
    const server = await TestServer.start({ limits: { maxQueueBytes: 100_000 } })
    const app = await server.application()
    const sockets: Socket[] = []
    const deaf = createServer((socket) => void sockets.push(socket.pause().on('error', () => undefined)))
    deaf.listen(0, '127.0.0.1')
    await once(deaf, 'listening')
    const message = (port: number) =>
      `sip||\r\nMESSAGE sip:x@127.0.0.1:${port};transport=tcp SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(50_000)}`
    let sent = 0
    while (!app.frames.some((each) => each.includes('SIP/2.0 503')) && sent++ < 500)
      await app.ask(message(boundTo(deaf).port))
    assert.ok(sent < 500, 'it was never given up')
    for (const socket of sockets) socket.destroy()
    deaf.close()
    await server.close()
  })

  it('give up a TLS server that never ends its handshake', async () => {
    const { cert, key } = await makeCertificate(['127.0.0.1'])
    const server = await TestServer.start({
      listen: [{ transport: 'tls', ...HERE }],
      tls: { cert, key },
      limits: { tcpConnectMs: 150 },
    })
    const mute = createServer((socket) => void socket.on('error', () => undefined).resume())
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const app = await server.application()
    await app.ask(`sip||\r\nOPTIONS sip:x@127.0.0.1:${boundTo(mute).port};transport=tls SIP/2.0\r\n\r\n`)
    await app.shown(503)
    mute.close()
    await server.close()
  })

  it('leave room for others when one address has all it may', () => {
    assert.ok(DEFAULT_LIMITS.maxConnectionsPerSource < DEFAULT_LIMITS.maxTcpConnections)
    assert.ok(DEFAULT_LIMITS.maxWebSocketConnections >= 15_000)
  })
})
