import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { Stage } from '../../support/sip-stage.ts'

const TIMER = 'Supported: timer'
const ALLOW = 'Allow: INVITE, ACK, BYE, UPDATE'

/** RFC 4028, with an interval of two seconds where the RFC has 90 at least: a refresh after 1 s, the end after 1.33 s. */
describe('session timers', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  beforeEach(() => open(1))
  afterEach(() => stage.close())

  async function open(minSessionExpiresS: number): Promise<void> {
    stage = await Stage.open({ limits: { minSessionExpiresS } })
    ;({ app, peer } = stage)
  }

  async function reopen(minSessionExpiresS: number): Promise<void> {
    await stage.close()
    await open(minSessionExpiresS)
  }

  const expires = (message: SipMessage): (string | undefined)[] => [
    message.get('session-expires'),
    message.get('require'),
  ]

  for (const { what, asked, own, agreed, required } of [
    {
      what: 'the peer, which asked',
      asked: [TIMER, 'Session-Expires: 1800'],
      own: [],
      agreed: '1800;refresher=uac',
      required: 'timer',
    },
    {
      what: 'us, when the peer says so',
      asked: [TIMER, 'Session-Expires: 1800;refresher=uas'],
      own: [],
      agreed: '1800;refresher=uas',
      required: undefined,
    },
    {
      what: 'us, when the peer does not know timers and a proxy asked',
      asked: ['Session-Expires: 60'],
      own: [],
      agreed: '60;refresher=uas',
      required: undefined,
    },
    {
      what: 'us, when only the application asks',
      asked: [],
      own: ['Session-Expires: 600'],
      agreed: '600;refresher=uas',
      required: undefined,
    },
    {
      what: 'whom the application says',
      asked: [TIMER],
      own: ['Session-Expires: 600;refresher=uas'],
      agreed: '600;refresher=uas',
      required: undefined,
    },
    {
      what: 'the peer after the shorter time',
      asked: [TIMER, 'Session-Expires: 600'],
      own: ['Session-Expires: 1800'],
      agreed: '600;refresher=uac',
      required: 'timer',
    },
    {
      what: 'nobody before the peer’s Min-SE',
      asked: [TIMER, 'Session-Expires: 300', 'Min-SE: 200'],
      own: ['Session-Expires: 100'],
      agreed: '200;refresher=uac',
      required: 'timer',
    },
    { what: 'nobody when nobody asks', asked: [TIMER], own: [], agreed: undefined, required: undefined },
  ]) {
    it(`of a call to us are refreshed by ${what} (§9)`, async () => {
      await reopen(90)
      const { ok } = await stage.answered({ headers: asked }, own)
      assert.deepEqual(expires(ok), [agreed, required])
    })
  }

  it('too short get 422 with Min-SE, in INVITE, re-INVITE and UPDATE, and the application sees none of them', async () => {
    await reopen(90)
    const short = { headers: [TIMER, 'Session-Expires: 89'], body: SDP }
    peer.request('INVITE', short)
    assert.equal((await peer.receive(422)).get('min-se'), '90')
    const { ok } = await stage.answered()
    for (const [index, method] of ['INVITE', 'UPDATE'].entries()) {
      peer.requestAsCaller(method, ok, { cseq: 2 + index, ...short })
      const refused = await peer.receive(422, { method })
      assert.equal(refused.get('min-se'), '90')
    }
    peer.request('INVITE', { headers: ['Session-Expires: soon'], body: SDP })
    assert.equal((await peer.receive(400)).reason, 'Malformed Session-Expires')
    assert.deepEqual(app.frames, [])
  })

  it('are refreshed by UPDATE where the peer takes it, and go on with its answer', async () => {
    const { dialogId } = await stage.connected(['Session-Expires: 2'], {
      headers: [ALLOW, 'Session-Expires: 2;refresher=uac'],
    })
    for (let i = 0; i < 2; i++) {
      const update = await peer.receive('UPDATE')
      assert.deepEqual([update.get('session-expires'), update.get('supported')], ['2;refresher=uac', 'timer'])
      assert.equal(update.body, '')
      peer.reply(update, 200, 'OK', { headers: ['Session-Expires: 2;refresher=uac'] })
    }
    // All that is the server's own affair.
    assert.deepEqual(app.frames, [])
    await stage.sendIn(dialogId, 'BYE')
  })

  it('are refreshed no more once we have said BYE', async () => {
    const { dialogId } = await stage.connected(['Session-Expires: 2'], {
      headers: [ALLOW, 'Session-Expires: 2;refresher=uac'],
    })
    app.send(`sip||${dialogId}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
    const bye = await peer.receive('BYE')
    // Unanswered until the refresh would have been due, and the end of the session comes.
    await sleep(1_200)
    assert.equal(peer.count('UPDATE'), 0)
    peer.reply(bye, 200, 'OK')
  })

  it('are refreshed by re-INVITE with our last description otherwise, a peer that does not know timers included', async () => {
    const { invite } = await stage.connected(['Session-Expires: 2'])
    assert.equal(invite.get('supported'), 'timer')
    const refresh = await peer.receive('INVITE')
    assert.equal(refresh.body, invite.body)
    const ok = peer.reply(refresh, 200, 'OK', { body: SDP })
    assert.equal((await peer.receive('ACK')).cseq, refresh.cseq)
    peer.send(ok)
    assert.equal((await peer.receive('ACK')).cseq, refresh.cseq)
    assert.deepEqual(app.frames, [])
    await peer.receive('INVITE')
  })

  it('change over to re-INVITE when UPDATE is refused, and to a longer interval when the peer wants one', async () => {
    await stage.connected(['Session-Expires: 2'], { headers: [ALLOW] })
    peer.reply(await peer.receive('UPDATE'), 405, 'Method Not Allowed')
    const reinvite = await peer.receive('INVITE')
    peer.reply(reinvite, 422, 'Session Interval Too Small', { headers: ['Min-SE: 5'] })
    const longer = await peer.receive('INVITE')
    assert.deepEqual([longer.get('session-expires'), longer.get('min-se')], ['5;refresher=uac', '5'])
    peer.reply(longer, 200, 'OK', { body: SDP })
    await peer.receive('ACK', {})
  })

  it('end the call with BYE when our refreshes are refused, or find nobody', async () => {
    await stage.connected(['Session-Expires: 2'], { headers: [ALLOW] })
    peer.reply(await peer.receive('UPDATE'), 500, 'Server Internal Error')
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason')!, /Session timer expired/)
    const { tokens } = await app.shown('BYE')
    assert.equal(tokens[8], 'unsolicited')
    peer.reply(bye, 200, 'OK')
    await stage.connected(['Session-Expires: 2'], { headers: [ALLOW] })
    peer.reply(await peer.receive('UPDATE'), 481, 'Call Does Not Exist')
    peer.reply(await peer.receive('BYE'), 481, 'Call Does Not Exist')
    await stage.nothingLeft()
  })

  it('end the call with BYE when the peer should have refreshed it', async () => {
    const { ok } = await stage.answered({ headers: [TIMER, 'Session-Expires: 2'] })
    // A refresh in time: the call goes on.
    await new Promise((resolve) => setTimeout(resolve, 700))
    peer.requestAsCaller('UPDATE', ok, { cseq: 2, headers: [TIMER, 'Session-Expires: 2;refresher=uac'] })
    await stage.respond((await app.shown('UPDATE')).tokens[8]!, 200)
    const refreshed = await peer.receive(200, { method: 'UPDATE' })
    assert.deepEqual(expires(refreshed), ['2;refresher=uac', 'timer'])
    await new Promise((resolve) => setTimeout(resolve, 900))
    assert.equal(peer.count('BYE'), 0)
    peer.reply(await peer.receive('BYE'), 200, 'OK')
    assert.equal(peer.count('UPDATE') + peer.count('INVITE'), 0)
    await stage.nothingLeft()
  })

  it('are asked for again in a re-INVITE of the application that says nothing of them', async () => {
    const { dialogId } = await stage.connected(['Session-Expires: 4'], {
      headers: ['Session-Expires: 4;refresher=uas'],
    })
    await stage.sendIn(dialogId, 'INVITE', [], SDP)
    const reinvite = await peer.receive('INVITE')
    assert.deepEqual([reinvite.get('session-expires'), reinvite.get('supported')], ['4;refresher=uas', 'timer'])
  })

  it('show the application a 422 to its own INVITE: it knows what else to ask for', async () => {
    const { invite } = await stage.inviting(['Session-Expires: 2'])
    peer.reply(invite, 422, 'Session Interval Too Small', { headers: ['Min-SE: 5'] })
    assert.match((await app.shown(422)).text, /Min-SE: 5\r\n/)
  })

  it('do not begin with an UPDATE before the call is up', async () => {
    const { invite } = await stage.inviting()
    peer.reply(invite, 180, 'Ringing')
    await app.shown(180)
    peer.requestAsCallee('UPDATE', invite, { headers: [TIMER, 'Session-Expires: 2;refresher=uac'] })
    await stage.respond((await app.shown('UPDATE')).tokens[8]!, 200)
    await peer.receive(200, { method: 'UPDATE' })
    await new Promise((resolve) => setTimeout(resolve, 1_700))
    assert.equal(peer.count('BYE'), 0)
    peer.reply(invite, 486, 'Busy Here')
    await app.shown(486)
  })

  for (const { what, first, status } of [
    { what: 'refuses UPDATE and re-INVITE alike', first: 'UPDATE', status: '501 Not Implemented' },
    { what: 'wants longer intervals with every answer', first: 'UPDATE', status: '422 Session Interval Too Small' },
  ]) {
    it(`does not ask a peer without end that ${what}`, async () => {
      await stage.connected(['Session-Expires: 4'], { headers: [ALLOW] })
      let least = 10
      const refuse = (request: SipMessage): void => {
        const [code, ...reason] = status.split(' ')
        peer.reply(request, Number(code), reason.join(' '), { headers: [`Min-SE: ${++least}`] })
      }
      refuse(await peer.receive(first))
      refuse(await peer.receive(status.startsWith('422') ? 'UPDATE' : 'INVITE'))
      await new Promise((resolve) => setTimeout(resolve, 300))
      assert.equal(peer.count('UPDATE') + peer.count('INVITE'), 3, 'the call’s own INVITE and two refreshes')
    })
  }

  it('do not hang up a peer that knows no timers for an interval of nothing', async () => {
    await reopen(90)
    const { ok } = await stage.answered({ headers: ['Session-Expires: 0'] })
    assert.equal(ok.get('session-expires'), '10;refresher=uas')
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(peer.count('BYE') + peer.count('UPDATE'), 0)
  })

  it('are not made endless by a Min-SE of hundreds of digits', async () => {
    const headers = [TIMER, `Min-SE: ${'9'.repeat(400)}`]
    const { ok } = await stage.answered({ headers }, ['Session-Expires: 600'])
    assert.equal(ok.get('session-expires'), '600;refresher=uac')
  })

  it('are no shorter than the minimum, whatever the peer agrees to', async () => {
    await reopen(90)
    await stage.connected(['Session-Expires: 1800'], { headers: [ALLOW, 'Session-Expires: 1;refresher=uac'] })
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    assert.equal(peer.count('UPDATE') + peer.count('BYE'), 0)
  })
})
