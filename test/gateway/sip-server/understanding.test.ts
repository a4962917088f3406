import assert from 'node:assert/strict'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { Stage } from '../../support/sip-stage.ts'

describe('a server that knows what its applications understand', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  before(async () => {
    stage = await Stage.open({ understands: { extensions: ['timer', '100rel'], bodies: ['application/sdp'] } })
    ;({ app, peer } = stage)
  })
  after(() => stage.close())

  for (const { what, method, headers, status, says } of [
    {
      what: 'an extension nobody knows',
      method: 'OPTIONS',
      headers: ['Require: magic, timer', 'Require: more'],
      status: 420,
      says: ['unsupported', 'magic, more'],
    },
    {
      what: 'a body nobody reads',
      method: 'INVITE',
      headers: ['Content-Type: application/isup;version=x'],
      status: 415,
      says: ['accept', 'application/sdp'],
    },
    {
      what: 'a body in a code',
      method: 'MESSAGE',
      headers: ['Content-Type: text/plain', 'Content-Encoding: gzip'],
      status: 415,
      says: ['accept-encoding', 'identity'],
    },
  ]) {
    it(`refuses ${what} with ${status}, and says what it would take`, async () => {
      peer.send(withHeaders(method, headers))
      const refusal = await peer.receive(status)
      assert.deepEqual(refusal.getAll(says[0]!).join(', '), says[1])
      assert.deepEqual(app.frames, [])
    })
  }

  it('refuses them inside a dialog, too, and the dialog stays', async () => {
    const { ok } = await stage.answered()
    peer.requestAsCaller('UPDATE', ok, { cseq: 2, headers: ['Require: magic'] })
    await peer.receive(420)
    peer.requestAsCaller('FROBNICATE', ok, { cseq: 3 })
    assert.match((await peer.receive(501)).get('allow')!, /INVITE/)
    peer.requestAsCaller('INFO', ok, { cseq: 4 })
    await app.shown('INFO')
  })

  for (const { what, method, headers } of [
    {
      what: 'an extension it knows',
      method: 'INVITE',
      headers: ['Require: 100rel', 'Content-Type: application/SDP; charset=x'],
    },
    {
      what: 'a body that need not be read',
      method: 'INVITE',
      headers: ['Content-Type: application/isup', 'Content-Disposition: signal;handling=optional'],
    },
    { what: 'a body of any kind in other methods', method: 'MESSAGE', headers: ['Content-Type: text/html'] },
  ]) {
    it(`shows ${what}`, async () => {
      peer.send(withHeaders(method, headers))
      await app.shown(method)
    })
  }

  describe('of bodies of several parts', () => {
    const part = (type: string, extra = ''): string => `--b1\r\nContent-Type: ${type}\r\n${extra}\r\n${SDP}\r\n`
    const REQUIRED = 'Content-Disposition: signal;handling=required\r\n'
    let mixed: Stage
    before(async () => {
      const bodies = ['application/sdp', 'multipart/mixed']
      mixed = await Stage.open({ understands: { extensions: [], bodies } })
    })
    after(() => mixed.close())

    const sent = (body: string): void => {
      const text = mixed.peer.buildRequest('INVITE', { body })
      mixed.peer.send(text.replace('application/sdp', 'multipart/mixed;boundary="b1"'))
    }

    it('shows one with an SDP, whatever else is in it', async () => {
      sent(`${part('application/isup')}${part('application/sdp', REQUIRED)}--b1--\r\n`)
      assert.match((await mixed.app.shown('INVITE')).text, /application\/isup/)
    })

    for (const [what, status, body] of [
      ['what must be read and cannot', 415, part('application/isup', REQUIRED) + part('application/sdp')],
      ['no SDP', 415, part('application/isup')],
      ['an encoded SDP', 415, part('application/sdp', 'Content-Transfer-Encoding: base64\r\n')],
      ['parts within parts only', 415, part('multipart/mixed;boundary=b2')],
      ['too many parts', 400, part('application/sdp').repeat(17)],
    ] as const) {
      it(`refuses ${what} with ${status}`, async () => {
        sent(`${body}--b1--\r\n`)
        const refusal = await mixed.peer.receive(status)
        if (status === 415) assert.deepEqual(refusal.getAll('accept'), ['application/sdp', 'multipart/mixed'])
        else assert.equal(refusal.reason, 'Too many body parts')
        assert.deepEqual(mixed.app.frames, [])
      })
    }
  })

  function withHeaders(method: string, headers: readonly string[]): string {
    const text = peer.buildRequest(method, { headers, body: SDP })
    return text
      .replace('\r\nContent-Type: application/sdp\r\n', '\r\n')
      .replace('Content-Type: application/sdp\r\n', '')
  }
})

describe('a server that knows nothing of its applications', () => {
  it('shows them everything, and says for them what can be done in a call', async () => {
    const stage = await Stage.open()
    const { app, peer } = stage
    const { ok } = await stage.answered({ headers: ['Require: magic'] })
    assert.match(ok.getAll('allow').join(), /UPDATE/)
    assert.equal(ok.get('supported'), 'timer')
    const { invite } = await stage.inviting(['Supported: 100rel', 'Allow: INVITE, ACK, BYE, CANCEL'])
    assert.deepEqual([invite.getAll('supported'), invite.getAll('allow').length], [['100rel'], 4])
    peer.reply(invite, 486, 'Busy Here')
    await app.shown(486)
    await stage.close()
  })
})
