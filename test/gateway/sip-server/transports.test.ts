import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import type { TlsOptions } from '../../../gateway/sip-server/tls-context.ts'
import type { ListenOptions, TransportName } from '../../../gateway/sip-server/transport.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import type { Certificate } from '../../support/certificates.ts'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { App, AppDialog } from '../../support/sip-server.ts'

const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
const FAMILIES = [4, 6] as const

/** Every transport on both loopback addresses, on free ports. */
const EVERYWHERE: readonly ListenOptions[] = TRANSPORTS.flatMap((transport) =>
  ['127.0.0.1', '::1'].map((host) => ({ transport, host, port: 0 })),
)
const NAMES = ['localhost', '127.0.0.1', '::1']

describe('every transport of the SIP server', () => {
  let authority: Certificate
  let ours: Certificate
  let tls: TlsOptions
  before(async () => {
    authority = await makeAuthority()
    ours = await makeCertificate(NAMES, authority)
    tls = { ...ours, ca: authority.cert }
  })

  describe('in both families', () => {
    let server: TestServer
    let app: App
    let dialog: AppDialog | null = null
    before(async () => {
      server = await TestServer.start({ listen: EVERYWHERE, tls })
      app = await server.srf({
        invite: async (req, res) => {
          dialog = await app.createUAS(req, res, { localSdp: SDP })
        },
      })
    })
    beforeEach(() => {
      dialog = null
    })
    after(() => server.close())

    for (const family of FAMILIES)
      for (const transport of TRANSPORTS) {
        it(`carries a call from a peer and one to it, and its BYE (${transport}, IPv${family})`, async () => {
          const peer = await server.peer(transport, { family, certificate: ours })
          peer.request('INVITE', { body: SDP })
          const answer = await peer.receive(200)
          const uriParameter = transport === 'wss' ? 'ws' : transport
          const contact = answer.get('contact')!
          assert.equal(/;transport=(\w+)>/.exec(contact)?.[1], transport === 'udp' ? undefined : uriParameter)
          assert.equal(contact.includes('[::1]'), family === 6)
          peer.requestAsCaller('ACK', answer)
          await eventually(() => dialog !== null)
          const ended = dialog!.destroy()
          const bye = await peer.receive('BYE')
          assert.match(bye.get('via')!, new RegExp(`^SIP/2\\.0/${transport.toUpperCase()} `))
          peer.reply(bye, 200, 'OK')
          await ended

          // Outwards: a browser is reached where it has registered, anybody else at its address.
          if (transport === 'ws' || transport === 'wss') await register(server, peer)
          const uri = /<(.*)>/.exec(peer.contact)![1]!
          const calling = app.createUAC(uri, { localSdp: SDP })
          const invite = await peer.receive('INVITE')
          peer.reply(invite, 200, 'OK', { body: SDP })
          await peer.receive('ACK')
          const call = await calling
          const over = once(call, 'destroy')
          peer.requestAsCallee('BYE', invite)
          await over
        })
      }

    it('is in the greeting, and shown as tcp when it is a WebSocket', async () => {
      const raw = await server.application('options')
      const greeting = await (await server.application()).ask('authenticate|cymru|')
      const listed = new Set(greeting[1]!.split(',').map((each) => each.split('/')[0]))
      assert.deepEqual([...listed], [...TRANSPORTS])
      for (const [transport, shown] of [
        ['ws', 'tcp'],
        ['wss', 'tcp'],
        ['tls', 'tls'],
        ['udp', 'udp'],
      ] as const) {
        const peer = await server.peer(transport, { certificate: ours })
        peer.request('OPTIONS')
        const { tokens, text } = await raw.shown('OPTIONS')
        assert.equal(tokens[4], shown)
        assert.match(text, new RegExp(`Via: SIP/2.0/${transport.toUpperCase()} `))
        await raw.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
        await peer.receive(200)
      }
      raw.close()
    })
  })

  it('lists what it listens on', async () => {
    const server = await TestServer.start({ listen: EVERYWHERE, tls, inThread: true })
    assert.deepEqual(
      server.handle.listening.map(({ transport, host }) => `${transport} ${host}`),
      EVERYWHERE.map(({ transport, host }) => `${transport} ${host}`),
    )
    assert.ok(server.handle.listening.every(({ port }) => port > 0))
    await server.close()
  })

  it('names transport, host and port when one is in use', async () => {
    const first = await TestServer.start({ listen: EVERYWHERE, tls })
    for (const transport of ['tls', 'ws', 'wss'] as const) {
      const port = first.port(transport)
      await assert.rejects(TestServer.start({ listen: [{ transport, host: '127.0.0.1', port }], tls }), {
        message: `cannot listen for SIP over ${transport} on 127.0.0.1 port ${port}: the port is already in use`,
      })
    }
    await first.close()
  })

  it('tells peers the public address of their family, and a sips Contact who called sips', async () => {
    const server = await TestServer.start({ listen: EVERYWHERE, tls, publicAddresses: ['2001:db8::9', '203.0.113.9'] })
    const app = await server.application('invite')
    for (const family of FAMILIES) {
      const peer = await server.peer('tls', { family })
      const host = family === 6 ? '[2001:db8::9]' : '203.0.113.9'
      for (const scheme of ['sip', 'sips']) {
        peer.request('INVITE', { uri: `${scheme}:service@example.com`, body: SDP })
        const { tokens } = await app.shown('INVITE')
        await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 180 Ringing\r\nContact: <sip:me@localhost>\r\n\r\n`)
        const contact = (await peer.receive(180)).get('contact')!
        assert.ok(contact.startsWith(`<${scheme}:me@${host}:${server.port('tls', family)}`), contact)
      }
    }
    await server.close()
  })

  it('shares a port among families: a wildcard of IPv6 takes no IPv4', async () => {
    const { port } = (await free()).listening
    const server = await TestServer.start({
      listen: (['udp', 'tcp', 'ws'] as const).flatMap((transport, index) =>
        ['0.0.0.0', '::'].map((host) => ({ transport, host, port: transport === 'ws' ? port + index : port })),
      ),
    })
    const app = await server.application('options')
    for (const family of FAMILIES) {
      const peer = await server.peer('tcp', { family })
      peer.request('OPTIONS')
      const { tokens } = await app.shown('OPTIONS')
      assert.equal(tokens[5], family === 6 ? '::1' : '127.0.0.1')
    }
    await server.close()
  })

  it('closes TLS and WebSocket handshakes that do not end, and garbage at once', async () => {
    const server = await TestServer.start({ listen: EVERYWHERE, tls, limits: { handshakeMs: 200 } })
    const openings: [TransportName, string][] = [
      ['tls', ''],
      ['tls', '\x16\x03\x01\x02\x00'],
      ['wss', ''],
      ['ws', ''],
      ['ws', 'GET / HTTP/1.1\r\nHost: x\r\n'],
      ['tls', 'OPTIONS sip:x SIP/2.0\r\n\r\n'],
      ['wss', 'GET / HTTP/1.1\r\n\r\n'],
      ['ws', 'OPTIONS sip:x SIP/2.0\r\n\r\n'],
    ]
    for (const [transport, bytes] of openings) {
      const socket = connect(server.port(transport), '127.0.0.1')
      socket.on('error', () => undefined).resume()
      if (bytes !== '') socket.write(bytes, 'latin1')
      await once(socket, 'close')
    }
    const { connections, internalErrors } = await server.handle.stats()
    assert.deepEqual([connections, internalErrors], [{ tcp: 0, tls: 0, ws: 0, wss: 0 }, 0])
    const peer = await server.peer('tls')
    peer.request('OPTIONS')
    await peer.receive(503)
    await server.close()
  })

  it('speaks TLS 1.2 and 1.3 and nothing older', async () => {
    const server = await TestServer.start({ listen: [{ transport: 'tls', host: '127.0.0.1', port: 0 }], tls })
    const port = server.port('tls')
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        ca: authority.cert,
        minVersion: version,
        maxVersion: version,
      })
      await once(socket, 'secureConnect')
      assert.equal(socket.getProtocol(), version)
      socket.destroy()
    }
    const old = connectTls({ port, host: '127.0.0.1', ca: authority.cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })
    await assert.rejects(once(old, 'secureConnect'))
    await server.close()
  })

  it('shows new certificates to new connections, and keeps the calls on the old ones', async () => {
    const server = await TestServer.start({ listen: EVERYWHERE, tls, inThread: true })
    const app = await server.application('options')
    const before = await server.peer('tls')
    before.request('OPTIONS')
    await app.shown('OPTIONS')
    const renewed = await makeCertificate(['renewed.example.com', '127.0.0.1'], authority)
    await server.handle.ask('replaceCertificates', renewed)
    for (const transport of ['tls', 'wss'] as const) {
      const socket = connectTls({ port: server.port(transport), host: '127.0.0.1', ca: authority.cert })
      await once(socket, 'secureConnect')
      assert.match(socket.getPeerCertificate().subjectaltname!, /renewed\.example\.com/)
      socket.destroy()
    }
    before.request('OPTIONS')
    await app.shown('OPTIONS')
    const stranger = await makeCertificate(['x'])
    await assert.rejects(server.handle.ask('replaceCertificates', { cert: renewed.cert, key: stranger.key }))
    const socket = connectTls({ port: server.port('tls'), host: '127.0.0.1', ca: authority.cert })
    await once(socket, 'secureConnect')
    socket.destroy()
    await server.close()
  })
})

describe('WebSocket clients', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await TestServer.start({
      listen: [{ transport: 'ws', host: '127.0.0.1', port: 0 }],
      limits: { maxMessageBytes: 4_000, maxQueueBytes: 200_000 },
    })
  })
  afterEach(() => server.close())
  const dial = (protocols: string[], options = {}): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${server.port('ws')}/any/path`, protocols, options)

  it('must offer the subprotocol sip', async () => {
    for (const protocols of [[], ['chat']]) {
      const [, response] = await once(dial(protocols), 'unexpected-response')
      assert.equal(response.statusCode, 400)
    }
    const client = dial(['chat', 'sip'])
    await once(client, 'open')
    assert.equal(client.protocol, 'sip')
    client.terminate()
    const plain = await fetch(`http://127.0.0.1:${server.port('ws')}/`)
    assert.equal(plain.status, 426)
  })

  it('may come from listed origins only, where there is a list', async () => {
    const listed = await TestServer.start({
      listen: [{ transport: 'ws', host: '127.0.0.1', port: 0 }],
      webSocketOrigins: ['https://calls.example.com'],
    })
    const from = (origin?: string) =>
      new WebSocket(`ws://127.0.0.1:${listed.port('ws')}`, 'sip', origin === undefined ? {} : { origin })
    const [, response] = await once(from('https://evil.example'), 'unexpected-response')
    assert.equal(response.statusCode, 403)
    for (const origin of ['https://Calls.example.com', undefined]) {
      const client = from(origin)
      await once(client, 'open')
      client.terminate()
    }
    await listed.close()
  })

  for (const [what, ping] of [
    ['pings', Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)])],
    ['empty lines', Buffer.from([0x81, 0x84, 0, 0, 0, 0, 13, 10, 13, 10])],
  ] as const) {
    it(`are given up when they send ${what} and do not read the answers`, async () => {
      const socket = connect(server.port('ws'), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
      )
      await once(socket, 'data')
      socket.pause()
      const many = Buffer.concat(Array.from({ length: Math.ceil(65_536 / ping.length) }, () => ping))
      let sent = 0
      while (!socket.destroyed && sent < 500_000_000) {
        sent += many.length
        if (!socket.write(many)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
      }
      assert.ok(socket.destroyed, 'it was never given up')
      socket.destroy()
    })
  }

  it('send a message a frame, as text or binary, and pings of either kind are answered', async () => {
    const app = await server.application('options')
    const peer = await server.peer('ws')
    const text = peer.buildRequest('OPTIONS', { headers: ['Subject: caf\u00C3\u00A9'] })
    const client = dial(['sip'])
    await once(client, 'open')
    for (const isBinary of [false, true]) {
      client.send(Buffer.from(text.replace('branch=', `branch=z9hG4bK${isBinary}`), 'latin1'), { binary: isBinary })
      const { tokens } = await app.shown('OPTIONS')
      const answered = once(client, 'message')
      await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nSubject: ${isBinary ? '\u00ff' : 'plain'}\r\n\r\n`)
      const [bytes, wasBinary] = await answered
      assert.match(String(bytes), /^SIP\/2\.0 200 OK/)
      assert.equal(wasBinary, isBinary, 'bytes that are no UTF-8 go in a binary frame')
    }
    const ponged = once(client, 'pong')
    client.ping()
    await ponged
    const crlf = once(client, 'message')
    client.send('\r\n\r\n')
    assert.equal(String((await crlf)[0]), '\r\n')
    client.terminate()
  })

  it('are cut off when their frames are too large, unmasked or no frames', async () => {
    const big = dial(['sip'])
    await once(big, 'open')
    big.send('x'.repeat(4_001))
    const [code] = await once(big, 'close')
    assert.equal(code, 1009)
    for (const bytes of [Buffer.from([0x81, 0x02, 0x68, 0x69]), Buffer.from('\xff\xff\xff\xff', 'latin1')]) {
      const socket = await upgradeByHand(server.port('ws'))
      socket.write(bytes)
      await once(socket, 'close')
    }
    await eventually(async () => (await server.handle.stats()).connections.ws === 0)
    const { internalErrors, parseFailures } = await server.handle.stats()
    assert.deepEqual([internalErrors, parseFailures], [0, 3])
  })

  it('are answered 400 for a malformed message, and stay', async () => {
    const peer = await server.peer('ws')
    peer.send(peer.buildRequest('OPTIONS', { without: ['Call-ID'] }))
    await peer.receive(400)
    peer.request('OPTIONS')
    await peer.receive(503)
  })

  it('that do not read what they are sent are given up', async () => {
    const app = await server.application('register')
    const socket = await upgradeByHand(server.port('ws'))
    const peer = await server.peer('ws')
    socket.pause()
    const text = peer.buildRequest('REGISTER').replaceAll(peer.host, 'deaf.invalid')
    socket.write(frameOf(text))
    const { tokens } = await app.shown('REGISTER')
    await app.ask(
      `sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nContact: <sip:peer@deaf.invalid;transport=ws>;expires=60\r\n\r\n`,
    )
    const body = 'x'.repeat(60_000)
    const message = `MESSAGE sip:peer@deaf.invalid;transport=ws SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${body}`
    let sent = 0
    // The kernel's buffers take some megabytes first.
    while ((await server.handle.stats()).connections.ws > 1 && sent++ < 500) await app.ask(`sip||\r\n${message}`)
    assert.ok(sent < 500, 'it was never cut off')
    socket.destroy()
  })
})

/** A WebSocket whose frames are ours to write. */
async function upgradeByHand(port: number) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
  )
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 101 /)
  return socket.resume()
}

/** One text frame, masked with zeros. */
function frameOf(text: string): Buffer {
  const head = Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255, 0, 0, 0, 0])
  return Buffer.concat([head, Buffer.from(text, 'latin1')])
}

async function register(server: TestServer, peer: Awaited<ReturnType<TestServer['peer']>>): Promise<void> {
  const registrar = await server.application('register')
  peer.request('REGISTER')
  const { tokens } = await registrar.shown('REGISTER')
  await registrar.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nContact: ${peer.contact};expires=60\r\n\r\n`)
  await peer.receive(200, { method: 'REGISTER' })
  registrar.close()
}

/** A port that was free a moment ago. */
async function free(): Promise<{ listening: { port: number } }> {
  const server = await TestServer.start({ listen: [{ transport: 'tcp', host: '127.0.0.1', port: 0 }] })
  const port = server.port('tcp')
  await server.close()
  return { listening: { port } }
}
