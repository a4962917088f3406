import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { eventually } from '../../support/sip-server.ts'
import { Stage } from '../../support/sip-stage.ts'

/** What the simulation found: messages that cross on a network that delays them. */
describe('messages that cross', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  beforeEach(async () => {
    stage = await Stage.open()
    ;({ app, peer } = stage)
  })
  afterEach(() => stage.close())

  /** Our INVITE rings at the peer. */
  async function ringing(): Promise<SipMessage> {
    const { invite } = await stage.inviting()
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    return invite
  }

  it('a re-INVITE is over with the call that the application ends meanwhile', async () => {
    const { ok, dialogId } = await stage.answered()
    peer.requestAsCaller('INVITE', ok, { cseq: 2, body: SDP })
    const { tokens } = await app.shown('INVITE')
    await stage.sendIn(dialogId, 'BYE')
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    const refused = await peer.receive(487)
    assert.equal(refused.cseqMethod, 'INVITE')
    assert.equal((await stage.respond(tokens[8]!, 200))[0], 'NOK')
    await stage.nothingLeft()
  })

  it('a re-INVITE of ours that nobody answers any more is cancelled with the call, and has its answer', async () => {
    const { ok, dialogId } = await stage.answered()
    await stage.sendIn(dialogId, 'INVITE', [], SDP)
    const reinvite = await peer.receive('INVITE')
    // Its 200 is lost, and the peer hangs up.
    peer.reply(reinvite, 100, 'Trying')
    peer.requestAsCaller('BYE', ok, { cseq: 2 })
    const { tokens } = await app.shown('BYE')
    await stage.respond(tokens[8]!, 200)
    const cancel = await peer.receive('CANCEL')
    assert.equal(cancel.cseq, reinvite.cseq)
    peer.reply(cancel, 481, 'Gone')
    await app.shown(408)
    await stage.nothingLeft()
  })

  it('a BYE of ours waits for the ACK of our 200, which it might overtake (RFC 3261 §15)', async () => {
    const echo = await stage.respond(await stage.invited(), 200, [], SDP)
    const ok = await peer.receive(200)
    const leaving = stage.sendIn(echo[8]!, 'BYE')
    assert.equal((await stage.sendIn(echo[8]!, 'BYE'))[0], 'NOK', 'one is enough')
    // Sent again in the meantime, since no ACK comes.
    await eventually(() => peer.count(200) > 1)
    assert.equal(peer.count('BYE'), 0)
    peer.requestAsCaller('ACK', ok)
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    assert.equal((await leaving)[0], 'OK')
    await app.shown('ACK')
    await stage.nothingLeft()
  })

  it('a BYE that waits for an ACK gives way to our own when none comes', async () => {
    const echo = await stage.respond(await stage.invited(), 200, [], SDP)
    const leaving = stage.sendIn(echo[8]!, 'BYE')
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason') ?? '', /ACK timeout/)
    peer.reply(bye, 200, 'OK')
    assert.equal((await leaving)[0], 'NOK')
    await stage.nothingLeft()
    assert.equal(peer.count('BYE'), 1)
  })

  it('nothing is said in a call after our BYE, which it might overtake', async () => {
    const { dialogId } = await stage.answered()
    await stage.sendIn(dialogId, 'BYE')
    const bye = await peer.receive('BYE')
    for (const method of ['INFO', 'INVITE', 'NOTIFY'])
      assert.deepEqual((await stage.sendIn(dialogId, method)).slice(0, 2), [
        'NOK',
        'Server error: unable to find dialog for dialog id provided',
      ])
    peer.reply(bye, 200, 'OK')
    await stage.nothingLeft()
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
    await stage.nothingLeft()
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
    await stage.nothingLeft()
    assert.deepEqual(app.frames, [])
  })

  it('a REFER accepted while our call still rings makes no call of it', async () => {
    const invite = await ringing()
    peer.requestAsCallee('REFER', invite, { headers: ['Refer-To: <sip:carol@127.0.0.1>'] })
    const { tokens } = await app.shown('REFER')
    await stage.respond(tokens[8]!, 202)
    await peer.receive(202)
    peer.reply(invite, 486, 'Busy Here')
    await app.shown(486)
    await stage.nothingLeft()
    assert.equal(peer.count('BYE'), 0)
  })

  it('a REFER accepted while a re-INVITE is open leaves that to be ended with the call', async () => {
    const { ok } = await stage.answered()
    peer.requestAsCaller('INVITE', ok, { cseq: 2, body: SDP })
    await app.shown('INVITE')
    peer.requestAsCaller('REFER', ok, { cseq: 3, headers: ['Refer-To: <sip:carol@127.0.0.1>'] })
    await stage.respond((await app.shown('REFER')).tokens[8]!, 202)
    peer.requestAsCaller('BYE', ok, { cseq: 4 })
    assert.equal((await peer.receive(487)).cseq, 2)
    await stage.nothingLeft()
  })
})
