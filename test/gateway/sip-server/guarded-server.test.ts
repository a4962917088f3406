import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { GuardNotice } from '../../../gateway/sip-server/start.ts'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

const HERE = '127.0.0.1'
const SMALL = { perSecond: 0.001, burst: 2 }

describe('a guarded server', () => {
  let server: TestServer
  let notices: GuardNotice[]
  const open = async (guard: object, options: object = {}): Promise<void> => {
    notices = []
    server = await TestServer.start({ guard, onNotice: (notice) => void notices.push(notice), ...options })
  }
  afterEach(() => server.close())
  const guardStats = async () => (await server.handle.stats()).guard!

  for (const inThread of [false, true]) {
    it(`answers garbage twice, then neither garbage nor calls, until the ban is lifted (${inThread ? 'in a thread' : 'here'})`, async () => {
      await open({ malformed: SMALL }, { inThread })
      const peer = await server.peer()
      for (let i = 0; i < 3; i++) peer.request('OPTIONS', { without: ['CSeq'] })
      await peer.receive(400)
      await peer.receive(400)
      await eventually(async () => (await guardStats()).banned === 1)
      peer.request('INVITE', { body: SDP })
      await eventually(async () => (await guardStats()).droppedBanned === 1)
      assert.equal(peer.received.length, 2)
      const [ban] = await server.handle.ask('bans')
      assert.deepEqual([ban!.address, ban!.offence, ban!.dropped], [HERE, 'malformed', 1])
      assert.equal(notices[0]?.kind, 'banned')
      assert.equal(await server.handle.ask('liftBan', HERE), true)
      assert.equal(await server.handle.ask('liftBan', HERE), false)
      peer.request('INVITE', { body: SDP })
      await peer.receive(503) // No application: but it was heard.
    })
  }

  it('remembers so many answered requests: strangers fill half of it, a trunk the rest, and calls go on', async () => {
    await open({}, { limits: { maxLingering: 8 } })
    const app = await server.application('invite', 'options')
    const peer = await server.peer()
    const asked = async (status: number): Promise<void> => {
      peer.request('OPTIONS')
      if (status === 200) await app.ask(`sip|${(await app.shown('OPTIONS')).tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
      const { toTag } = await peer.receive(status, { method: 'OPTIONS' })
      assert.equal(toTag === 'stateless-503', status === 503)
    }
    peer.request('INVITE', { body: SDP })
    const { tokens } = await app.shown('INVITE')
    const sdp = `\r\nContent-Type: application/sdp\r\n\r\n${SDP}`
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK${sdp}`)
    const ok = await peer.receive(200)
    peer.requestAsCaller('ACK', ok)
    for (let i = 0; i < 3; i++) await asked(200)
    await asked(503)
    await server.handle.ask('setAdmission', { trusted: ['127.0.0.0/8'], strangersMay: null })
    for (let i = 0; i < 4; i++) await asked(200)
    await asked(503)
    peer.requestAsCaller('INFO', ok, { toTag: 'nobody' })
    assert.equal((await peer.receive(481)).toTag, 'nobody')
    peer.requestAsCaller('BYE', ok, { cseq: 2 })
    await app.ask(`sip|${(await app.shown('BYE')).tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    await peer.receive(200, { method: 'BYE' })
    const { lingeringTransactions, overLimit } = await server.handle.stats()
    assert.deepEqual([lingeringTransactions, overLimit], [9, 3])
  })

  it('keeps a quarter of its connections for those it trusts', async () => {
    await open({}, { limits: { maxTcpConnections: 4 } })
    const sockets: Socket[] = []
    /** Whether a connection is still there when its first request has been answered. */
    const connected = async (): Promise<boolean> => {
      const socket = connect(server.port('tcp'), HERE).on('error', () => undefined)
      sockets.push(socket)
      await once(socket, 'connect')
      socket.write('\r\n\r\n')
      return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
    }
    for (let i = 0; i < 3; i++) assert.equal(await connected(), true)
    assert.equal(await connected(), false)
    await server.handle.ask('setAdmission', { trusted: ['127.0.0.0/8'], strangersMay: null })
    assert.equal(await connected(), true)
    assert.equal(await connected(), false)
    for (const socket of sockets) socket.destroy()
  })

  it('closes the connections of a banned source, and takes no new one', async () => {
    await open({ malformed: SMALL })
    const socket = connect(server.port('tcp'), HERE)
    await once(socket, 'connect')
    socket.on('error', () => undefined)
    const closed = once(socket, 'close')
    for (let i = 0; i < 4; i++) socket.write(`BAD sip:x SIP/2.0\r\nVia: x\r\nContent-Length: 0\r\n\r\n`)
    await eventually(async () => (await guardStats()).banned === 1)
    socket.write('OPTIONS ')
    await closed
    const again = connect(server.port('tcp'), HERE)
    again.on('error', () => undefined)
    await once(again, 'close')
  })

  it('never bans a trunk’s address: garbage above the limit is dropped and told of, calls go on', async () => {
    await open({ malformed: SMALL })
    await server.handle.ask('setAdmission', { trusted: ['127.0.0.0/8'], strangersMay: null })
    const app = await server.application('invite')
    const peer = await server.peer()
    for (let i = 0; i < 20; i++) peer.request('OPTIONS', { without: ['CSeq'] })
    await eventually(async () => (await guardStats()).droppedMalformed === 18)
    peer.request('INVITE', { body: SDP })
    await app.shown('INVITE')
    assert.equal(peer.count(400), 2)
    assert.deepEqual(notices, [{ kind: 'limited', host: HERE, offence: 'malformed' }])
    assert.equal((await guardStats()).bansTotal, 0)
  })

  for (const transport of ['tcp', 'ws'] as const)
    it(`does not read what a trunk sends over ${transport} while it has sent all it may, and then answers it`, async () => {
      const listen = (['udp', transport] as const).map((each) => ({ transport: each, host: HERE, port: 0 }))
      await open({ trustedRequests: { perSecond: 1, burst: 1 }, hardFactor: 4 }, { listen })
      await server.handle.ask('setAdmission', { trusted: ['127.0.0.0/8'], strangersMay: null })
      const peer = await server.peer(transport)
      for (let i = 0; i < 8; i++) {
        peer.request('OPTIONS')
        await peer.receive(503)
      }
      assert.equal((await guardStats()).droppedFlood, 0)
      const datagrams = await server.peer()
      for (let i = 0; i < 10; i++) datagrams.request('OPTIONS')
      await eventually(async () => (await guardStats()).droppedFlood >= 2)
      peer.request('OPTIONS')
      await peer.receive(503)
    })

  it('does not let a scanner or a stranger get as far as a transaction', async () => {
    await open({})
    await server.handle.ask('setAdmission', { trusted: [], strangersMay: ['REGISTER'] })
    const app = await server.application('invite', 'options', 'register')
    const peer = await server.peer()
    peer.request('INVITE', { body: SDP })
    peer.request('OPTIONS')
    peer.request('REGISTER')
    await app.shown('REGISTER')
    peer.request('REGISTER', { headers: ['User-Agent: friendly-scanner'] })
    await eventually(async () => (await guardStats()).droppedScanner === 1)
    const stats = await server.handle.stats()
    assert.equal(stats.guard!.droppedUnknown, 2)
    assert.equal(stats.guard!.banned, 1)
    assert.equal(stats.openTransactions, 1, 'the REGISTER alone')
    assert.equal(peer.received.length, 0)
  })

  it('refuses a flood without transactions, with the same answer for the same request, and shows none of it', async () => {
    await open({ requests: { perSecond: 0.001, burst: 3 }, hardFactor: 10 })
    await server.application('options', 'register', 'message')
    const peer = await server.peer()
    for (let i = 0; i < 3; i++) peer.request('OPTIONS')
    await eventually(async () => (await server.handle.stats()).openTransactions === 3)
    const refused = peer.request('REGISTER')
    const first = await peer.receive(503)
    peer.send(refused)
    const second = await peer.receive(503)
    assert.equal(second.toTag, first.toTag)
    assert.equal(second.get('retry-after'), undefined)
    peer.request('FROB')
    await peer.receive(501)
    const stats = await server.handle.stats()
    assert.equal(stats.openTransactions, 3)
    assert.equal(stats.guard!.refusedFlood, 3)
  })

  it('does not refuse a flood’s first INVITE when that comes again', async () => {
    await open({ requests: { perSecond: 0.001, burst: 1 } })
    const app = await server.application('invite')
    const peer = await server.peer()
    const invite = peer.request('INVITE', { body: SDP })
    await app.shown('INVITE')
    peer.request('OPTIONS')
    await peer.receive(503)
    peer.send(invite)
    await eventually(async () => (await server.handle.stats()).retransmissionsReceived === 1)
    assert.equal(peer.count(503), 1)
  })

  it('bans who is refused for wrong credentials again and again, not who is challenged or has an old nonce', async () => {
    await open({ failedAuthentications: { perSecond: 0.001, burst: 3 } })
    const challenge = (stale: boolean) => ({
      headers: { 'WWW-Authenticate': `Digest realm="x", nonce="y"${stale ? ', stale=true' : ''}` },
    })
    await server.srf({
      register: (req, res) => res.send(401, challenge(req.has('X-Stale'))),
      invite: (_req, res) => res.send(403),
    })
    const peer = await server.peer()
    for (let i = 0; i < 5; i++) {
      peer.request('REGISTER')
      peer.request('REGISTER', { headers: ['Authorization: Digest response="old"', 'X-Stale: 1'] })
    }
    for (let i = 0; i < 10; i++) await peer.receive(401)
    assert.equal((await guardStats()).bansTotal, 0)
    peer.request('INVITE', { body: SDP })
    await peer.receive(403)
    for (let i = 0; i < 3; i++) peer.request('REGISTER', { headers: ['Authorization: Digest response="guess"'] })
    await eventually(async () => (await guardStats()).banned === 1)
    assert.equal((await server.handle.ask('bans'))[0]!.offence, 'authentication')
  })

  for (const method of ['MESSAGE', 'SUBSCRIBE'] as const)
    it(`bans who guesses passwords with ${method}; that a phone refuses what was passed on to it says nothing of its sender`, async () => {
      await open({ failedAuthentications: { perSecond: 0.001, burst: 3 } })
      const answer = (
        req: { get(name: string): string },
        res: { send(status: number, options?: object): void },
      ): void =>
        req.get('Subject') === 'known'
          ? res.send(403)
          : res.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n"' } })
      await server.srf({ message: answer, subscribe: answer })
      const peer = await server.peer()
      for (let i = 0; i < 5; i++) {
        peer.request(method, { headers: ['Authorization: Digest response="right"', 'Subject: known'] })
        await peer.receive(403)
      }
      assert.equal((await guardStats()).bansTotal, 0)
      for (let i = 0; i < 4; i++) peer.request(method, { headers: ['Authorization: Digest response="guess"'] })
      await eventually(async () => (await guardStats()).banned === 1)
    })

  it('does not let a forged scanner cut off a place calls are sent to', async () => {
    await open({})
    const app = await server.application('invite')
    const buyer = await server.peer()
    app.send(`sip||\r\nINVITE sip:b@127.0.0.1:${buyer.port} SIP/2.0\r\nFrom: <sip:a@localhost>\r\n\r\n${SDP}`)
    const invite = await buyer.receive('INVITE')
    buyer.request('OPTIONS', { headers: ['User-Agent: friendly-scanner'] })
    await eventually(async () => (await guardStats()).droppedScanner === 1)
    buyer.reply(invite, 486, 'Busy Here')
    await app.shown(486)
  })

  it('answers a CANCEL of nothing without remembering it', async () => {
    await open({})
    const peer = await server.peer()
    peer.request('CANCEL')
    await peer.receive(481)
    const stats = await server.handle.stats()
    assert.deepEqual([stats.openTransactions, stats.lingeringTransactions], [0, 0])
  })
})
