import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Signaling } from '../../gateway/srf.ts'
import type { SipDialog, SipRequest, SipResponse } from '../../gateway/srf.ts'
import { boundTo } from '../../gateway/sip-server/transport.ts'
import { SDP } from '../support/sip-peer.ts'
import { eventually, TestServer } from '../support/sip-server.ts'

const quiet = { info: () => undefined, warn: () => undefined }

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
        return dialog.on('modify', (...args: [SipRequest, SipResponse]) => modified.resolve(args))
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
})
