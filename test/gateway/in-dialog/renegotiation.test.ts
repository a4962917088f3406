import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Renegotiation } from '../../../gateway/in-dialog/renegotiation.ts'
import type { SipDialog, SipRequest, SipResponse } from '../../../gateway/srf/srf-types.ts'
import type { MediaSession } from '../../../media/media-server.ts'
import type { LegSide } from '../../../model/call.ts'

class FakeDialog extends EventEmitter {
  readonly connected = true
  readonly local = { uri: 'sip:us@192.0.2.1', sdp: '' }
  readonly remote = { uri: 'sip:them@192.0.2.2', sdp: 'v=0' }
  offers = 0

  /** Always meets an offer of the other side's. */
  modify(): Promise<string> {
    this.offers++
    return Promise.reject(Object.assign(new Error('glare'), { status: 491 }))
  }
}

function renegotiation() {
  const dialogs: Record<LegSide, FakeDialog> = { caller: new FakeDialog(), buyer: new FakeDialog() }
  const media = { offerTo: () => Promise.resolve('v=0 offer') } as unknown as MediaSession
  const exchange = new Renegotiation(
    media,
    (side) => dialogs[side] as unknown as SipDialog,
    0,
    () => undefined,
  )
  return { exchange, dialogs }
}

/** What a request is answered with. */
function answered(handle: (req: SipRequest, res: SipResponse) => unknown): number[] {
  const statuses: number[] = []
  const res = { send: (status: number) => void statuses.push(status) }
  handle({ method: 'INVITE', body: '', get: () => undefined } as unknown as SipRequest, res as unknown as SipResponse)
  return statuses
}

describe('the offers of a call that is over', () => {
  it('are not made again after a 491, nor waited with', async () => {
    const { exchange, dialogs } = renegotiation()
    const offering = exchange.offerAgain('buyer')
    await new Promise(setImmediate)
    assert.equal(dialogs.buyer.offers, 1)
    exchange.end()
    assert.equal(await offering, false)
    assert.equal(dialogs.buyer.offers, 1)
  })

  it('are not answered any more by an ACK, and get 481', async () => {
    const { exchange, dialogs } = renegotiation()
    assert.deepEqual(
      answered((req, res) => exchange.handle('buyer', req, res)),
      [],
    )
    await new Promise(setImmediate)
    assert.equal(dialogs.buyer.listenerCount('ack'), 1)
    exchange.end()
    assert.equal(dialogs.buyer.listenerCount('ack'), 0)
    assert.deepEqual(
      answered((req, res) => exchange.handle('buyer', req, res)),
      [481],
    )
  })

  it('do not begin to wait for an ACK when the call has ended meanwhile', async () => {
    const { exchange, dialogs } = renegotiation()
    const statuses = answered((req, res) => exchange.handle('buyer', req, res))
    exchange.end()
    await new Promise(setImmediate)
    assert.deepEqual(statuses, [200])
    assert.equal(dialogs.buyer.listenerCount('ack'), 0)
  })
})
