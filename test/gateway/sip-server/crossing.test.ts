import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const ok = 'SIP/2.0 200 OK\r\n\r\n'

/** What the simulation found: messages that cross on a network that delays them. */
describe('messages that cross', () => {
  let server: TestServer
  let app: RawApplication
  let peer: SipPeer
  let uri: string

  beforeEach(async () => {
    server = await TestServer.start({ timers: { t1Ms: 20 } })
    app = await server.application('invite', 'message')
    peer = await server.peer()
    uri = `sip:bob@127.0.0.1:${peer.port}`
  })
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  async function nothingLeft(): Promise<void> {
    await eventually(async () => {
      const { openTransactions, lingeringTransactions, dialogs } = await server.handle.stats()
      return openTransactions + lingeringTransactions + dialogs === 0
    })
  }

  /** A call from the peer that is up: its 200, and the dialog's id. */
  async function answered(): Promise<{ answer: SipMessage; dialogId: string }> {
    peer.request('INVITE', { body: SDP })
    const { tokens } = await app.shown('INVITE')
    const echo = await app.ask(`sip|${tokens[8]}|\r\n${ok}`)
    const answer = await peer.receive(200)
    peer.requestAsCaller('ACK', answer)
    await app.shown('ACK')
    return { answer, dialogId: echo[8]! }
  }

  /** Our INVITE rings at the peer. */
  async function ringing(): Promise<SipMessage> {
    await app.ask(`sip||\r\nINVITE ${uri} SIP/2.0\r\n\r\n${SDP}`)
    const invite = await peer.receive('INVITE')
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    return invite
  }

  it('a re-INVITE is over with the call that the application ends meanwhile', async () => {
    const { answer, dialogId } = await answered()
    peer.requestAsCaller('INVITE', answer, { cseq: 2, body: SDP })
    const { tokens } = await app.shown('INVITE')
    await app.ask(`sip||${dialogId}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    const refused = await peer.receive(487)
    assert.equal(refused.cseqMethod, 'INVITE')
    assert.equal((await app.ask(`sip|${tokens[8]}|\r\n${ok}`))[0], 'NOK')
    await nothingLeft()
  })

  it('a BYE that overtakes the answer: the application sees the answer, then the end', async () => {
    const invite = await ringing()
    peer.requestAsCallee('BYE', invite)
    await peer.receive(200, { method: 'BYE' })
    // The answer is perhaps not on its way at all.
    await peer.receive('CANCEL')
    peer.reply(invite, 200, 'OK', { body: SDP })
    const { tokens } = await app.shown(200)
    const end = await app.shown('BYE')
    assert.deepEqual([end.tokens[8], end.tokens[9]], ['unsolicited', tokens[9]])
    await peer.receive('ACK')
    peer.reply(await peer.receive('BYE'), 481, 'Gone')
    await nothingLeft()
  })

  it('a re-INVITE that overtakes the answer gets 491 (RFC 3261 §14.2)', async () => {
    const invite = await ringing()
    peer.requestAsCallee('INVITE', invite, { body: SDP })
    assert.equal((await peer.receive(491)).cseqMethod, 'INVITE')
    peer.reply(invite, 200, 'OK', { body: SDP })
    await app.shown(200)
  })

  it('a request sent for the last time just before its sender gives up is not shown again', async () => {
    const text = peer.request('MESSAGE')
    await app.shown('MESSAGE')
    await new Promise((resolve) => setTimeout(resolve, 66 * 20))
    peer.send(text)
    await nothingLeft()
    assert.deepEqual(app.frames, [])
  })
})
