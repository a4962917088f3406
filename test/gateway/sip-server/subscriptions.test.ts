import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'
import { Stage } from '../../support/sip-stage.ts'

const ENDED = 'Subscription-State: terminated;reason=noresource'
const ACTIVE = 'Subscription-State: active;expires=60'
const REFER_TO = 'Refer-To: <sip:carol@127.0.0.1>'

describe('subscriptions', () => {
  let stage: Stage
  let app: RawApplication
  let peer: SipPeer

  beforeEach(async () => {
    stage = await Stage.open()
    ;({ app, peer } = stage)
  })
  afterEach(() => stage.close())

  const dialogs = async (): Promise<number> => (await stage.server.handle.stats()).dialogs

  const notify = (subscribe: SipMessage, cseq: number, ...headers: string[]): void =>
    void peer.requestAsCallee('NOTIFY', subscribe, { cseq, headers })

  /** Takes a NOTIFY in, answers it, and tells its dialog. */
  async function notified(): Promise<string> {
    const { tokens } = await app.shown('NOTIFY')
    await stage.respond(tokens[8]!, 200)
    return tokens[9]!
  }

  for (const method of ['SUBSCRIBE', 'REFER']) {
    const event = method === 'REFER' ? 'Event: refer' : 'Event: presence'

    it(`of ours begin with the answer to ${method}, and end with the last NOTIFY`, async () => {
      await stage.send(method, [event, REFER_TO])
      const request = await peer.receive(method)
      assert.match(request.get('contact')!, /^<sip:/)
      peer.reply(request, 202, 'Accepted')
      const { tokens } = await app.shown(202)
      notify(request, 1, event, ACTIVE)
      assert.equal(await notified(), tokens[9])
      assert.equal(await dialogs(), 1)
      notify(request, 2, event, ENDED)
      await notified()
      assert.equal(await dialogs(), 0)
    })

    it(`of ours begin with a NOTIFY that comes before the answer to ${method} (RFC 6665 §4.4.1)`, async () => {
      await stage.send(method, [event, REFER_TO])
      const request = await peer.receive(method)
      notify(request, 1, event, ACTIVE)
      const dialogId = await notified()
      // Another notifier's: one is enough.
      peer.requestAsCallee('NOTIFY', request, { toTag: 'other', cseq: 1, headers: [event, ACTIVE] })
      await peer.receive(481)
      peer.reply(request, 202, 'Accepted')
      assert.equal((await app.shown(202)).tokens[9], dialogId)
      notify(request, 2, event, ENDED)
      await notified()
      await stage.nothingLeft()
    })
  }

  it('of ours are not begun again by an answer that comes after their end', async () => {
    await stage.send('SUBSCRIBE', ['Event: presence', 'Expires: 0'])
    const request = await peer.receive('SUBSCRIBE')
    notify(request, 1, 'Event: presence', ENDED)
    await notified()
    peer.reply(request, 200, 'OK')
    await app.shown(200)
    await stage.nothingLeft()
  })

  it('refuse NOTIFYs once their SUBSCRIBE has failed', async () => {
    await stage.send('SUBSCRIBE', ['Event: presence'])
    const request = await peer.receive('SUBSCRIBE')
    peer.reply(request, 489, 'Bad Event')
    await app.shown(489)
    notify(request, 1, 'Event: presence', ACTIVE)
    await peer.receive(481)
  })

  it('of the peer begin with our 2xx, and end with the NOTIFY that says so', async () => {
    for (const method of ['SUBSCRIBE', 'REFER']) {
      peer.request(method, { headers: ['Event: refer', REFER_TO] })
      const { tokens } = await app.shown(method)
      const echo = await stage.respond(tokens[8]!, 202)
      const accepted = await peer.receive(202)
      assert.match(accepted.get('contact')!, /^<sip:/)
      await stage.sendIn(echo[8]!, 'NOTIFY', ['Event: refer', ENDED])
      const last = await peer.receive('NOTIFY')
      assert.equal(last.fromTag, accepted.toTag)
      peer.reply(last, 200, 'OK')
      await app.shown(200)
      await eventually(async () => (await dialogs()) === 0)
    }
  })

  it('share a dialog until the last of them ends', async () => {
    peer.request('SUBSCRIBE', { headers: ['Event: presence'] })
    const echo = await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200)
    const accepted = await peer.receive(200)
    peer.requestAsCaller('SUBSCRIBE', accepted, { cseq: 2, headers: ['Event: dialog'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200)
    for (const [event, left] of [
      ['presence', 1],
      ['dialog', 0],
    ] as const) {
      await stage.sendIn(echo[8]!, 'NOTIFY', [`Event: ${event}`, ENDED])
      peer.reply(await peer.receive('NOTIFY'), 200, 'OK')
      await app.shown(200)
      await eventually(async () => (await dialogs()) === left)
    }
  })

  it('are not made by a REFER that wants none (RFC 4488)', async () => {
    peer.request('REFER', { headers: [REFER_TO, 'Refer-Sub: false'] })
    await stage.respond((await app.shown('REFER')).tokens[8]!, 202, ['Refer-Sub: false'])
    await peer.receive(202)
    await stage.nothingLeft()
  })

  it('of a call leave that as it is', async () => {
    const { ok, dialogId } = await stage.answered()
    peer.requestAsCaller('REFER', ok, { cseq: 2, headers: [REFER_TO] })
    await stage.respond((await app.shown('REFER')).tokens[8]!, 202)
    await stage.sendIn(dialogId, 'NOTIFY', ['Event: refer', ENDED])
    peer.reply(await peer.receive('NOTIFY'), 200, 'OK')
    await app.shown(200)
    assert.equal(await dialogs(), 1)
  })

  it('are forgotten when the time granted is over and nobody has refreshed them, on either side', async () => {
    const grants = ['Expires: 1']
    await stage.send('SUBSCRIBE', ['Event: presence'])
    const ours = await peer.receive('SUBSCRIBE')
    peer.reply(ours, 200, 'OK', { headers: grants })
    const { tokens } = await app.shown(200)
    peer.request('SUBSCRIBE', { headers: ['Event: presence'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200, grants)
    const theirs = await peer.receive(200)
    // Refreshed for long, they stay, though the first time is over.
    await stage.sendIn(tokens[9]!, 'SUBSCRIBE', ['Event: presence'])
    peer.reply(await peer.receive('SUBSCRIBE'), 200, 'OK', { headers: ['Expires: 60'] })
    await app.shown(200)
    peer.requestAsCaller('SUBSCRIBE', theirs, { headers: ['Event: presence'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200, ['Expires: 60'])
    await peer.receive(200)
    await sleep(1_000 + 64 * 20 + 300)
    assert.equal(await dialogs(), 2)
    // The end, and no last NOTIFY of anybody.
    await stage.sendIn(tokens[9]!, 'SUBSCRIBE', ['Event: presence', 'Expires: 0'])
    peer.reply(await peer.receive('SUBSCRIBE'), 200, 'OK', { headers: ['Expires: 0'] })
    await app.shown(200)
    peer.requestAsCaller('SUBSCRIBE', theirs, { cseq: 3, headers: ['Event: presence', 'Expires: 0'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200, ['Expires: 0'])
    assert.equal(await dialogs(), 2)
    await stage.nothingLeft()
  })

  it('follow a peer that has moved', async () => {
    const moved = await stage.server.peer()
    peer.request('SUBSCRIBE', { headers: ['Event: presence'] })
    const echo = await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200)
    const accepted = await peer.receive(200)
    moved.requestAsCaller('SUBSCRIBE', accepted, { headers: ['Event: presence'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200)
    await stage.sendIn(echo[8]!, 'NOTIFY', ['Event: presence', ENDED])
    moved.reply(await moved.receive('NOTIFY'), 200, 'OK')
  })

  it('count as the dialogs they are: past the limit a SUBSCRIBE hears 503, and ours is refused', async () => {
    await stage.close()
    stage = await Stage.open({ limits: { maxDialogs: 1 } })
    ;({ app, peer } = stage)
    peer.request('SUBSCRIBE', { headers: ['Event: presence'] })
    await stage.respond((await app.shown('SUBSCRIBE')).tokens[8]!, 200)
    await peer.receive(200)
    peer.request('SUBSCRIBE', { headers: ['Event: presence'] })
    await peer.receive(503)
    assert.deepEqual(await stage.send('SUBSCRIBE', ['Event: presence']), ['NOK', 'too many dialogs'])
  })

  it('too old are forgotten, without a BYE', async () => {
    await stage.close()
    stage = await Stage.open({ limits: { maxDialogMs: 50 } })
    ;({ app, peer } = stage)
    await stage.send('SUBSCRIBE', ['Event: presence'])
    peer.reply(await peer.receive('SUBSCRIBE'), 200, 'OK')
    await app.shown(200)
    await stage.nothingLeft()
    assert.equal(peer.count('BYE'), 0)
  })
})
