import assert from 'node:assert/strict'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const cancelOf = (invite: string): string =>
  invite
    .replace(/^INVITE/, 'CANCEL')
    .replace(/^CSeq: (\d+) INVITE/m, 'CSeq: $1 CANCEL')
    .replace(/^Content-Type: .*\r\n/m, '')
    .replace(/^Content-Length: \d+/m, 'Content-Length: 0')
    .replace(/\r\n\r\n[^]*$/, '\r\n\r\n')

describe('a server that leaves the answer of a cancelled INVITE to its application', () => {
  let server: TestServer
  let app: RawApplication
  let peer: SipPeer
  const open = async (limits: object = {}): Promise<void> => {
    server = await TestServer.start({ asksForEnds: true, limits: { cancelAnswerMs: 60_000, ...limits } })
    app = await server.application('invite')
    peer = await server.peer()
  }
  afterEach(() => server.close())

  async function cancelled(ring = ''): Promise<string> {
    const invite = peer.request('INVITE', { body: SDP, headers: ['Supported: 100rel'] })
    const id = (await app.shown('INVITE')).tokens[8]!
    if (ring !== '') await app.ask(`sip|${id}|\r\nSIP/2.0 180 Ringing\r\n${ring}\r\n`)
    peer.send(cancelOf(invite))
    await peer.receive(200, { method: 'CANCEL' })
    await app.shown('CANCEL')
    return id
  }
  const says = async (id: string, answer: string): Promise<string | undefined> =>
    (await app.ask(`sip|${id}|\r\nSIP/2.0 ${answer}\r\n\r\n`))[0]
  const nothingLeft = (): Promise<void> =>
    eventually(async () => {
      const { openTransactions, dialogs } = await server.handle.stats()
      return openTransactions === 0 && dialogs === 0
    })

  it('sends the application’s 487 with its headers, once', async () => {
    await open()
    const id = await cancelled()
    assert.equal(peer.count(487), 0)
    assert.equal(await says(id, '487 Request Terminated\r\nX-Call: 7'), 'OK')
    assert.equal((await peer.receive(487)).get('x-call'), '7')
    assert.equal(await says(id, '487 Request Terminated'), 'NOK')
    await nothingLeft()
  })

  it('takes no other answer, and says of a final one that crossed the CANCEL what is the application’s own', async () => {
    await open()
    const id = await cancelled()
    assert.equal(await says(id, '183 Session Progress\r\nX-Call: 6'), 'NOK')
    assert.equal(peer.count(487), 0)
    assert.equal(await says(id, '200 OK\r\nServer: theirs\r\nX-Call: 7\r\nX-DCE-Party: none'), 'NOK')
    const terminated = await peer.receive(487)
    assert.deepEqual(
      ['x-call', 'server', 'x-dce-party'].map((name) => terminated.get(name)),
      ['7', undefined, undefined],
    )
    await nothingLeft()
  })

  it('says 487 itself after cancelAnswerMs, with what the ringing said, reliable or not', async () => {
    await open({ cancelAnswerMs: 20 })
    for (const reliably of ['', 'Require: 100rel\r\n']) {
      const id = await cancelled(`${reliably}X-Call: 8\r\n`)
      assert.equal((await peer.receive(487)).get('x-call'), '8')
      assert.equal(await says(id, '487 Request Terminated'), 'NOK')
    }
    await nothingLeft()
  })

  it('says 487 for an application that is gone by then', async () => {
    await open({ cancelAnswerMs: 200, applicationGraceMs: 20 })
    await cancelled('X-Call: 9\r\n')
    app.close()
    assert.equal((await peer.receive(487)).get('x-call'), '9')
  })

  it('answers a CANCEL again over TCP without a word to the application', async () => {
    await open()
    peer = await server.peer('tcp')
    const invite = peer.request('INVITE', { body: SDP })
    const id = (await app.shown('INVITE')).tokens[8]!
    for (let i = 0; i < 2; i++) {
      peer.send(cancelOf(invite))
      await peer.receive(200, { method: 'CANCEL' })
    }
    await says(id, '487 Request Terminated')
    await peer.receive(487)
    assert.equal(app.frames.filter((frame) => frame.includes('\r\nCANCEL ')).length, 1)
  })
})
