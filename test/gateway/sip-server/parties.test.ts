import assert from 'node:assert/strict'
import { MAX_REMEMBERED, Parties, TIMEOUT } from '../../../gateway/sip-server/parties.ts'
import type { PartyCount } from '../../../gateway/sip-server/parties.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const line = ({ party, direction, transport, method, status, count }: PartyCount): string =>
  `${party} ${direction} ${transport} ${method} ${status}: ${count}`

describe('parties', () => {
  it('has an address to be of the smallest block it is in, and of nobody where two share that', () => {
    const parties = new Parties(10)
    assert.equal(parties.ofAddress('192.0.2.1'), '')
    parties.set([
      { name: 'wide', addresses: ['192.0.0.0/16', '2001:db8::/32'] },
      { name: 'narrow', addresses: ['192.0.2.0/24', '192.0.3.7'] },
      { name: 'twin', addresses: ['192.0.3.7/32'] },
    ])
    const owners = ['192.0.2.1', '192.0.9.1', '::ffff:192.0.2.1', '2001:db8::5', '192.0.3.7', '198.51.100.1']
    assert.deepEqual(
      owners.map((host) => parties.ofAddress(host)),
      ['narrow', 'wide', 'narrow', 'wide', '', ''],
    )
    parties.set([])
    assert.equal(parties.ofAddress('192.0.2.1'), '')
  })

  it('remembers so many addresses, then starts afresh, and says the same of each', () => {
    const parties = new Parties(2)
    parties.set([{ name: 'a', addresses: ['10.0.0.0/8'] }])
    for (let i = 0; i <= MAX_REMEMBERED; i++) {
      assert.equal(parties.ofAddress(`10.0.${i >> 8}.${i & 255}`), 'a')
      assert.ok(parties.remembered <= MAX_REMEMBERED)
    }
    assert.equal(parties.remembered, 1)
  })

  it('counts what is beyond its limit as others’, by class', () => {
    const parties = new Parties(2)
    for (const status of [200, 486, 404, 486]) parties.count('a', 'in', 'INVITE', 'udp', status)
    parties.count('b', 'out', 'FOO', 'wss', TIMEOUT)
    parties.count('b', 'out', 'BYE', 'wss', 481)
    parties.count('', 'in', 'INVITE', 'udp', 200)
    assert.deepEqual(parties.counts().map(line), [
      'a in udp INVITE 200: 1',
      'a in udp INVITE 486: 2',
      'other in udp INVITE 4xx: 1',
      'other out wss other timeout: 1',
      'other out wss BYE 4xx: 1',
    ])
  })
})

describe('a server that counts parties', () => {
  let server: TestServer
  let app: RawApplication
  let peer: SipPeer
  beforeEach(async () => {
    server = await TestServer.start({ timers: { t1Ms: 20 } })
    app = await server.application('invite', 'options')
    peer = await server.peer()
  })
  afterEach(() => server.close())
  const counted = async (): Promise<string[]> => (await server.handle.stats()).parties.map(line).toSorted()
  const answer = async (method: string, status: string, headers = ''): Promise<void> => {
    const { tokens } = await app.shown(method)
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 ${status}\r\n${headers}\r\n`)
  }
  const withSdp = `Content-Type: application/sdp\r\n\r\n${SDP}`

  it('counts nothing while there are none', async () => {
    peer.request('OPTIONS')
    await answer('OPTIONS', '200 OK')
    await peer.receive(200)
    assert.deepEqual(await counted(), [])
  })

  it('counts by address what comes outside dialogs, its own answers and unknown methods included', async () => {
    await server.handle.ask('setParties', [{ name: 'carrier', addresses: ['127.0.0.0/8'] }])
    peer.request('OPTIONS')
    await answer('OPTIONS', '200 OK')
    await peer.receive(200)
    peer.request('WHATEVER')
    await peer.receive(501)
    peer.request('BYE', { toTag: 'nobody' })
    await peer.receive(481)
    assert.deepEqual(await counted(), [
      'carrier in udp BYE 481: 1',
      'carrier in udp OPTIONS 200: 1',
      'carrier in udp other 501: 1',
    ])
  })

  it('counts a whole call for whom the application names, who never hears of that', async () => {
    await server.handle.ask('setParties', [
      { name: 'by address', addresses: ['127.0.0.1'] },
      { name: 'by word', addresses: [] },
    ])
    peer.request('INVITE', { body: SDP, headers: ['X-DCE-Party: by address'] })
    const { tokens } = await app.shown('INVITE')
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 180 Ringing\r\nX-DCE-Party: by word\r\n\r\n`)
    await app.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nX-DCE-Party: by word\r\n${withSdp}`)
    const ok = await peer.receive(200)
    assert.equal(ok.get('x-dce-party'), undefined)
    peer.requestAsCaller('ACK', ok)
    peer.requestAsCaller('INFO', ok)
    await answer('INFO', '415 Unsupported Media Type')
    await peer.receive(415)
    peer.requestAsCaller('BYE', ok, { cseq: 3 })
    await answer('BYE', '200 OK')
    await peer.receive(200, { method: 'BYE' })
    assert.deepEqual(await counted(), [
      'by word in udp BYE 200: 1',
      'by word in udp INFO 415: 1',
      'by word in udp INVITE 200: 1',
    ])
  })

  it('counts what goes out for whom the application names, and a CANCEL with it', async () => {
    await server.handle.ask('setParties', [{ name: 'way out', addresses: [] }])
    const uri = `sip:1@127.0.0.1:${peer.port}`
    const send = (method: string, name: string): Promise<string[]> =>
      app.ask(`sip||\r\n${method} ${uri} SIP/2.0\r\nX-DCE-Party: ${name}\r\n\r\n`)
    const id = (await send('INVITE', 'way out'))[7]
    const invite = await peer.receive('INVITE')
    assert.equal(invite.get('x-dce-party'), undefined)
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    await app.ask(`sip|${id}|\r\nCANCEL ${uri} SIP/2.0\r\n\r\n`)
    peer.reply(await peer.receive('CANCEL'), 200, 'OK', { contact: null })
    peer.reply(invite, 487, 'Request Terminated', { contact: null })
    await peer.receive('ACK')
    await send('OPTIONS', 'way out')
    await send('OPTIONS', 'nobody we know')
    await eventually(async () => (await counted()).length === 3)
    assert.deepEqual(await counted(), [
      'way out out udp CANCEL 200: 1',
      'way out out udp INVITE 487: 1',
      'way out out udp OPTIONS timeout: 1',
    ])
  })
})
