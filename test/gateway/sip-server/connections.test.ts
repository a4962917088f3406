import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { WebSocket } from 'ws'
import type { TlsOptions } from '../../../gateway/sip-server/tls-context.ts'
import { boundTo } from '../../../gateway/sip-server/transport.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import type { Certificate } from '../../support/certificates.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
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

async function register(app: RawApplication, peer: SipPeer, contact = peer.contact, expires = 60): Promise<void> {
  peer.send(peer.buildRequest('REGISTER').replace(/^Contact: .*$/m, `Contact: ${contact}`))
  await answer(app, 'REGISTER', `Contact: ${contact};expires=${expires}\r\n`)
  await peer.receive(200, { method: 'REGISTER' })
}

const uriOf = (peer: SipPeer): string => /<(.*)>/.exec(peer.contact)![1]!

describe('a registered client', () => {
  let server: TestServer
  let app: RawApplication
  beforeEach(async () => {
    server = await TestServer.start({
      listen: [
        { transport: 'ws', ...HERE },
        { transport: 'tcp', ...HERE },
        { transport: 'udp', ...HERE },
      ],
      limits: { maxFlows: 3, maxFlowsPerConnection: 2 },
      timers: { t1Ms: 50 },
    })
    app = await server.application('register')
  })
  afterEach(() => server.close())

  /** What becomes of a request to this URI: `sent` when it went out, else the status made up. */
  const tryUri = async (uri: string, peer: SipPeer): Promise<'sent' | 'failed'> => {
    const before = peer.count('OPTIONS')
    await app.ask(`sip||\r\nOPTIONS ${uri} SIP/2.0\r\n\r\n`)
    await eventually(() => peer.count('OPTIONS') > before || app.frames.some((each) => each.includes('SIP/2.0 503')))
    const isSent = peer.count('OPTIONS') > before
    if (isSent) peer.reply(await peer.receive('OPTIONS'), 200, 'OK')
    await app.shown(isSent ? 200 : 503)
    return isSent ? 'sent' : 'failed'
  }

  it('is reached over its connection by its Contact, until it says goodbye', async () => {
    const peer = await server.peer('ws')
    assert.equal(await tryUri(uriOf(peer), peer), 'failed')
    await register(app, peer)
    assert.equal((await server.handle.stats()).flows, 1)
    assert.equal(await tryUri(uriOf(peer), peer), 'sent')
    await register(app, peer, peer.contact, 0)
    assert.equal(await tryUri(uriOf(peer), peer), 'failed')
    assert.equal((await server.handle.stats()).flows, 0)
  })

  it('is forgotten when its connection ends, and found on the next one', async () => {
    const first = await server.peer('ws')
    await register(app, first)
    const second = await server.peer('ws')
    await register(app, second, first.contact)
    first.disconnect()
    await eventually(async () => (await server.handle.stats()).connections.ws === 1)
    assert.equal(await tryUri(uriOf(first), second), 'sent')
    second.disconnect()
    await eventually(async () => (await server.handle.stats()).flows === 0)
  })

  it("cannot draw calls to another's address", async () => {
    const thief = await server.peer('tcp')
    const victim = await server.peer('udp')
    await register(app, thief, '<sip:sales@buyer.example.com;transport=tcp>')
    await register(app, thief, '<sip:sales@192.0.2.1:5060;transport=tcp>')
    assert.equal((await server.handle.stats()).flows, 0)
    // Its own address it may use, but not for the transport of somebody else there.
    await register(app, thief, `<sip:peer@127.0.0.1:${victim.port}>`)
    assert.equal(await tryUri(uriOf(victim), victim), 'sent')
  })

  it('holds so many addresses, and all of them together so many', async () => {
    const first = await server.peer('ws')
    for (let i = 0; i < 3; i++) await register(app, first, `<sip:a${i}@x.invalid;transport=ws>`)
    assert.equal((await server.handle.stats()).flows, 2)
    const second = await server.peer('ws')
    for (let i = 0; i < 2; i++) await register(app, second, `<sip:b${i}@x.invalid;transport=ws>`)
    assert.equal((await server.handle.stats()).flows, 3)
    assert.equal((await server.handle.stats()).overLimit, 2)
  })

  it('that goes away while it rings ends the call at once, not in half a minute', async () => {
    const slow = await TestServer.start({ listen: [{ transport: 'ws', ...HERE }] })
    const caller = await slow.application('register')
    const peer = await slow.peer('ws')
    await register(caller, peer)
    await caller.ask(`sip||\r\nINVITE ${uriOf(peer)} SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n${SDP}`)
    peer.reply(await peer.receive('INVITE'), 180, 'Ringing')
    await caller.shown(180)
    peer.disconnect()
    await caller.shown(503)
    await slow.close()
  })
})

