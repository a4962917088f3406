import assert from 'node:assert/strict'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { answer, Stage } from '../../support/sip-stage.ts'

const RELIABLY = ['Require: 100rel']

describe('provisional answers', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  beforeEach(async () => {
    stage = await Stage.open({ limits: { maxForks: 2, maxProvisionals: 2, maxShownProvisionals: 9 } })
    ;({ app, peer } = stage)
  })
  afterEach(() => stage.close())

  const progress = (invite: SipMessage, rseq: number, toTag = 'peer-tag'): void =>
    void peer.reply(invite, 183, 'Session Progress', { toTag, headers: [...RELIABLY, `RSeq: ${rseq}`] })

  describe('that we get', () => {
    it('reliably are shown once and in order (RFC 3262 §4)', async () => {
      const { invite } = await stage.inviting(['Supported: 100rel'])
      progress(invite, 7)
      await app.shown(183)
      progress(invite, 9)
      progress(invite, 7)
      progress(invite, 8)
      progress(invite, 9)
      assert.match((await app.shown(183)).text, /RSeq: 8\r\n/)
      assert.match((await app.shown(183)).text, /RSeq: 9\r\n/)
      assert.deepEqual(app.frames, [])
    })

    it('are shown so often, and the call goes on', async () => {
      const { invite } = await stage.inviting()
      for (let i = 0; i < 12; i++) peer.reply(invite, 180, 'Ringing')
      peer.reply(invite, 486, 'Busy Here')
      for (let i = 0; i < 9; i++) await app.shown(180)
      await app.shown(486)
      assert.deepEqual(app.frames, [])
    })

    it('of forks without end are answered by ACK and BYE for as many as there may be', async () => {
      const { invite } = await stage.inviting()
      for (const toTag of ['a', 'b', 'c', 'd', 'e']) peer.reply(invite, 200, 'OK', { toTag, body: SDP })
      await app.shown(200)
      const ended = [(await peer.receive('BYE')).toTag, (await peer.receive('BYE')).toTag]
      assert.deepEqual(ended.toSorted(), ['b', 'c'])
      for (const bye of peer.received.filter(({ method }) => method === 'BYE')) peer.reply(bye, 200, 'OK')
      await eventually(async () => (await stage.server.handle.stats()).overLimit === 2)
      assert.deepEqual(new Set(peer.received.map(({ toTag }) => toTag)).has('d'), false)
    })

    it('from several forks are acknowledged each in its own, under the one name the application has', async () => {
      const { invite } = await stage.inviting(['Supported: 100rel'])
      progress(invite, 100, 'left')
      const first = await app.shown(183)
      progress(invite, 200, 'right')
      const second = await app.shown(183)
      assert.equal(first.tokens[9], second.tokens[9])
      for (const [rseq, tag] of [
        [100, 'left'],
        [200, 'right'],
        [100, 'left'],
      ] as const) {
        await stage.sendIn(first.tokens[9]!, 'PRACK', [`RAck: ${rseq} ${invite.cseq} INVITE`])
        assert.equal((await peer.receive('PRACK')).toTag, tag)
      }
      peer.reply(invite, 200, 'OK', { toTag: 'left', body: SDP })
      await app.shown(200)
      await stage.sendIn(first.tokens[9]!, 'ACK')
      assert.equal((await peer.receive('ACK')).toTag, 'left')
    })

    it('from more forks than are told apart are shown, unless they ask to be acknowledged', async () => {
      const { invite } = await stage.inviting(['Supported: 100rel'])
      progress(invite, 1, 'a')
      progress(invite, 1, 'b')
      progress(invite, 1, 'c')
      peer.reply(invite, 180, 'Ringing', { toTag: 'd' })
      assert.equal((await app.shown(180)).tokens.length, 11)
      assert.equal(app.frames.filter((each) => each.includes('SIP/2.0 183')).length, 2)
    })

    it('199 ends one fork, and is for applications that asked for it (RFC 6228)', async () => {
      const { invite } = await stage.inviting()
      peer.reply(invite, 180, 'Ringing', { toTag: 'left' })
      const { tokens } = await app.shown(180)
      peer.reply(invite, 183, 'Session Progress', { toTag: 'right' })
      await app.shown(183)
      peer.reply(invite, 199, 'Early Dialog Terminated', { toTag: 'right' })
      await eventually(async () => (await stage.server.handle.stats()).received['1xx'] === 3)
      await stage.sendIn(tokens[9]!, 'UPDATE')
      assert.equal((await peer.receive('UPDATE')).toTag, 'left')
      assert.deepEqual(app.frames, [])
      const other = await stage.inviting(['Supported: 199'])
      peer.reply(other.invite, 180, 'Ringing')
      peer.reply(other.invite, 199, 'Early Dialog Terminated')
      await app.shown(199)
    })
  })

  describe('that we give', () => {
    it('keep a 2xx waiting as long as one with a session description is not acknowledged (RFC 3262 §3)', async () => {
      const id = await stage.invited({ headers: ['Supported: 100rel'] })
      await stage.respond(id, 183, RELIABLY, SDP)
      const first = await peer.receive(183)
      const frame = app.send(`sip|${id}|\r\n${answer(200)}`)
      assert.deepEqual((await stage.respond(id, 486)).slice(0, 1), ['NOK'])
      await eventually(() => peer.count(183) > 2)
      assert.equal(peer.count(200), 0)
      peer.requestAsCaller('PRACK', first, { cseq: 2, headers: [`RAck: ${first.get('rseq')} 1 INVITE`] })
      assert.equal((await peer.receive(200)).cseqMethod, 'INVITE')
      assert.match(await app.frame((each) => each.split('|')[2] === frame), /\|OK\|/)
    })

    it('drop that 2xx, and say so, when the call is cancelled', async () => {
      const text = peer.request('INVITE', { body: SDP, headers: ['Supported: 100rel'] })
      const id = (await app.shown('INVITE')).tokens[8]!
      await stage.respond(id, 183, RELIABLY, SDP)
      const frame = app.send(`sip|${id}|\r\n${answer(200)}`)
      await eventually(() => peer.count(183) > 1)
      peer.send(text.replace(/^INVITE /, 'CANCEL ').replace('1 INVITE', '1 CANCEL'))
      assert.equal((await peer.receive(487)).cseqMethod, 'INVITE')
      assert.match(await app.frame((each) => each.split('|')[2] === frame), /\|NOK\|/)
    })

    it('may be acknowledged when the 2xx is out already', async () => {
      const id = await stage.invited({ headers: ['Supported: 100rel'] })
      await stage.respond(id, 180, RELIABLY)
      const ringing = await peer.receive(180)
      await stage.respond(id, 200, [], SDP)
      await peer.receive(200)
      peer.requestAsCaller('PRACK', ringing, { cseq: 2, headers: [`RAck: ${ringing.get('rseq')} 1 INVITE`] })
      await app.shown('PRACK')
      assert.equal(peer.count(481), 0)
    })

    it('wait for one another up to a limit', async () => {
      const id = await stage.invited({ headers: ['Supported: 100rel'] })
      assert.equal((await stage.respond(id, 180, RELIABLY))[0], 'OK')
      assert.equal((await stage.respond(id, 180, RELIABLY))[0], 'OK')
      assert.deepEqual(await stage.respond(id, 180, RELIABLY), [
        'NOK',
        'too many provisional responses wait for their PRACK',
      ])
    })
  })
})
