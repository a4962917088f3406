import assert from 'node:assert/strict'
import { once } from 'node:events'
import { releaseRequests } from '../../../gateway/in-dialog/held-requests.ts'
import { Signaling } from '../../../gateway/srf.ts'
import type { SipDialog, SipRequest, SipResponse } from '../../../gateway/srf/srf-types.ts'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'
import { SDP } from '../../support/sip-peer.ts'
import type { SipPeer } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { RawApplication } from '../../support/sip-server.ts'

const quiet = { info: () => undefined, warn: () => undefined }

/** A call answered by a raw application: what the peer got, and the dialog's name. */
async function answeredCall(
  app: RawApplication,
  peer: SipPeer,
): Promise<{ ok: SipMessage; dialogId: string; inviteId: string }> {
  peer.request('INVITE')
  const inviteId = (await app.shown('INVITE')).tokens[8]!
  await app.ask(`sip|${inviteId}|\r\nSIP/2.0 200 OK\r\n\r\n`)
  const ok = await peer.receive(200)
  peer.requestAsCaller('ACK', ok)
  const { tokens } = await app.shown('ACK')
  return { ok, dialogId: tokens[9]!, inviteId }
}

describe('an application that loses its connection', () => {
  let server: TestServer
  const start = async (limits: Record<string, number> = {}): Promise<TestServer> =>
    (server = await TestServer.start({ timers: { t1Ms: 50 }, limits: { reclaimMs: 300, ...limits } }))
  afterEach(async () => {
    const { internalErrors } = await server.handle.stats()
    await server.close()
    assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
  })

  it('has its calls again when it is back: requests go on in both directions, on both legs', async () => {
    await start()
    const signaling = new Signaling({
      host: '127.0.0.1',
      port: server.handle.controlPort,
      secret: 'cymru',
      connectTimeoutMs: 5_000,
      log: quiet,
    })
    const legs = Promise.withResolvers<{ caller: SipDialog; callee: SipDialog; socket: SipRequest['socket'] }>()
    const [caller, callee] = [await server.peer(), await server.peer()]
    signaling.onInvite((req: SipRequest, res: SipResponse) => {
      const bridge = async (): Promise<void> => {
        const uac = await signaling.createUAC(
          `sip:bob@127.0.0.1:${callee.port}`,
          { localSdp: SDP, headers: {} },
          { cbRequest: () => undefined, cbProvisional: () => undefined },
        )
        const { socket } = req
        const uas = await signaling.createUAS(req, res, { localSdp: SDP })
        releaseRequests(uas)
        releaseRequests(uac)
        legs.resolve({ caller: uas, callee: uac, socket })
      }
      bridge().catch(legs.reject)
    })
    await signaling.connect()
    await eventually(async () => (await server.handle.stats()).routes.includes('invite'))
    caller.request('INVITE', { body: SDP })
    const invite = await callee.receive('INVITE')
    callee.reply(invite, 200, 'OK', { body: SDP })
    await callee.receive('ACK')
    const ok = await caller.receive(200)
    const { caller: uas, callee: uac, socket } = await legs.promise
    const acked = once(uas, 'ack')
    caller.requestAsCaller('ACK', ok)
    await acked

    socket!.destroy()
    await eventually(() => !signaling.connected)
    // While nobody is there a request waits.
    const info = once(uas, 'info')
    caller.requestAsCaller('INFO', ok, { cseq: 2 })
    const [, infoAnswer] = (await info) as [SipRequest, SipResponse]
    infoAnswer.send(200)
    assert.equal((await caller.receive(200)).cseqMethod, 'INFO')
    assert.ok(signaling.connected)

    const modified = once(uas, 'modify')
    caller.requestAsCaller('INVITE', ok, { cseq: 3, body: SDP.replace('sendrecv', 'sendonly') })
    const [, modifyAnswer] = (await modified) as [SipRequest, SipResponse]
    modifyAnswer.send(200, { body: SDP })
    assert.equal((await caller.receive(200)).cseqMethod, 'INVITE')
    caller.requestAsCaller('ACK', ok, { cseq: 3 })

    const reinviting = uac.modify(SDP)
    const reinvite = await callee.receive('INVITE')
    assert.equal(reinvite.callId, invite.callId)
    callee.reply(reinvite, 200, 'OK', { body: SDP })
    await callee.receive('ACK')
    await reinviting
    const asking = uas.request({ method: 'INFO' })
    caller.reply(await caller.receive('INFO'), 200, 'OK')
    assert.equal((await asking).status, 200)

    const destroyed = once(uas, 'destroy')
    caller.requestAsCaller('BYE', ok, { cseq: 4 })
    await destroyed
    assert.equal((await caller.receive(200)).cseqMethod, 'BYE')
    const ending = uac.destroy()
    callee.reply(await callee.receive('BYE'), 200, 'OK')
    await ending
    assert.equal((await server.handle.stats()).dialogs, 0)
    signaling.close()
  })

  it('is told of a BYE that came meanwhile; the peer had its 200 at once', async () => {
    await start()
    const peer = await server.peer()
    const app = await server.application('invite')
    const { ok, dialogId } = await answeredCall(app, peer)
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    peer.requestAsCaller('BYE', ok)
    assert.equal((await peer.receive(200)).cseqMethod, 'BYE')
    const back = await server.application('invite')
    const { tokens } = await back.shown('BYE')
    assert.deepEqual([tokens[2], tokens[8], tokens[9]], ['application', 'unsolicited', dialogId])
  })

  it('is told of a BYE it was shown and had not answered', async () => {
    await start()
    const peer = await server.peer()
    const app = await server.application('invite')
    const { ok, dialogId } = await answeredCall(app, peer)
    peer.requestAsCaller('BYE', ok)
    await app.shown('BYE')
    app.close()
    assert.equal((await peer.receive(200)).cseqMethod, 'BYE')
    const back = await server.application()
    assert.equal((await back.shown('BYE')).tokens[9], dialogId)
  })

  it('loses the calls it does not know any more: they stay until the grace is over, and end with BYE', async () => {
    await start({ applicationGraceMs: 600 })
    const peer = await server.peer()
    const app = await server.application('invite')
    const { ok, dialogId } = await answeredCall(app, peer)
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    // A new process under the old name.
    const other = await server.application('invite')
    const { tokens } = await other.shown('PUBLISH')
    assert.equal(tokens[9], dialogId)
    assert.equal((await other.ask(`sip|${tokens[8]}|\r\nSIP/2.0 404 Not Found\r\n\r\n`))[0], 'OK')
    peer.requestAsCaller('INFO', ok)
    const bye = await peer.receive('BYE')
    assert.match(bye.get('reason')!, /Application gone/)
    assert.equal((await peer.receive(481)).cseqMethod, 'INFO')
    assert.equal(
      other.frames.some((frame) => frame.includes('\r\nINFO ')),
      false,
    )
  })

  it('is not given the calls of one with other tags', async () => {
    await start({ applicationGraceMs: 400 })
    const peer = await server.peer()
    const app = await server.application('invite')
    const { dialogId } = await answeredCall(app, peer)
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    const other = await server.taggedApplication('other')
    assert.equal((await peer.receive('BYE')).method, 'BYE')
    assert.equal(
      other.frames.some((frame) => frame.includes(dialogId)),
      false,
    )
  })

  it('gets each of its calls back when two of one name were lost at once', async () => {
    await start()
    const peer = await server.peer()
    const apps = [await server.application('invite'), await server.application('invite')] as const
    const calls = [await answeredCall(apps[0], peer), await answeredCall(apps[1], peer)] as const
    for (const app of apps) app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    const back = await server.application()
    for (let i = 0; i < 2; i++) {
      const { tokens } = await back.shown('PUBLISH')
      const status = tokens[9] === calls[1].dialogId ? 200 : 404
      back.send(`sip|${tokens[8]}|\r\nSIP/2.0 ${status} X\r\n\r\n`)
    }
    const second = await server.application()
    assert.equal((await second.shown('PUBLISH')).tokens[9], calls[0].dialogId)
    peer.requestAsCaller('INFO', calls[1].ok)
    assert.equal((await back.shown('INFO')).tokens[9], calls[1].dialogId)
  })

  it('has its dialogs again by using them, and when it says nothing at all', async () => {
    await start()
    const peer = await server.peer()
    const app = await server.application('invite')
    const [used, silent] = [await answeredCall(app, peer), await answeredCall(app, peer)]
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    const back = await server.application()
    assert.equal((await back.ask(`sip||${used.dialogId}\r\nINFO sip:placeholder SIP/2.0\r\n\r\n`))[0], 'OK')
    await peer.receive('INFO')
    peer.requestAsCaller('INFO', used.ok)
    await back.shown('INFO')
    peer.requestAsCaller('INFO', silent.ok)
    assert.equal((await back.shown('INFO')).tokens[9], silent.dialogId)
  })

  it('leaves so many requests waiting, and no more', async () => {
    await start({ maxHeldRequests: 2, applicationGraceMs: 5_000 })
    const peer = await server.peer()
    const app = await server.application('invite')
    const { ok } = await answeredCall(app, peer)
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    for (let i = 0; i < 3; i++) peer.requestAsCaller('INFO', ok, { cseq: 2 + i })
    const refused = await peer.receive(480)
    assert.equal(refused.cseq, 4)
    assert.equal(refused.get('retry-after'), '5')
    assert.equal(peer.count(200), 1)
    const back = await server.application()
    assert.deepEqual([(await back.shown('INFO')).tokens[9], (await back.shown('INFO')).tokens[8]].length, 2)
  })

  it('ends at once what it can never go on with: a call it rang, a call it placed, a 200 it had not acknowledged', async () => {
    await start()
    const peer = await server.peer()
    const app = await server.application('invite')
    peer.request('INVITE')
    await app.shown('INVITE')
    app.send(`sip||\r\nINVITE sip:ringing@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    const ringing = await peer.receive('INVITE')
    peer.reply(ringing, 180, 'Ringing')
    await app.shown(180)
    app.send(`sip||\r\nINVITE sip:answered@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    const answered = await peer.receive('INVITE')
    peer.reply(answered, 200, 'OK')
    await app.shown(200)
    app.close()
    assert.equal((await peer.receive(503)).cseqMethod, 'INVITE')
    assert.equal((await peer.receive('CANCEL')).callId, ringing.callId)
    assert.equal((await peer.receive('ACK', { method: 'ACK' })).callId, answered.callId)
    assert.equal((await peer.receive('BYE')).callId, answered.callId)
  })

  it('keeps its call when a re-INVITE of its own is answered while it is away', async () => {
    await start()
    const peer = await server.peer()
    const app = await server.application('invite')
    const { ok, dialogId } = await answeredCall(app, peer)
    await app.ask(`sip||${dialogId}\r\nINVITE sip:placeholder SIP/2.0\r\n\r\n`)
    const reinvite = await peer.receive('INVITE')
    app.close()
    await eventually(async () => (await server.handle.stats()).applications === 0)
    peer.reply(reinvite, 200, 'OK')
    assert.equal((await peer.receive('ACK')).cseq, reinvite.cseq)
    const back = await server.application()
    peer.requestAsCaller('INFO', ok)
    assert.equal((await back.shown('INFO')).tokens[9], dialogId)
    assert.equal(peer.count('BYE'), 0)
  })
})
