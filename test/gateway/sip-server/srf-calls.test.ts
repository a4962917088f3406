import assert from 'node:assert/strict'
import { once } from 'node:events'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'
import type { AppDialog, AppRequest, AppResponse } from '../../support/sip-server.ts'

/** Everything an application does with drachtio-srf, unmodified, over both transports. */
for (const transport of ['udp', 'tcp'] as const) {
  const to = (port: number): string => `sip:bob@127.0.0.1:${port}${transport === 'tcp' ? ';transport=tcp' : ''}`

  describe(`drachtio-srf over ${transport}`, () => {
    let server: TestServer
    beforeEach(async () => {
      server = await TestServer.start({ timers: { t1Ms: 50 } })
    })
    afterEach(async () => {
      const { internalErrors } = await server.handle.stats()
      await server.close()
      assert.deepEqual(internalErrors === 0 ? [] : server.logged, [])
    })

    it('answers a call with createUAS, and hears of ACK and BYE', async () => {
      const { promise, resolve } = Promise.withResolvers<AppDialog>()
      const app = await server.srf({
        invite: async (req, res) => resolve(await app.createUAS(req, res, { localSdp: SDP })),
      })
      const caller = await server.peer(transport)
      caller.request('INVITE', { body: SDP })
      const answer = await caller.receive(200)
      assert.equal(answer.body, SDP)
      assert.equal(caller.received[0]!.status, 100)
      const dialog = await promise
      const ack = once(dialog, 'ack')
      caller.requestAsCaller('ACK', answer)
      await ack
      const destroyed = once(dialog, 'destroy')
      caller.requestAsCaller('BYE', answer)
      await destroyed
      assert.equal((await caller.receive(200)).cseqMethod, 'BYE')
    })

    it('places a call with createUAC: 18x, 200, ACK, and BYE from our side', async () => {
      const app = await server.srf()
      const callee = await server.peer(transport)
      const provisional: number[] = []
      const placing = app.createUAC(
        to(callee.port),
        { localSdp: SDP, callingNumber: '15551234567' },
        { cbProvisional: (res) => provisional.push(res.status) },
      )
      const invite = await callee.receive('INVITE')
      assert.equal(invite.body, SDP)
      assert.match(invite.get('contact')!, /^<?sip:15551234567@127\.0\.0\.1:\d+/)
      callee.reply(invite, 100, 'Trying')
      callee.reply(invite, 180, 'Ringing')
      callee.reply(invite, 200, 'OK', { body: SDP })
      const dialog = await placing
      const ack = await callee.receive('ACK')
      assert.equal(ack.requestUri, to(callee.port).replace('bob', 'peer'))
      assert.equal(ack.cseq, invite.cseq)
      assert.deepEqual(provisional, [180])
      const ending = dialog.destroy()
      const bye = await callee.receive('BYE')
      assert.equal(bye.cseq, invite.cseq + 1)
      assert.equal(bye.toTag, 'peer-tag')
      callee.reply(bye, 200, 'OK')
      await ending
      assert.equal((await server.handle.stats()).dialogs, 0)
    })

    it('bridges a call with createB2BUA, relays 180, and hangs up both ways', async () => {
      const bridged = Promise.withResolvers<{ uas: AppDialog; uac: AppDialog }>()
      const callee = await server.peer(transport)
      const app = await server.srf({
        invite: async (req, res) =>
          bridged.resolve(await app.createB2BUA(req, res, to(callee.port), { localSdpB: req.body })),
      })
      const caller = await server.peer(transport)
      caller.request('INVITE', { body: SDP })
      const invite = await callee.receive('INVITE')
      callee.reply(invite, 180, 'Ringing')
      await caller.receive(180)
      callee.reply(invite, 200, 'OK', { body: SDP })
      await callee.receive('ACK')
      const answer = await caller.receive(200)
      const { uas, uac } = await bridged.promise
      const acknowledged = once(uas, 'ack')
      caller.requestAsCaller('ACK', answer)
      await acknowledged
      uac.on('destroy', () => void uas.destroy())
      callee.requestAsCallee('BYE', invite)
      await callee.receive(200)
      const bye = await caller.receive('BYE')
      caller.reply(bye, 200, 'OK')
      await eventually(async () => (await server.handle.stats()).dialogs === 0)
    })

    it('passes a failure of the far side on, and ACKs it', async () => {
      const callee = await server.peer(transport)
      const failed = Promise.withResolvers<{ status: number }>()
      const app = await server.srf({
        invite: (req, res) => app.createB2BUA(req, res, to(callee.port), { localSdpB: req.body }).catch(failed.resolve),
      })
      const caller = await server.peer(transport)
      const text = caller.request('INVITE', { body: SDP })
      callee.reply(await callee.receive('INVITE'), 486, 'Busy Here')
      await callee.receive('ACK')
      const busy = await caller.receive(486)
      assert.equal((await failed.promise).status, 486)
      const branch = /branch=([^;\r]+)/.exec(text)![1]!
      caller.request('ACK', {
        branch,
        callId: busy.callId.replace('@test', ''),
        fromTag: busy.fromTag,
        toTag: busy.toTag,
      })
    })

    it('sends OPTIONS with srf.request, and answers one', async () => {
      const app = await server.srf({ options: (_req, res) => res.send(200, { headers: { Allow: 'INVITE' } }) })
      const peer = await server.peer(transport)
      const answered = Promise.withResolvers<AppResponse>()
      app.request(to(peer.port), { method: 'OPTIONS', headers: { 'X-Test': 'yes' } }, (_error, req) =>
        req.on('response', answered.resolve),
      )
      const options = await peer.receive('OPTIONS')
      assert.equal(options.get('x-test'), 'yes')
      peer.reply(options, 200, 'OK')
      assert.equal((await answered.promise).status, 200)
      peer.request('OPTIONS')
      assert.equal((await peer.receive(200, { method: 'OPTIONS' })).get('allow'), 'INVITE')
    })

    it('does not lose an answer that comes at once to `await srf.request`', async () => {
      const app = await server.srf()
      const peer = await server.peer(transport)
      for (let i = 0; i < 20; i++) {
        const sending = app.request(to(peer.port), { method: 'OPTIONS' })
        const answering = peer.receive('OPTIONS').then((options) => peer.reply(options, 200, 'OK'))
        const [response] = await once(await sending, 'response')
        assert.equal(response.status, 200)
        await answering
      }
    })

    it('re-INVITEs, sends INFO and UPDATE inside a call, and takes them from the peer', async () => {
      const started = Promise.withResolvers<AppDialog>()
      const app = await server.srf({
        invite: async (req, res) => started.resolve(await app.createUAS(req, res, { localSdp: SDP })),
      })
      const caller = await server.peer(transport)
      caller.request('INVITE', { body: SDP })
      const answer = await caller.receive(200)
      caller.requestAsCaller('ACK', answer)
      const dialog = await started.promise

      // Ours: answered only after a 183, which once lost the 200 in the server this one stands in for.
      const modifying = dialog.modify(SDP.replace('40000', '40002'))
      const reinvite = await caller.receive('INVITE')
      assert.equal(reinvite.toTag, answer.fromTag)
      assert.match(reinvite.body, /40002/)
      caller.reply(reinvite, 183, 'Session Progress')
      caller.reply(reinvite, 200, 'OK', { body: SDP.replace('40000', '40004') })
      assert.match(await modifying, /40004/)
      assert.equal((await caller.receive('ACK')).cseq, reinvite.cseq)

      const informing = dialog.request({
        method: 'INFO',
        headers: { 'Content-Type': 'application/dtmf-relay' },
        body: 'Signal=1',
      })
      const info = await caller.receive('INFO')
      assert.equal(info.cseq, reinvite.cseq + 1)
      assert.equal(info.body, 'Signal=1')
      caller.reply(info, 200, 'OK')
      assert.equal((await informing).status, 200)

      const updating = dialog.request({ method: 'UPDATE' })
      caller.reply(await caller.receive('UPDATE'), 200, 'OK')
      assert.equal((await updating).status, 200)

      // Theirs.
      dialog.on('info', (_req: AppRequest, res: AppResponse) => res.send(200))
      caller.requestAsCaller('INFO', answer, { cseq: 2 })
      assert.equal((await caller.receive(200, { method: 'INFO' })).toTag, answer.toTag)
      caller.requestAsCaller('UPDATE', answer, { cseq: 3 })
      await caller.receive(200, { method: 'UPDATE' })
      dialog.on('modify', (_req: AppRequest, res: AppResponse) => res.send(200, { body: SDP }))
      caller.requestAsCaller('INVITE', answer, { cseq: 4, body: SDP.replace('40000', '40008') })
      const accepted = await caller.receive(200, { method: 'INVITE' })
      assert.equal(accepted.cseq, 4)
      const acknowledged = once(dialog, 'ack')
      caller.requestAsCaller('ACK', accepted)
      await acknowledged
      const ending = dialog.destroy()
      caller.reply(await caller.receive('BYE'), 200, 'OK')
      await ending
    })

    it('cancels a ringing call, on both legs, when the caller gives up', async () => {
      const callee = await server.peer(transport)
      const cancelled = Promise.withResolvers<void>()
      const app = await server.srf({
        invite: (req, res) => {
          req.on('cancel', () => cancelled.resolve())
          return app.createB2BUA(req, res, to(callee.port), { localSdpB: req.body }).catch(() => undefined)
        },
      })
      const caller = await server.peer(transport)
      const invite = caller.buildRequest('INVITE', { body: SDP })
      caller.send(invite)
      const outgoing = await callee.receive('INVITE')
      callee.reply(outgoing, 180, 'Ringing')
      await caller.receive(180)
      caller.send(asCancel(invite))
      assert.equal((await caller.receive(200)).cseqMethod, 'CANCEL')
      assert.equal((await caller.receive(487)).cseqMethod, 'INVITE')
      await cancelled.promise
      const cancel = await callee.receive('CANCEL')
      assert.equal(cancel.topVia!.branch, outgoing.topVia!.branch)
      assert.equal(cancel.cseq, outgoing.cseq)
      callee.reply(cancel, 200, 'OK')
      callee.reply(outgoing, 487, 'Request Terminated')
      await callee.receive('ACK')
      await eventually(async () => (await server.handle.stats()).dialogs === 0)
    })

    it('answers a digest challenge: same Call-ID and From tag, next CSeq', async () => {
      const app = await server.srf()
      const callee = await server.peer(transport)
      const placing = app.createUAC(to(callee.port), { localSdp: SDP, auth: { username: 'u', password: 'p' } })
      const first = await callee.receive('INVITE')
      callee.reply(first, 401, 'Unauthorized', {
        headers: ['WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'],
      })
      await callee.receive('ACK')
      const second = await callee.receive('INVITE')
      assert.equal(second.callId, first.callId)
      assert.equal(second.fromTag, first.fromTag)
      assert.equal(second.cseq, first.cseq + 1)
      assert.match(second.get('authorization')!, /response="[0-9a-f]{32}"/)
      callee.reply(second, 200, 'OK', { body: SDP })
      await placing
      await callee.receive('ACK')
    })
  })
}

/** The CANCEL of an INVITE as its sender writes it. */
function asCancel(invite: string): string {
  const [head] = invite.split('\r\n\r\n')
  return `${head!
    .replace(/^INVITE /, 'CANCEL ')
    .replace(/^CSeq: (\d+) INVITE/m, 'CSeq: $1 CANCEL')
    .replace(/^Content-Type: .*\r\n/m, '')
    .replace(/^Contact: .*\r\n/m, '')
    .replace(/^Content-Length: .*$/m, 'Content-Length: 0')}\r\n\r\n`
}
