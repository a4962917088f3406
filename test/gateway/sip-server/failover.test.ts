import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { DnsServer } from '../../support/dns-server.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const request = (method: string, uri: string, headers: readonly string[] = [], body = ''): string =>
  `${method} ${uri} SIP/2.0\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`

/** The server's answer to the frame with this id. */
const isEchoOf =
  (id: string) =>
  (payload: string): boolean =>
    payload.split('|')[2] === id

const branchOf = (message: SipMessage): string => message.topVia!.branch
const DOMAIN = 'sip:bob@buyers.example'

describe('a request whose name has several hops (RFC 3263 §4.3)', () => {
  let dns: DnsServer
  let server: TestServer
  let app: RawApplication
  let first: SipPeer
  let second: SipPeer

  beforeEach(async () => {
    dns = await DnsServer.open()
    server = await TestServer.start({
      timers: { t1Ms: 20 },
      dnsServers: [dns.address],
      limits: { hopTimeoutMs: 150 },
    })
    app = await server.application()
    first = await server.peer()
    second = await server.peer()
    dns.hosts('peers.example', ['127.0.0.1'])
    serve([first.port, second.port])
  })
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    await dns.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  function serve(ports: readonly number[], transport = 'udp'): void {
    const records = ports.map((port, i) => ({ target: 'peers.example', port, priority: i + 1 }))
    dns.services(`_sip._${transport}.buyers.example`, records)
  }

  /** Asks for an INVITE, and answers its transaction's id. */
  async function invite(uri = DOMAIN): Promise<string> {
    const echo = await app.ask(`sip||\r\n${request('INVITE', uri, [], SDP)}`)
    assert.equal(echo[0], 'OK', echo.join('|'))
    return echo[7]!
  }

  async function nothingLeft(): Promise<void> {
    await eventually(async () => {
      const { openTransactions, lingeringTransactions, dialogs } = await server.handle.stats()
      return openTransactions + lingeringTransactions + dialogs === 0
    })
  }

  it('goes to the next when the first is silent: the same request, in a new transaction', async () => {
    const id = await invite()
    const lost = await first.receive('INVITE')
    const found = await second.receive('INVITE')
    const same = ['call-id', 'cseq', 'from', 'to', 'contact']
    assert.deepEqual(
      same.map((key) => found.get(key)),
      same.map((key) => lost.get(key)),
    )
    assert.notEqual(branchOf(found), branchOf(lost))
    second.reply(found, 200, 'OK', { body: SDP })
    const { tokens } = await app.shown(200)
    assert.equal(tokens[8], id, 'one transaction, as far as the application knows')
    await app.ask(`sip||${tokens[9]}\r\n${request('ACK', DOMAIN)}`)
    await second.receive('ACK')
    const tries = first.count('INVITE')

    await invite()
    await second.receive('INVITE')
    assert.equal(first.count('INVITE'), tries, 'what was silent a moment ago is not asked first')
  })

  it('cancels the first should it wake up and ring, and hangs up should it answer', async () => {
    const id = await invite()
    const lost = await first.receive('INVITE')
    await second.receive('INVITE')
    first.reply(lost, 180, 'Ringing')
    const cancel = await first.receive('CANCEL')
    assert.equal(branchOf(cancel), branchOf(lost))
    first.reply(cancel, 200, 'OK')
    first.reply(lost, 200, 'OK', { body: SDP, toTag: 'late' })
    assert.equal((await first.receive('ACK')).toTag, 'late')
    first.reply(await first.receive('BYE'), 200, 'OK')

    const found = second.received[0]!
    second.reply(found, 486, 'Busy Here')
    assert.equal((await app.shown(486)).tokens[8], id)
    assert.ok(!app.frames.some((frame) => /SIP\/2\.0 (180|200)/.test(frame)), 'the late one is nobody’s business')
    await nothingLeft()
  })

  it('goes to the next after a 503, leaves the first alone as long as it asks for, and shows the last outcome', async () => {
    const id = await invite()
    first.reply(await first.receive('INVITE'), 503, 'Service Unavailable', { headers: ['Retry-After: 120'] })
    await first.receive('ACK')
    second.reply(await second.receive('INVITE'), 486, 'Busy Here')
    const shown = await app.shown(486)
    assert.equal(shown.tokens[8], id)
    assert.ok(!app.frames.some((frame) => frame.includes('503')))
    await invite()
    second.reply(await second.receive('INVITE'), 486, 'Busy Here')
    await app.shown(486)
    assert.equal(first.count('INVITE'), 1)
  })

  for (const [what, limits, headers] of [
    ['however long it asked for', { maxHopPenaltyMs: 300 }, ['Retry-After: 86400']],
    ['also when it asked for none', { hopPenaltyMs: 300 }, []],
  ] as const)
    it(`comes back to the first when its time is over, ${what}`, async () => {
      await server.close()
      server = await TestServer.start({
        timers: { t1Ms: 20 },
        dnsServers: [dns.address],
        limits: { hopTimeoutMs: 150, ...limits },
      })
      app = await server.application()
      first = await server.peer()
      second = await server.peer()
      serve([first.port, second.port])
      await invite()
      first.reply(await first.receive('INVITE'), 503, 'Service Unavailable', { headers: [...headers] })
      second.reply(await second.receive('INVITE'), 486, 'Busy Here')
      await app.shown(486)
      await new Promise((resolve) => setTimeout(resolve, 400))
      await invite()
      first.reply(await first.receive('INVITE'), 486, 'Busy Here')
      await app.shown(486)
    })

  it('shows the 503 of the last hop when all have failed', async () => {
    const id = await invite()
    first.reply(await first.receive('INVITE'), 503, 'Service Unavailable')
    second.reply(await second.receive('INVITE'), 503, 'Nor Here')
    const { tokens, text } = await app.shown(503)
    assert.equal(tokens[8], id)
    assert.match(text, /^SIP\/2\.0 503 Nor Here/)
    await nothingLeft()
  })

  it('waits 64*T1 at the last hop, then makes up 408', async () => {
    const id = await invite()
    await second.receive('INVITE')
    assert.equal((await app.shown(408)).tokens[8], id)
    await nothingLeft()
  })

  it('takes the next at once when a connection is refused', async () => {
    const listening = await server.peer('tcp')
    serve([1, listening.port], 'tcp')
    const id = await invite(`${DOMAIN};transport=tcp`)
    const found = await listening.receive('INVITE', { timeoutMs: 1_000 })
    listening.reply(found, 404, 'Not Found')
    assert.equal((await app.shown(404)).tokens[8], id)
  })

  it('tries other requests at the next hop as well, after 64*T1', async () => {
    const echo = await app.ask(`sip||\r\n${request('OPTIONS', DOMAIN)}`)
    await first.receive('OPTIONS')
    second.reply(await second.receive('OPTIONS'), 200, 'OK')
    assert.equal((await app.shown(200)).tokens[8], echo[7])
    await nothingLeft()
  })

  it('cancels where the request is now', async () => {
    const id = await invite()
    const found = await second.receive('INVITE')
    second.reply(found, 100, 'Trying')
    second.reply(found, 180, 'Ringing')
    await app.shown(180)
    assert.equal((await app.ask(`sip|${id}|\r\n${request('CANCEL', DOMAIN)}`))[0], 'OK')
    const cancel = await second.receive('CANCEL')
    assert.equal(branchOf(cancel), branchOf(found))
    second.reply(cancel, 200, 'OK')
    second.reply(found, 487, 'Request Terminated')
    assert.equal((await app.shown(487)).tokens[8], id)
    assert.equal(first.count('CANCEL'), 0)
  })

  it('goes nowhere else once it is cancelled', async () => {
    const id = await invite()
    await first.receive('INVITE')
    await app.ask(`sip|${id}|\r\n${request('CANCEL', DOMAIN)}`)
    assert.equal((await app.shown(408)).tokens[8], id)
    assert.equal(second.count('INVITE'), 0)
  })

  it('goes nowhere else once it rings', async () => {
    const ringing = await invite()
    const found = await first.receive('INVITE')
    first.reply(found, 183, 'Session Progress')
    await app.shown(183)
    first.reply(found, 503, 'Service Unavailable')
    assert.equal((await app.shown(503)).tokens[8], ringing)
    assert.equal(second.count('INVITE'), 0)
  })
})

