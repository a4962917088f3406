import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { startSipServer } from '../../../gateway/sip-server/start.ts'
import { boundTo } from '../../../gateway/sip-server/transport.ts'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

const control = { host: '127.0.0.1', port: 0, secret: 's' }

describe('starting the SIP server', () => {
  it('runs calls in a thread of its own, and closes twice without complaint', async () => {
    const server = await TestServer.start({ inThread: true })
    const app = await server.srf({
      invite: async (req, res) => {
        const dialog = await app.createUAS(req, res, { localSdp: SDP })
        dialog.once('ack', () => void dialog.destroy())
      },
    })
    const caller = await server.peer()
    caller.request('INVITE', { body: SDP })
    caller.requestAsCaller('ACK', await caller.receive(200))
    caller.reply(await caller.receive('BYE'), 200, 'OK')
    const stats = await server.handle.stats()
    assert.deepEqual([stats.received['INVITE'], stats.sent['BYE'], stats.applications], [1, 1, 1])
    await server.close()
    await server.handle.close()
    await assert.rejects(server.handle.stats(), /closed/)
  })

  for (const inThread of [false, true]) {
    it(`names transport, host and port when one is in use (${inThread ? 'in a thread' : 'here'})`, async () => {
      const udp = createSocket('udp4').bind(0, '127.0.0.1')
      const tcp = createServer().listen(0, '127.0.0.1')
      await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
      const tcpPort = boundTo(tcp).port
      const udpPort = udp.address().port
      const listenOn = (transport: 'udp' | 'tcp', port: number) =>
        startSipServer({ listen: [{ transport, host: '127.0.0.1', port }], control, inThread })
      await assert.rejects(listenOn('udp', udpPort), {
        message: `cannot listen for SIP over udp on 127.0.0.1 port ${udpPort}: the port is already in use`,
      })
      await assert.rejects(listenOn('tcp', tcpPort), {
        message: `cannot listen for SIP over tcp on 127.0.0.1 port ${tcpPort}: the port is already in use`,
      })
      await assert.rejects(
        startSipServer({
          listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }],
          control: { ...control, port: tcpPort },
          inThread,
        }),
        { message: `cannot listen for applications over tcp on 127.0.0.1 port ${tcpPort}: the port is already in use` },
      )
      udp.close()
      tcp.close()
    })
  }

  it('says which DNS servers are none', async () => {
    await assert.rejects(startSipServer({ listen: [], control, dnsServers: ['192.0.2.1', 'dns.example'] }), {
      message: /must be an IP address.*192\.0\.2\.1, dns\.example/,
    })
  })

  it('says when there is no such address', async () => {
    const listen = [{ transport: 'udp', host: '192.0.2.1', port: 0 }] as const
    await assert.rejects(
      startSipServer({ listen, control, inThread: false }),
      /udp on 192\.0\.2\.1 port 0: this machine has no such address/,
    )
  })

  it('asks the kernel for the buffer it is told, so that a burst survives while the thread is busy', async () => {
    const survivors = async (limits: object, expected: number): Promise<number> => {
      const server = await TestServer.start({ limits })
      const peer = await server.peer()
      // All in one turn: the server shares this thread, and reads nothing before.
      for (let i = 0; i < 100; i++) peer.request('OPTIONS')
      const survived = async (): Promise<number> => (await server.handle.stats()).received['OPTIONS'] ?? 0
      await eventually(async () => (await survived()) >= expected)
      await new Promise((resolve) => setTimeout(resolve, 300))
      const count = await survived()
      await server.close()
      return count
    }
    assert.ok((await survivors({ socketBufferBytes: 2_048 }, 1)) < 100, 'a small one loses some')
    assert.equal(await survivors({}, 100), 100)
  })

  it('starts without an address for SIP: applications connect, and can send nothing', async () => {
    const server = await TestServer.start({ listen: [] })
    const app = await server.application('invite')
    for (const host of ['192.0.2.1', 'no-such-host.invalid'])
      assert.deepEqual(await app.ask(`sip||\r\nOPTIONS sip:x@${host} SIP/2.0\r\n\r\n`), [
        'NOK',
        'requested protocol/transport not available',
      ])
    await server.close()
  })

  it('tells peers the public address, and loopback peers one they can reach', async () => {
    const server = await TestServer.start({
      listen: [{ transport: 'udp', host: '0.0.0.0', port: 0 }],
      publicAddresses: ['203.0.113.9'],
    })
    const app = await server.application()
    assert.match((await (await server.application()).ask('authenticate|cymru|'))[1]!, /^udp\/203\.0\.113\.9:\d+$/)
    const peer = await server.peer()
    await app.ask(`sip||\r\nINVITE sip:x@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    assert.match((await peer.receive('INVITE')).get('via')!, /203\.0\.113\.9|127\.0\.0\.1/)
    await server.close()
  })

  it('serves IPv6', async () => {
    const server = await TestServer.start({ listen: [{ transport: 'udp', host: '::1', port: 0 }] })
    const app = await server.application('options')
    const socket = createSocket('udp6').bind(0, '::1')
    await once(socket, 'listening')
    const { port } = socket.address()
    const answering = once(socket, 'message')
    socket.send(
      `OPTIONS sip:x@[::1] SIP/2.0\r\nVia: SIP/2.0/UDP [::1]:${port};branch=z9hG4bK6\r\nFrom: <sip:a@[::1]>;tag=1\r\nTo: <sip:b@[::1]>\r\nCall-ID: six\r\nCSeq: 1 OPTIONS\r\n\r\n`,
      server.port('udp'),
      '::1',
    )
    const { tokens } = await app.shown('OPTIONS')
    assert.deepEqual([tokens[5], tokens[10]], ['::1', '::1'])
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    assert.match(String((await answering)[0]), /^SIP\/2\.0 200 OK\r\n/)
    await app.ask(`sip||\r\nOPTIONS sip:x@[::1]:${port} SIP/2.0\r\n\r\n`)
    assert.match(String((await once(socket, 'message'))[0]), /Via: SIP\/2\.0\/UDP \[::1\]:\d+/)
    socket.close()
    await server.close()
  })
})

describe('TCP connections', () => {
  it('are turned away past the limit, and closed when they say nothing', async () => {
    const server = await TestServer.start({ limits: { maxTcpConnections: 1, tcpSilentMs: 150 } })
    const first = connect(server.port('tcp'), '127.0.0.1')
    await eventually(async () => (await server.handle.stats()).connections.tcp === 1)
    const second = connect(server.port('tcp'), '127.0.0.1')
    const ended = [once(first, 'close'), once(second, 'close')]
    for (const socket of [first, second]) socket.on('error', () => undefined).resume()
    await Promise.all(ended)
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    await server.close()
  })

  it('are closed after a long time without a message', async () => {
    const server = await TestServer.start({ limits: { tcpIdleMs: 150 } })
    const peer = await server.peer('tcp')
    peer.request('OPTIONS')
    await peer.receive(503)
    assert.equal((await server.handle.stats()).connections.tcp, 1)
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    await server.close()
  })

  it('get an answer and are closed when what they carry cannot be framed', async () => {
    const server = await TestServer.start({ limits: { maxMessageBytes: 2_000 } })
    const peer = await server.peer('tcp')
    peer.send(peer.buildRequest('OPTIONS', { without: ['Content-Length'] }))
    assert.equal((await peer.receive(400)).reason, 'Missing Content-Length')
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    const large = await server.peer('tcp')
    large.send(large.buildRequest('MESSAGE', { body: 'x'.repeat(3_000) }))
    await large.receive(413)
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    await server.close()
  })

  it('answer keep-alives, and are reused for requests to the same place', async () => {
    const server = await TestServer.start({ timers: { t1Ms: 20 } })
    const app = await server.application()
    const peer = await server.peer('tcp')
    const uri = `sip:x@127.0.0.1:${peer.port};transport=tcp`
    for (let i = 0; i < 3; i++) {
      await app.ask(`sip||\r\nOPTIONS ${uri} SIP/2.0\r\n\r\n`)
      peer.reply(await peer.receive('OPTIONS'), 200, 'OK')
      await app.shown(200)
    }
    assert.equal((await server.handle.stats()).connections.tcp, 1)
    const socket = connect(server.port('tcp'), '127.0.0.1')
    socket.write('\r\n\r\n')
    assert.equal(String((await once(socket, 'data'))[0]), '\r\n')
    socket.destroy()
    await server.close()
  })

  it('that are gone are made again for an answer, to the port of its Via (RFC 3261 §18.2.2)', async () => {
    const server = await TestServer.start()
    const app = await server.application('options')
    const peer = await server.peer('tcp')
    peer.request('OPTIONS')
    const { tokens } = await app.shown('OPTIONS')
    peer.disconnect()
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    assert.equal((await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`))[0], 'OK')
    await peer.receive(200)
    await server.close()
  })

  it("carry a dialog both ways, though the peer's Contact does not say TCP", async () => {
    const server = await TestServer.start({ timers: { t1Ms: 50 } })
    const app = await server.application('invite')
    const peer = await server.peer('tcp')
    peer.send(peer.buildRequest('INVITE').replace(/^Contact: .*$/m, 'Contact: <sip:peer@127.0.0.1:9>'))
    const { tokens } = await app.shown('INVITE')
    const echo = await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    const ok = await peer.receive(200)
    assert.match(ok.get('contact')!, /;transport=tcp>$/)
    peer.requestAsCaller('ACK', ok)
    await app.ask(`sip||${echo[8]}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    assert.match((await peer.receive('BYE')).get('via')!, /^SIP\/2\.0\/TCP /)
    await server.close()
  })
})
