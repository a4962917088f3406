import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer } from 'node:http'
import { connect, createServer, Server } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Srf from 'drachtio-srf'
import { generate } from 'selfsigned'
import { parseRequestHandler } from '../../../gateway/sip-server/request-handler.ts'
import { boundTo } from '../../../gateway/sip-server/transport.ts'
import { findFreePort } from '../../../sipp/free-port.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

type Answer = (url: URL, body: string, request: IncomingMessage) => unknown

describe('outbound connections', () => {
  const closers: (() => unknown)[] = []
  let server: TestServer
  let peer: SipPeer

  async function start(handlers: readonly string[], limits: Record<string, number> = {}): Promise<void> {
    server = await TestServer.start({
      timers: { t1Ms: 50 },
      limits: { applicationGraceMs: 300, ...limits },
      requestHandlers: handlers.map((each) => parseRequestHandler(each)),
    })
    peer = await server.peer()
  }
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    for (const close of closers.splice(0)) close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  /** An HTTP server that answers what the test says; text goes out as it is, `undefined` never. */
  async function routes(answer: Answer): Promise<string> {
    const http: HttpServer = createHttpServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
      request.on('end', () => {
        const said = answer(new URL(request.url!, 'http://x'), body, request)
        if (said !== undefined) response.end(typeof said === 'string' ? said : JSON.stringify(said))
      })
    })
    return `http://127.0.0.1:${await listen(http)}/`
  }

  async function listen(listener: Server | HttpServer): Promise<number> {
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    closers.push(() => {
      listener.close()
      if ('closeAllConnections' in listener) listener.closeAllConnections()
    })
    return boundTo(listener).port
  }

  interface Listening {
    readonly port: number
    readonly calls: { req: { method: string }; uas: unknown }[]
    connections: number
  }

  /** An unmodified drachtio-srf that listens, and answers every call. */
  async function srfListens(tls?: { cert: string; key: string }): Promise<Listening> {
    const srf = new Srf()
    srf.on('error', () => undefined)
    const app: Listening = { port: await findFreePort('127.0.0.1'), calls: [], connections: 0 }
    const call = (name: string, ...args: unknown[]): unknown => {
      const method: unknown = Reflect.get(srf, name)
      assert.ok(typeof method === 'function')
      return Reflect.apply(method, srf, args)
    }
    const listener: unknown = call('listen', { host: '127.0.0.1', port: app.port, secret: 'cymru', tls })
    assert.ok(listener instanceof Server)
    await once(listener, 'listening')
    closers.push(() => listener.close())
    listener.on(tls === undefined ? 'connection' : 'secureConnection', () => app.connections++)
    call('invite', async (req: { method: string }, res: unknown) => {
      const uas = await (call('createUAS', req, res, { localSdp: SDP }) as Promise<unknown>)
      app.calls.push({ req, uas })
    })
    return app
  }

  const called = (method = 'INVITE'): void => void peer.request(method, { body: method === 'INVITE' ? SDP : '' })

  it('ask over HTTP, connect to the application for each call, and leave the dialog with that connection', async () => {
    const app = await srfListens()
    const asked: URL[] = []
    const url = await routes((question) => {
      asked.push(question)
      return { action: 'route', data: { uri: `127.0.0.1:${app.port}` } }
    })
    await start([`INVITE ${url}`])
    const forged = ';source_address=192.0.2.1;method=ACK'
    peer.request('INVITE', { body: SDP, uri: `sip:1000@127.0.0.1:${server.port('udp')};foo=bar${forged}` })
    const ok = await peer.receive(200)
    assert.equal(ok.body, SDP)
    peer.requestAsCaller('ACK', ok)
    const facts = Object.fromEntries(asked[0]!.searchParams)
    assert.equal(asked[0]!.searchParams.getAll('source_address').length, 1)
    assert.deepEqual(facts, {
      method: 'INVITE',
      domain: '127.0.0.1',
      protocol: 'udp',
      source_address: '127.0.0.1',
      fromUser: 'caller',
      toUser: 'service',
      uriUser: '1000',
      contentType: 'application/sdp',
      uri: `sip:1000@127.0.0.1:${server.port('udp')};foo=bar${forged}`,
      foo: 'bar',
    })
    called()
    await peer.receive(200)
    assert.equal(app.connections, 2)
    assert.equal((await server.handle.stats()).applications, 2)
    peer.requestAsCaller('INFO', ok)
    assert.equal((await peer.receive(200, { method: 'INFO' })).cseqMethod, 'INFO')
    peer.requestAsCaller('BYE', ok, { cseq: 3 })
    assert.equal((await peer.receive(200, { method: 'BYE' })).cseqMethod, 'BYE')
  })

  it('send the whole message to a handler that is POSTed to, and go to a tag', async () => {
    let body = ''
    const url = await routes((_question, text) => {
      body = text
      return { action: 'route', data: { tag: 'blue' } }
    })
    await start([`* POST ${url}`])
    const blue = await server.taggedApplication('blue,weight=2')
    const red = await server.taggedApplication('red', 'message')
    called('MESSAGE')
    await blue.shown('MESSAGE')
    assert.match(body, /^MESSAGE sip:service@/)
    assert.equal(red.frames.length, 0)
    blue.close()
    await eventually(async () => (await server.handle.stats()).applications === 1)
    called('MESSAGE')
    assert.equal((await peer.receive(480)).cseqMethod, 'MESSAGE')
  })

  it('refuse, redirect and pass on as they are told', async () => {
    const answers: unknown[] = [
      { action: 'reject', data: { status: 486, reason: 'Busy Elsewhere' } },
      { action: 'redirect', data: { contact: ['sip:a@127.0.0.2', '<sip:b@127.0.0.3>;q=0.5'] } },
    ]
    const url = await routes(() => answers.shift())
    await start([`INVITE ${url}`])
    called()
    assert.equal((await peer.receive(486)).reason, 'Busy Elsewhere')
    called()
    const moved = await peer.receive(302)
    assert.deepEqual(moved.getAll('contact'), ['<sip:a@127.0.0.2>', '<sip:b@127.0.0.3>;q=0.5'])
    const callee = await server.peer()
    const destination = [`sip:x@127.0.0.1:${callee.port}`]
    answers.push({ action: 'proxy', data: { destination, recordRoute: true } })
    called()
    const invite = await callee.receive('INVITE')
    assert.equal(invite.getAll('record-route').length, 1)
    callee.reply(invite, 200, 'OK')
    await peer.receive(200)
  })

  it('go straight to an application named by a tcp URL; only methods with a handler do', async () => {
    const app = await srfListens()
    await start([`INVITE tcp://127.0.0.1:${app.port}`])
    const inbound = await server.application('invite', 'message')
    called()
    await peer.receive(200)
    called('MESSAGE')
    await inbound.shown('MESSAGE')
    assert.equal(inbound.frames.length, 0)
  })

  it('speak TLS where they are told to, and not to a certificate they cannot check', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }])
    const app = await srfListens({ cert, key })
    await start([`INVITE tls://127.0.0.1:${app.port} insecure`, `MESSAGE tls://127.0.0.1:${app.port}`])
    called()
    await peer.receive(200)
    called('MESSAGE')
    await peer.receive(480, { method: 'MESSAGE' })
  })

  for (const [what, answer] of [
    ['no JSON', 'hello'],
    ['no action', { data: {} }],
    ['an unknown action', { action: 'dance' }],
    ['a route to nowhere', { action: 'route', data: { uri: 'nowhere' } }],
    ['a status that is none', { action: 'reject', data: { status: 99 } }],
    ['a redirection to nobody', { action: 'redirect', data: {} }],
    ['a proxy without destination', { action: 'proxy', data: {} }],
    ['a proxy to no URI', { action: 'proxy', data: { destination: ['sip:'] } }],
    ['more than it may say', 'x'.repeat(2_000)],
  ] as const) {
    it(`answer 500 when the handler says ${what}`, async () => {
      const url = await routes(() => answer)
      await start([`INVITE ${url}`], { maxHandlerAnswerBytes: 1_000 })
      called()
      assert.equal((await peer.receive(500)).cseqMethod, 'INVITE')
    })
  }

  it('answer 500 when the handler fails, is away or takes too long, and say so once', async () => {
    const slow = await routes(() => undefined)
    const failing = createHttpServer((_request, response) => response.writeHead(503).end('{"action":"route"}'))
    const port = await listen(failing)
    await start([`INVITE ${slow}`, `MESSAGE http://127.0.0.1:${port}/`, 'OPTIONS http://127.0.0.1:9/'], {
      handlerMs: 200,
    })
    for (const method of ['INVITE', 'MESSAGE', 'OPTIONS', 'OPTIONS']) {
      called(method)
      await peer.receive(500, { method })
    }
    assert.equal(server.logged.filter((line) => line.includes('OPTIONS')).length, 1)
  })

  it('answer 480 when the application is away, says nothing, or says the wrong secret', async () => {
    const silent = await listen(createServer())
    const impostor = createServer((socket) => socket.write('23#m1|authenticate|wrong|'.replace('23', '22')))
    const wrong = await listen(impostor)
    await start(['INVITE tcp://127.0.0.1:9', `MESSAGE tcp://127.0.0.1:${silent}`, `OPTIONS tcp://127.0.0.1:${wrong}`], {
      authenticateMs: 200,
    })
    for (const method of ['INVITE', 'MESSAGE', 'OPTIONS']) {
      called(method)
      await peer.receive(480, { method })
    }
  })

  it('answer 480 when the application does not end its handshake in time', async () => {
    const mute = await listen(createServer((socket) => void socket.on('error', () => undefined).resume()))
    await start([`INVITE tls://127.0.0.1:${mute} insecure`], { outboundConnectMs: 200, authenticateMs: 60_000 })
    called()
    assert.equal((await peer.receive(480)).cseqMethod, 'INVITE')
    await eventually(async () => (await server.handle.stats()).applications === 0)
  })

  it('forget a call that was given up while the handler thought', async () => {
    const app = await srfListens()
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const http = createHttpServer((_request, response) => {
      resolve()
      setTimeout(() => response.end(JSON.stringify({ action: 'route', data: { uri: `127.0.0.1:${app.port}` } })), 200)
    })
    await start([`INVITE http://127.0.0.1:${await listen(http)}/`])
    const options = { branch: 'z9hG4bKgone', callId: 'gone', fromTag: 'g', body: SDP }
    peer.request('INVITE', options)
    await asked
    peer.request('CANCEL', { ...options, body: '' })
    await peer.receive(487)
    await eventually(() => app.connections === 1)
    await eventually(async () => (await server.handle.stats()).applications === 0)
    assert.equal(app.calls.length, 0)
  })

  it('keep so many requests waiting, and so many connections, and no more', async () => {
    const app = await srfListens()
    const url = await routes(() => undefined)
    await start([`MESSAGE ${url}`, `INVITE tcp://127.0.0.1:${app.port}`], {
      maxPendingDecisions: 2,
      maxOutboundConnections: 1,
    })
    called()
    peer.requestAsCaller('ACK', await peer.receive(200))
    called()
    assert.equal((await peer.receive(480)).cseqMethod, 'INVITE')
    for (let i = 0; i < 3; i++) called('MESSAGE')
    assert.equal((await peer.receive(503)).get('retry-after'), '10')
    assert.equal(peer.count(503), 1)
  })

  it('end the calls of an application that drops the connection', async () => {
    const app = await srfListens()
    await start([`INVITE tcp://127.0.0.1:${app.port}`])
    called()
    peer.requestAsCaller('ACK', await peer.receive(200))
    await eventually(() => app.calls.length === 1)
    const { req } = app.calls[0]!
    const socket: unknown = Reflect.get(req, 'socket')
    assert.ok(
      typeof socket === 'object' && socket !== null && 'destroy' in socket && typeof socket.destroy === 'function',
    )
    socket.destroy()
    assert.match((await peer.receive('BYE')).get('reason')!, /Application gone/)
  })

  it('serve applications over TLS on a second control port', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }])
    const port = await findFreePort('127.0.0.1')
    server = await TestServer.start({
      control: { host: '127.0.0.1', port: 0, secret: 'cymru', tls: { port, cert, key } },
    })
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
    closers.push(() => socket.destroy())
    socket.write('21#m1|authenticate|cymru')
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    assert.match(chunk.toString(), /\|response\|m1\|OK\|/)
    const plain = connect(port, '127.0.0.1')
    plain.on('error', () => undefined)
    plain.write('21#m1|authenticate|cymru')
    await once(plain, 'close')
  })

  it('are read from text, and text that is none is refused by name', async () => {
    server = await TestServer.start()
    assert.deepEqual(parseRequestHandler('invite POST https://x/y insecure'), {
      method: 'INVITE',
      url: 'https://x/y',
      httpMethod: 'POST',
      verifyPeer: false,
    })
    for (const [text, why] of [
      ['', /begins with a method/],
      ['INVITE', /has no URL/],
      ['INVITE ftp://x', /is no http, https, tcp or tls URL/],
      ['INVITE tcp://x', /has no port/],
      ['INVITE http://x secure', /one word too many/],
    ] as const)
      assert.throws(() => parseRequestHandler(text), why)
  })
})