describe('a request too large for UDP (RFC 3261 §18.1.1)', () => {
  const LARGE = `X-Note: ${'n'.repeat(1_300)}`
  let server: TestServer
  let app: RawApplication

  async function open(options: Parameters<typeof TestServer.start>[0] = {}): Promise<void> {
    server = await TestServer.start({ timers: { t1Ms: 20 }, ...options })
    app = await server.application()
  }
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  /** What listens for TCP on the port of a UDP peer, accepts, and says nothing. */
  async function silentListener(port: number): Promise<{ close(): Promise<void>; accepted(): number }> {
    const sockets: Socket[] = []
    const listener = createServer((socket) => void sockets.push(socket.on('error', () => undefined).resume()))
    listener.listen(port, '127.0.0.1')
    await once(listener, 'listening')
    return {
      accepted: () => sockets.length,
      async close() {
        for (const socket of sockets) socket.destroy()
        listener.close()
        await once(listener, 'close')
      },
    }
  }

  /** A UDP peer beside whose port the TCP one was free, and is taken by somebody who says nothing. */
  async function peerOnBoth() {
    for (;;) {
      const peer = await server.peer()
      const listener = await silentListener(peer.port).catch(() => null)
      if (listener !== null) return { peer, listener }
    }
  }

  it('goes over TCP, and says so in Via and Contact', async () => {
    await open()
    const peer = await server.peer('tcp')
    const uri = `sip:bob@127.0.0.1:${peer.port}`
    const echo = await app.ask(`sip||\r\n${request('INVITE', uri, [LARGE], SDP)}`)
    const invite = await peer.receive('INVITE')
    assert.match(invite.get('via')!, new RegExp(`^SIP/2.0/TCP 127.0.0.1:${server.port('tcp')};`))
    assert.match(invite.get('contact')!, /;transport=tcp>/)
    peer.reply(invite, 486, 'Busy Here')
    assert.equal((await app.shown(486)).tokens[8], echo[7])
  })

  it('goes over UDP when the connection is refused, and for a while does not try again', async () => {
    await open({ limits: { noTcpPenaltyMs: 1_500, largeRequestTcpMs: 100 } })
    const peer = await server.peer()
    const uri = `sip:bob@127.0.0.1:${peer.port}`
    const echo = await app.ask(`sip||\r\n${request('INVITE', uri, [LARGE], SDP)}`)
    const refusedMs = performance.now()
    const invite = await peer.receive('INVITE')
    assert.match(invite.get('via')!, /^SIP\/2.0\/UDP /)
    assert.doesNotMatch(invite.get('contact')!, /transport/)
    peer.reply(invite, 486, 'Busy Here')
    assert.equal((await app.shown(486)).tokens[8], echo[7])
    const listener = await silentListener(peer.port)
    const ask = async (): Promise<void> => {
      await app.ask(`sip||\r\n${request('OPTIONS', uri, [LARGE])}`)
      peer.reply(await peer.receive('OPTIONS'), 200, 'OK')
    }
    await ask()
    if (performance.now() - refusedMs < 1_400) assert.equal(listener.accepted(), 0)
    await new Promise((resolve) => setTimeout(resolve, 1_600))
    await ask()
    assert.equal(listener.accepted(), 1, 'that while is over')
    await listener.close()
  })

  for (const method of ['INVITE', 'OPTIONS'])
    it(`goes over UDP when nobody answers over TCP in time (${method})`, async () => {
      await open({ limits: { largeRequestTcpMs: 100 } })
      const { peer, listener } = await peerOnBoth()
      const uri = `sip:bob@127.0.0.1:${peer.port}`
      const echo = await app.ask(`sip||\r\n${request(method, uri, [LARGE])}`)
      peer.reply(await peer.receive(method), 404, 'Not Found')
      assert.equal((await app.shown(404)).tokens[8], echo[7])
      assert.equal(listener.accepted(), 1)
      await listener.close()
    })

  it('is not sent to both ways when what answers over TCP is a refusal', async () => {
    await open()
    const peer = await server.peer('tcp')
    await app.ask(`sip||\r\n${request('INVITE', `sip:bob@127.0.0.1:${peer.port}`, [LARGE], SDP)}`)
    peer.reply(await peer.receive('INVITE'), 503, 'Service Unavailable')
    await app.shown(503)
    assert.equal((await server.handle.stats()).sent['INVITE'], 1)
  })

  it('stays with UDP when the URI asks for it, when the setting says so, and up to 1,300 bytes', async () => {
    await open()
    const { peer, listener } = await peerOnBoth()
    const uri = `sip:bob@127.0.0.1:${peer.port}`
    await app.ask(`sip||\r\n${request('OPTIONS', `${uri};transport=udp`, [LARGE])}`)
    peer.reply(await peer.receive('OPTIONS'), 200, 'OK')
    await app.ask(`sip||\r\n${request('OPTIONS', uri, ['X-Note: n'])}`)
    peer.reply(await peer.receive('OPTIONS'), 200, 'OK')
    assert.equal(listener.accepted(), 0)
    await listener.close()
    await server.close()

    await open({ largeRequests: 'udp' })
    const { peer: other, listener: second } = await peerOnBoth()
    await app.ask(`sip||\r\n${request('OPTIONS', `sip:bob@127.0.0.1:${other.port}`, [LARGE])}`)
    other.reply(await other.receive('OPTIONS'), 200, 'OK')
    assert.equal(second.accepted(), 0)
    await second.close()
  })

  it('is one of 1,301 bytes, and not one of 1,300', async () => {
    await open()
    const peer = await server.peer('tcp')
    const uri = `sip:bob@127.0.0.1:${peer.port}`
    const own = ['from: <sip:a@b>;tag=1', 'call-id: fixed', 'cseq: 1 OPTIONS']
    const padded = (bytes: number): string => request('OPTIONS', uri, [...own, `X-Note: ${'n'.repeat(bytes)}`])
    const short = await app.frame(isEchoOf(app.send(`sip||\r\n${padded(1)}`)))
    const room = 1_300 - short.slice(short.indexOf('\r\n') + 2).length
    await app.ask(`sip||\r\n${padded(1 + room)}`)
    await app.ask(`sip||\r\n${padded(2 + room)}`)
    const large = await peer.receive('OPTIONS')
    peer.reply(large, 200, 'OK')
    assert.equal(large.get('x-note')?.length, 2 + room)
    assert.equal(peer.count('OPTIONS'), 1)
  })

  it('goes over TCP inside a call too, and back to UDP where that is refused', async () => {
    await open()
    const peer = await server.peer()
    const uri = `sip:bob@127.0.0.1:${peer.port}`
    await app.ask(`sip||\r\n${request('INVITE', uri, [], SDP)}`)
    peer.reply(await peer.receive('INVITE'), 200, 'OK', { body: SDP })
    const dialogId = (await app.shown(200)).tokens[9]!
    await app.ask(`sip||${dialogId}\r\n${request('ACK', uri)}`)
    const echo = await app.ask(`sip||${dialogId}\r\n${request('INFO', uri, [LARGE])}`)
    const info = await peer.receive('INFO')
    assert.match(info.get('via')!, /^SIP\/2.0\/UDP /)
    peer.reply(info, 200, 'OK')
    const { tokens } = await app.shown(200)
    assert.deepEqual([tokens[8], tokens[9]], [echo[7], dialogId])
  })
})
