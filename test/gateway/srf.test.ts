import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { releaseRequests } from '../../gateway/in-dialog/held-requests.ts'
import { relayableStatus, Signaling } from '../../gateway/srf.ts'
import type { SipDialog, SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import { boundTo } from '../../gateway/sip-server/transport.ts'
import { SDP } from '../support/sip-peer.ts'
import { eventually, TestServer } from '../support/sip-server.ts'

/** What drachtio-srf keeps for a provisional answer that is to be acknowledged. */
interface Answering {
  readonly agent: {
    readonly mapServer: ReadonlyMap<Socket, { readonly pendingAckOrPrack: ReadonlyMap<string, unknown> }>
  }
  readonly socket: Socket
}

const quiet = { info: () => undefined, warn: () => undefined }

/** A way to a server's control port that can be cut. */
async function lineTo(server: TestServer): Promise<{ port: number; cut: () => void }> {
  const ends = new Set<Socket>()
  const line = createServer((near) => {
    const far = connect(server.handle.controlPort, '127.0.0.1')
    for (const end of [near, far]) {
      ends.add(end)
      end.on('error', () => undefined)
    }
    near.pipe(far)
    far.pipe(near)
  })
  line.listen(0, '127.0.0.1')
  await once(line, 'listening')
  const cut = (): void => {
    line.close()
    for (const end of ends) end.destroy()
  }
  return { port: boundTo(line).port, cut }
}

describe('a status from outside', () => {
  it('is passed on when it is known, the younger ones too, and else as x00 or 183', () => {
    const passed = [180, 199, 189, 440, 469, 486, 555, 607, 608, 499, 599, 699].map(relayableStatus)
    assert.deepEqual(passed, [180, 183, 183, 440, 469, 486, 555, 607, 608, 400, 500, 600])
  })
})

describe('the drachtio connection', () => {
  it('hands over a re-INVITE that was read in one piece with our answer’s echo', async () => {
    const server = await TestServer.start()
    // Between server and application, a line that can be stopped: what waits in it arrives at once.
    let isStopped = false
    let waiting: Buffer[] = []
    let release = (): void => undefined
    const line = createServer((application) => {
      const far = connect(server.handle.controlPort, '127.0.0.1')
      far.on('data', (chunk) => (isStopped ? waiting.push(chunk) : application.write(chunk)))
      application.on('data', (chunk) => far.write(chunk))
      for (const end of [far, application]) end.on('error', () => undefined)
      application.on('close', () => far.destroy())
      release = () => {
        isStopped = false
        application.write(Buffer.concat(waiting))
        waiting = []
      }
    })
    line.listen(0, '127.0.0.1')
    await once(line, 'listening')
    const signaling = new Signaling({
      host: '127.0.0.1',
      port: boundTo(line).port,
      secret: 'cymru',
      connectTimeoutMs: 5_000,
      log: quiet,
    })
    const modified = Promise.withResolvers<[SipRequest, SipResponse]>()
    signaling.onInvite((req: SipRequest, res: SipResponse) => {
      isStopped = true
      const answer = async (): Promise<SipDialog> => {
        const dialog = await signaling.createUAS(req, res, { localSdp: SDP })
        dialog.on('modify', (...args: [SipRequest, SipResponse]) => modified.resolve(args))
        releaseRequests(dialog)
        return dialog
      }
      answer().catch(modified.reject)
    })
    await signaling.connect()
    await eventually(async () => (await server.handle.stats()).routes.includes('invite'))
    const caller = await server.peer()
    caller.request('INVITE', { body: SDP })
    const ok = await caller.receive(200)
    caller.requestAsCaller('ACK', ok)
    caller.requestAsCaller('INVITE', ok, { body: SDP })
    await caller.receive(100, { method: 'INVITE' })
    await eventually(() => Buffer.concat(waiting).includes('\r\nCSeq: 2 INVITE'))
    release()
    const [, res] = await modified.promise
    res.send(488)
    assert.equal((await caller.receive(488)).cseq, 2)
    signaling.close()
    line.close()
    await server.close()
  })

  it('fails what waits for an answer when the connection is lost, and can be closed without one', async () => {
    const server = await TestServer.start()
    const { port, cut } = await lineTo(server)
    const signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5_000, log: quiet })
    await signaling.connect()
    const callee = await server.peer()
    const uri = `sip:callee@127.0.0.1:${callee.port}`
    const sent = Promise.withResolvers<void>()
    const progress = { cbRequest: () => sent.resolve(), cbProvisional: () => undefined }
    let losses = 0
    signaling.onLost(() => losses++)
    const placing = signaling.createUAC(uri, { localSdp: SDP, headers: {} }, progress)
    const asking = signaling.request(uri, { method: 'OPTIONS', headers: {} })
    callee.reply(await callee.receive('INVITE'), 180, 'Ringing')
    await callee.receive('OPTIONS')
    await sent.promise
    cut()
    const lost = { message: 'the connection to the SIP server was lost', status: 503 }
    await Promise.all([assert.rejects(placing, lost), assert.rejects(asking, lost)])
    await eventually(() => !signaling.connected)
    assert.equal(losses, 1)
    await assert.rejects(signaling.createUAC(uri, { localSdp: SDP, headers: {} }, progress), lost)
    await assert.rejects(signaling.ask(uri, { method: 'OPTIONS', headers: {} }), lost)
    signaling.close()
    await server.close()
  })

  it('forgets a dialog whose BYE was on its way when the connection was lost', async () => {
    const server = await TestServer.start()
    const { port, cut } = await lineTo(server)
    const signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5_000, log: quiet })
    await signaling.connect()
    const callee = await server.peer()
    const progress = { cbRequest: () => undefined, cbProvisional: () => undefined }
    const options = { localSdp: SDP, headers: {} }
    const placing = signaling.createUAC(`sip:callee@127.0.0.1:${callee.port}`, options, progress)
    callee.reply(await callee.receive('INVITE'), 200, 'OK', { body: SDP })
    const dialog = await placing
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion, no-underscore-dangle -- drachtio-srf's own.
    const kept = (dialog as unknown as { srf: { _dialogs: ReadonlyMap<string, unknown> } }).srf._dialogs
    assert.equal(kept.size, 1)
    const leaving = dialog.destroy()
    await callee.receive('BYE')
    cut()
    await assert.rejects(leaving, { status: 503 })
    assert.equal(kept.size, 0)
    signaling.close()
    await server.close()
  })

  it('waits for no PRACK of a call that was given up or refused', async () => {
    const server = await TestServer.start()
    const { controlPort: port } = server.handle
    const signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5_000, log: quiet })
    const legs: { leg: CallerLeg; res: Answering }[] = []
    signaling.onInvite((req, res) => {
      const leg = new CallerLeg(signaling, req, res)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- drachtio-srf's own.
      legs.push({ leg, res: res as unknown as Answering })
      leg.ringing(180, 'Ringing', null)
    })
    await signaling.connect()
    await eventually(async () => (await server.handle.stats()).routes.includes('invite'))
    for (const end of ['cancel', 'refuse', 'refuse at once']) {
      const caller = await server.peer()
      const options = { branch: `z9hG4bK${end.length}`, callId: end.replaceAll(' ', '-'), fromTag: 'a' }
      caller.request('INVITE', { ...options, headers: ['Require: 100rel'], body: SDP })
      await eventually(() => legs.length === 1)
      const { leg, res } = legs.pop()!
      const waiting = (): number => res.agent.mapServer.get(res.socket)!.pendingAckOrPrack.size
      if (end !== 'refuse at once') {
        await caller.receive(180)
        await eventually(() => waiting() === 1)
      }
      if (end === 'cancel') caller.request('CANCEL', options)
      else leg.refuse(480, undefined, {})
      await caller.receive(end === 'cancel' ? 487 : 480)
      await eventually(() => waiting() === 0)
    }
    signaling.close()
    await server.close()
  })

  it('can be closed in the middle of a frame', async () => {
    const server = await TestServer.start()
    let isHalving = false
    let rest: (() => boolean) | null = null
    const line = createServer((near) => {
      const far = connect(server.handle.controlPort, '127.0.0.1')
      for (const end of [near, far]) end.on('error', () => undefined)
      near.pipe(far)
      far.on('data', (chunk) => {
        if (!isHalving) return near.write(chunk)
        near.write(chunk.subarray(0, chunk.length - 40))
        rest = () => near.write(Buffer.concat([chunk.subarray(chunk.length - 40), Buffer.from('4#next')]))
      })
      near.on('close', () => far.destroy())
    })
    line.listen(0, '127.0.0.1')
    await once(line, 'listening')
    const { port } = boundTo(line)
    const signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5_000, log: quiet })
    const invited = Promise.withResolvers<void>()
    signaling.onInvite((_req, res) => {
      isHalving = true // The echo of this 180 will come in two pieces.
      res.send(180)
      invited.resolve()
    })
    await signaling.connect()
    await eventually(async () => (await server.handle.stats()).routes.includes('invite'))
    const caller = await server.peer()
    caller.request('INVITE', { body: SDP })
    await invited.promise
    await eventually(() => rest !== null)
    await new Promise((resolve) => setTimeout(resolve, 20)) // The first piece is read.
    signaling.close()
    rest!()
    await new Promise((resolve) => setTimeout(resolve, 50)) // Whatever is thrown is thrown by now.
    line.close()
    await server.close()
  })
})
