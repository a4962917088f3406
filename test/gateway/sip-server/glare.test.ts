import assert from 'node:assert/strict'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { Stage } from '../../support/sip-stage.ts'

/** Offers that meet: RFC 3311 §5.2, RFC 3261 §14.2. */
describe('an offer from the network', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  beforeEach(async () => {
    stage = await Stage.open()
    ;({ app, peer } = stage)
  })
  afterEach(() => stage.close())

  it('gets 491 while ours waits for its answer, and is taken after that', async () => {
    const { ok, dialogId } = await stage.answered()
    await stage.sendIn(dialogId, 'UPDATE', [], SDP)
    const update = await peer.receive('UPDATE')
    peer.requestAsCaller('UPDATE', ok, { cseq: 2, body: SDP })
    assert.equal((await peer.receive(491)).cseqMethod, 'UPDATE')
    peer.requestAsCaller('INVITE', ok, { cseq: 3, body: SDP })
    assert.equal((await peer.receive(491)).cseqMethod, 'INVITE')
    peer.reply(update, 200, 'OK', { body: SDP })
    await app.shown(200)
    peer.requestAsCaller('UPDATE', ok, { cseq: 4, body: SDP })
    await app.shown('UPDATE')
  })

  it('gets 500 with Retry-After while one of the same side waits for its answer', async () => {
    const id = await stage.invited()
    await stage.respond(id, 180)
    const ringing = await peer.receive(180)
    peer.requestAsCaller('UPDATE', ringing, { cseq: 2, body: SDP })
    assert.match((await peer.receive(500)).get('retry-after')!, /^\d$/)
    peer.requestAsCaller('UPDATE', ringing, { cseq: 3 })
    await app.shown('UPDATE')
  })

  it('is taken before the answer to the INVITE when that offer has been answered reliably', async () => {
    const id = await stage.invited({ headers: ['Supported: 100rel'] })
    await stage.respond(id, 183, ['Require: 100rel'], SDP)
    const early = await peer.receive(183)
    peer.requestAsCaller('PRACK', early, { cseq: 2, headers: [`RAck: ${early.get('rseq')} 1 INVITE`] })
    await stage.respond((await app.shown('PRACK')).tokens[8]!, 200)
    peer.requestAsCaller('UPDATE', early, { cseq: 3, body: SDP })
    const { tokens } = await app.shown('UPDATE')
    await stage.respond(tokens[8]!, 200, [], SDP)
    assert.equal((await stage.respond(id, 200))[0], 'OK')
  })

  it('is taken again when the one before was refused, cancelled or left without an answer', async () => {
    const { ok } = await stage.answered()
    peer.requestAsCaller('UPDATE', ok, { cseq: 2, body: SDP })
    await stage.respond((await app.shown('UPDATE')).tokens[8]!, 488)
    const reinvite = peer.requestAsCaller('INVITE', ok, { cseq: 3, body: SDP })
    await app.shown('INVITE')
    peer.send(reinvite.replace(/^INVITE /, 'CANCEL ').replace('3 INVITE', '3 CANCEL'))
    await app.shown('CANCEL')
    peer.requestAsCaller('INVITE', ok, { cseq: 4, body: SDP })
    await stage.respond((await app.shown('INVITE')).tokens[8]!, 200)
    peer.requestAsCaller('UPDATE', ok, { cseq: 5, body: SDP })
    await app.shown('UPDATE')
  })

  it('is expected in the ACK when the INVITE asked for ours', async () => {
    const { ok } = await stage.answered({ body: '' })
    peer.requestAsCaller('UPDATE', ok, { cseq: 2, body: SDP })
    await app.shown('UPDATE')
  })
})