describe('keep-alives (RFC 5626, RFC 6223)', () => {
  it('are promised to a client that offers them, and nobody else', async () => {
    const server = await TestServer.start()
    const app = await server.application('options', 'register')
    const peer = await server.peer('tcp')
    const offering = (method: string) => peer.send(peer.buildRequest(method).replace(';rport', ';rport;keep'))
    offering('REGISTER')
    await answer(app, 'REGISTER')
    assert.match((await peer.receive(200)).get('via')!, /;keep=90(;|$)/)
    offering('OPTIONS')
    await answer(app, 'OPTIONS')
    assert.match((await peer.receive(200)).get('via')!, /;keep(;|$)/)
    const udp = await server.peer('udp')
    udp.send(udp.buildRequest('REGISTER').replace(';rport', ';rport;keep'))
    await answer(app, 'REGISTER')
    assert.match((await udp.receive(200)).get('via')!, /;keep(;|$)/)
    await server.close()
  })

  /** A TCP peer of a call from us: it answers the INVITE, and what it then hears is `heard`. */
  async function callee(
    keep: string,
  ): Promise<{ server: TestServer; heard: () => string; socket: () => Socket; close: () => void }> {
    const server = await TestServer.start({ limits: { keepAliveMs: 200, pongMs: 200 } })
    let socket: Socket | null = null
    let text = ''
    const listener = createServer((accepted) => {
      socket = accepted
      accepted.on('error', () => undefined)
      accepted.on('data', (chunk) => {
        text += chunk.toString('latin1')
        const request = /^INVITE [\s\S]*?\r\n\r\n/.exec(text)
        if (request === null) return
        const fields = request[0].split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
        text = text.slice(request[0].length)
        const answered = fields.map((line) =>
          line.startsWith('To:') ? `${line};tag=t` : line.startsWith('Via:') ? line.replace(/;keep$/, keep) : line,
        )
        accepted.write(
          `${OK}\r\n${answered.join('\r\n')}\r\nContact: <sip:x@127.0.0.1:${boundTo(listener).port};transport=tcp>\r\nContent-Length: 0\r\n\r\n`,
        )
      })
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const app = await server.application()
    await app.ask(`sip||\r\nINVITE sip:x@127.0.0.1:${boundTo(listener).port};transport=tcp SIP/2.0\r\n\r\n`)
    const { tokens } = await app.shown(200)
    await app.ask(`sip||${tokens[9]}\r\nACK sip:x SIP/2.0\r\n\r\n`)
    await eventually(() => text.includes('ACK '))
    text = ''
    return { server, heard: () => text, socket: () => socket!, close: () => listener.close() }
  }

  it('are sent on a connection of ours that carries a call, though the peer promised nothing', async () => {
    const { server, heard, close } = await callee(';keep')
    await eventually(() => /^(\r\n\r\n){2,}$/.test(heard()))
    assert.equal((await server.handle.stats()).connections.tcp, 1)
    await server.close()
    close()
  })

  it('end the connection when a peer that promised an answer gives none', async () => {
    const { server, socket, close } = await callee(';keep=1')
    await once(socket(), 'close')
    await eventually(async () => (await server.handle.stats()).connections.tcp === 0)
    await server.close()
    close()
  })

  it('end the connection of a browser that has gone without a word', async () => {
    const server = await TestServer.start({
      listen: [{ transport: 'ws', ...HERE }],
      limits: { webSocketPingMs: 100, pongMs: 100 },
    })
    const place = `ws://127.0.0.1:${server.port('ws')}`
    const alive = new WebSocket(place, 'sip')
    const dead = new WebSocket(place, 'sip', { autoPong: false })
    await Promise.all([once(alive, 'open'), once(dead, 'open')])
    await once(dead, 'close')
    assert.equal(alive.readyState, WebSocket.OPEN)
    await eventually(async () => (await server.handle.stats()).connections.ws === 1)
    alive.terminate()
    await server.close()
  })
})

describe('who is at the other end of TLS', () => {
  let authority: Certificate
  let tls: TlsOptions
  before(async () => {
    authority = await makeAuthority()
    tls = { ...(await makeCertificate(['127.0.0.1'], authority)), ca: authority.cert }
  })

  it('reaches the application as a header when the certificate verifies, and never otherwise', async () => {
    const server = await TestServer.start({
      listen: (['udp', 'tcp', 'tls', 'ws', 'wss'] as const).map((transport) => ({ transport, ...HERE })),
      tls,
    })
    const app = await server.application('options')
    const trusted = await makeCertificate(
      ['carrier.example.com', 'sip:carrier.example.com', 'edge.example.net'],
      authority,
    )
    const stranger = await makeCertificate(['carrier.example.com'])
    const expired = await makeCertificate(['carrier.example.com'], authority, -3)
    const shownWith = async (transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss', certificate?: Certificate) => {
      const peer = await server.peer(transport, certificate === undefined ? {} : { certificate })
      peer.request('OPTIONS', {
        headers: ['x-DCE-tls-Client: forged', '%58-DCE-TLS-Client: forged', 'X-DCE-TLS-Client: twice'],
      })
      const { tokens, text } = await app.shown('OPTIONS')
      await app.ask(`sip|${tokens[8]}|\r\n${OK}\r\n\r\n`)
      assert.doesNotMatch(text, /forged|twice/)
      return /^X-DCE-TLS-Client: (.*)$/m.exec(text)?.[1]?.trim()
    }
    assert.equal(await shownWith('tls', trusted), 'carrier.example.com, edge.example.net, sip:carrier.example.com')
    for (const transport of ['udp', 'tcp', 'tls', 'ws', 'wss'] as const)
      assert.equal(await shownWith(transport), undefined)
    assert.equal(await shownWith('tls', stranger), undefined)
    assert.equal(await shownWith('tls', expired), undefined)
    await server.close()
  })

  it('of a page is told to the application by its origin, and by nobody’s word but the WebSocket’s', async () => {
    const server = await TestServer.start({
      listen: [
        { transport: 'ws', ...HERE },
        { transport: 'udp', ...HERE },
      ],
    })
    const app = await server.application('options')
    const shown = async (transport: 'udp' | 'ws', origin?: string) => {
      const peer = await server.peer(transport, origin === undefined ? {} : { origin })
      peer.request('OPTIONS', {
        headers: ['x-dce-ORIGIN: https://forged', 'X-DCE-%4frigin: https://forged', 'X-DCE-Origin: https://twice'],
      })
      const { tokens, text } = await app.shown('OPTIONS')
      await app.ask(`sip|${tokens[8]}|\r\n${OK}\r\n\r\n`)
      assert.doesNotMatch(text, /forged|twice/)
      return /^X-DCE-Origin: (.*)$/m.exec(text)?.[1]?.trim()
    }
    assert.equal(await shown('ws', 'https://shop.example:8443'), 'https://shop.example:8443')
    assert.equal(await shown('ws', 'https://shop.example, X'), 'null')
    assert.equal(await shown('ws'), undefined)
    assert.equal(await shown('udp'), undefined)
    await server.close()
  })

  it('is verified when we call: by name and by authority, as strictly as is set', async () => {
    const called = async (names: readonly string[], issuer: Certificate | null, verify: TlsOptions['verify']) => {
      const certificate = await makeCertificate(names, issuer)
      const listener = createTlsServer(certificate).on('tlsClientError', () => undefined)
      listener.listen(0, '127.0.0.1')
      await once(listener, 'listening')
      let heard = ''
      listener.on('secureConnection', (socket) =>
        socket.on('error', () => undefined).on('data', (bytes) => (heard += bytes)),
      )
      const server = await TestServer.start({
        listen: [{ transport: 'tls', ...HERE }],
        tls: { ...tls, verify: verify! },
      })
      const app = await server.application()
      await app.ask(`sip||\r\nOPTIONS sips:x@localhost:${boundTo(listener).port} SIP/2.0\r\n\r\n`)
      await eventually(() => heard !== '' || app.frames.some((each) => each.includes('SIP/2.0 503')))
      await server.close()
      listener.close()
      return heard.startsWith('OPTIONS sips:x@localhost')
    }
    assert.equal(await called(['localhost'], authority, 'strict'), true)
    assert.equal(await called(['sip:localhost', 'other.example.com'], authority, 'strict'), true)
    assert.equal(
      await called(['sip:other.example.com', 'localhost'], authority, 'strict'),
      false,
      'SIP URIs count first',
    )
    assert.equal(await called(['other.example.com'], authority, 'strict'), false)
    assert.equal(await called(['localhost'], null, 'strict'), false, 'nobody vouches for it')
    assert.equal(await called(['other.example.com'], null, 'off'), true)
  })

  it('may have requests to its address sent over its own connection (RFC 5923), if it is proven', async () => {
    const server = await TestServer.start({
      listen: (['tcp', 'tls'] as const).map((transport) => ({ transport, ...HERE })),
      tls: { ...tls, verify: 'off' },
    })
    const app = await server.application('options')
    // It calls itself by a port where nobody listens: only its own connection leads to it.
    const aliasing = async (transport: 'tcp' | 'tls', host: string, named?: Certificate) => {
      const peer = await server.peer(transport, named === undefined ? {} : { certificate: named })
      const text = peer.buildRequest('OPTIONS')
      peer.send(text.replace(/^(Via: \S+) \S+?;/m, `$1 ${host}:9;alias;`))
      await answer(app, 'OPTIONS')
      await app.ask(`sip||\r\nMESSAGE sip:x@127.0.0.1:9;transport=${transport} SIP/2.0\r\n\r\n`)
      await eventually(() => peer.count('MESSAGE') > 0 || app.frames.some((each) => each.includes('SIP/2.0 503')))
      const isReused = peer.count('MESSAGE') > 0
      if (isReused) assert.equal(/;alias/.test((await peer.receive('MESSAGE')).get('via')!), transport === 'tls')
      peer.disconnect()
      await eventually(async () => (await server.handle.stats()).connections[transport] === 0)
      app.frames.length = 0
      return isReused
    }
    assert.equal(await aliasing('tcp', '127.0.0.1'), true)
    assert.equal(await aliasing('tcp', '127.0.0.2'), false)
    assert.equal(await aliasing('tls', '127.0.0.1'), false, 'it showed no certificate')
    const other = await makeCertificate(['edge.example.com'], authority)
    assert.equal(await aliasing('tls', '127.0.0.1', other), false, 'its certificate is for somebody else')
    const host = await makeCertificate(['sip:127.0.0.1', '127.0.0.1'], authority)
    assert.equal(await aliasing('tls', '127.0.0.1', host), true)
    await server.close()
  })
})
