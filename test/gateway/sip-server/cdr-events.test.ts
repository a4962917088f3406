import assert from 'node:assert/strict'
import Srf from 'drachtio-srf'
import { once } from 'node:events'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

describe('call detail events', () => {
  let server: TestServer
  let app: RawApplication
  let records: RawApplication
  let peer: SipPeer
  beforeEach(async () => {
    server = await TestServer.start({ timers: { t1Ms: 20 }, limits: { applicationGraceMs: 200 } })
    app = await server.application('invite')
    records = await server.taggedApplication('records', 'cdr:attempt', 'cdr:start', 'cdr:stop')
    peer = await server.peer()
  })
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  /** The next events: what, whose message, the role or reason, and the first word of that message. */
  async function events(count: number): Promise<string[]> {
    const seen: string[] = []
    for (let i = 0; i < count; i++) {
      const payload = await records.frame((each) => each.split('|')[1]!.startsWith('cdr:'))
      const end = payload.indexOf('\r\n')
      const [, type, source, , detail = ''] = payload.slice(0, end).split('|')
      const [first, status] = payload.slice(end + 2).split(' ')
      seen.push(
        [type!.slice(4), source, detail, first === 'SIP/2.0' ? status : first].filter((x) => x !== '').join(' '),
      )
    }
    return seen
  }

  async function answered(): Promise<Awaited<ReturnType<SipPeer['receive']>>> {
    peer.request('INVITE')
    const { tokens } = await app.shown('INVITE')
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    return peer.receive(200)
  }

  it('tell of a call that comes in, and of who hangs up', async () => {
    const ok = await answered()
    peer.requestAsCaller('ACK', ok)
    await app.shown('ACK')
    peer.requestAsCaller('BYE', ok)
    assert.deepEqual(await events(3), [
      'attempt network INVITE',
      'start application uas 200',
      'stop network normal-release BYE',
    ])
    const again = await answered()
    peer.requestAsCaller('ACK', again)
    const { tokens } = await app.shown('ACK')
    app.send(`sip||${tokens[9]}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    assert.deepEqual((await events(3)).at(-1), 'stop application normal-release BYE')
  })

  it('tell of a call that goes out: answered, refused, cancelled, and to nowhere', async () => {
    const place = async (): Promise<Awaited<ReturnType<SipPeer['receive']>>> => {
      app.send(`sip||\r\nINVITE sip:b@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
      return peer.receive('INVITE')
    }
    peer.reply(await place(), 486, 'Busy Here')
    assert.deepEqual(await events(2), ['attempt application INVITE', 'stop network call-rejected 486'])
    const invite = await place()
    peer.reply(invite, 180, 'Ringing')
    const { tokens } = await app.shown(180)
    await app.ask(`sip|${tokens[8]}|\r\nCANCEL sip:b@127.0.0.1 SIP/2.0\r\n\r\n`)
    peer.reply(invite, 487, 'Request Terminated')
    assert.deepEqual(await events(2), ['attempt application INVITE', 'stop network call-canceled 487'])
    peer.reply(await place(), 200, 'OK')
    assert.deepEqual(await events(2), ['attempt application INVITE', 'start network uac 200'])
    app.send('sip||\r\nINVITE sip:b@127.0.0.1:9;transport=tcp SIP/2.0\r\n\r\n')
    assert.deepEqual(await events(2), ['attempt application INVITE', 'stop application call-rejected 503'])
  })

  it('tell why a call was not to be: refused, given up by its caller, forgotten by the server’s application', async () => {
    peer.request('INVITE')
    const { tokens } = await app.shown('INVITE')
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 603 Decline\r\n\r\n`)
    assert.deepEqual(await events(2), ['attempt network INVITE', 'stop application call-rejected 603'])
    const options = { branch: 'z9hG4bKcdr', callId: 'cdr', fromTag: 'c' }
    peer.request('INVITE', options)
    await app.shown('INVITE')
    peer.request('CANCEL', options)
    assert.deepEqual(await events(2), ['attempt network INVITE', 'stop network call-canceled 487'])
    peer.request('INVITE')
    await app.shown('INVITE')
    app.close()
    assert.deepEqual(await events(2), [
      'attempt network INVITE',
      'stop application system-error-initiated-termination 503',
    ])
  })

  it('tell of calls the server ends itself: no ACK came, the application did not come back', async () => {
    await answered()
    assert.deepEqual((await events(3)).at(-1), 'stop application system-initiated-termination BYE')
    peer = await server.peer()
    peer.requestAsCaller('ACK', await answered())
    await app.shown('ACK')
    app.close()
    assert.deepEqual((await events(3)).at(-1), 'stop application system-error-initiated-termination BYE')
  })

  it('tell of both sides of a call that is passed on', async () => {
    const [busy, callee] = [await server.peer(), await server.peer()]
    peer.request('INVITE')
    const { tokens } = await app.shown('INVITE')
    app.send(`proxy|${tokens[8]}|remainInDialog|||serial|||sip:b@127.0.0.1:${busy.port}|sip:b@127.0.0.1:${callee.port}`)
    busy.reply(await busy.receive('INVITE'), 486, 'Busy Here')
    callee.reply(await callee.receive('INVITE'), 200, 'OK')
    const ok = await peer.receive(200)
    peer.requestAsCaller('BYE', ok, {
      uri: callee.contact.slice(1, -1),
      headers: [`Route: ${ok.get('record-route')}`],
    })
    await callee.receive('BYE')
    assert.deepEqual(await events(8), [
      'attempt network INVITE',
      'attempt application INVITE',
      'stop network call-rejected 486',
      'attempt application INVITE',
      'start network proxy-uac 200',
      'start application proxy-uas 200',
      'stop network normal-release BYE',
      'stop application normal-release BYE',
    ])
  })

  it('reach an unmodified drachtio-srf', async () => {
    records.close()
    const srf = new Srf()
    srf.on('error', () => undefined)
    void srf.connect({ host: '127.0.0.1', port: server.handle.controlPort, secret: 'cymru' })
    await once(srf, 'connect')
    const seen: unknown[][] = []
    for (const event of ['attempt', 'start', 'stop']) {
      const listen = (...args: unknown[]): number => seen.push([event, args[0], ...args.slice(2, -1)])
      const on: unknown = Reflect.get(srf, 'on')
      assert.ok(typeof on === 'function')
      Reflect.apply(on, srf, [`cdr:${event}`, listen])
    }
    await eventually(
      async () => (await server.handle.stats()).routes.filter((each) => each.startsWith('cdr:')).length === 3,
    )
    const ok = await answered()
    peer.requestAsCaller('ACK', ok)
    peer.requestAsCaller('BYE', ok)
    await eventually(() => seen.length === 3)
    assert.deepEqual(seen, [
      ['attempt', 'network'],
      ['start', 'application', 'uas'],
      ['stop', 'network', 'normal-release'],
    ])
    srf.disconnect()
  })
})
