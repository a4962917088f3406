import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Bridge } from '../../gateway/bridge.ts'
import { holdRequests } from '../../gateway/in-dialog/held-requests.ts'
import type { CallerLeg } from '../../gateway/caller-leg.ts'
import type { Leg } from '../../gateway/leg.ts'
import type { MediaSession } from '../../media/media-server.ts'

/** One side's dialog, and the headers of the BYE it was sent. */
class FakeLeg extends EventEmitter {
  readonly dialog = this
  readonly connected = true
  readonly local = { uri: 'sip:us@192.0.2.1', sdp: '' }
  readonly remote = { uri: 'sip:them@192.0.2.2', sdp: '' }
  offer: string | null = 'v=0'
  readonly sourceAddress = '192.0.2.2'
  leg(): this {
    return this
  }
  readonly byes: Record<string, string>[] = []
  hangUp(headers: Record<string, string> = {}): Promise<void> {
    this.byes.push(headers)
    return Promise.resolve()
  }
}

function bridged(
  offer: string | null = 'v=0',
  caller = new FakeLeg(),
  buyer = new FakeLeg(),
  callerSaid: string | null = null,
) {
  caller.offer = offer
  const media = Object.assign(new EventEmitter(), {
    tools: null,
    established: () => {},
    answerFrom: () => Promise.resolve(),
  })
  const bridge = new Bridge({
    caller: caller as unknown as CallerLeg,
    buyer: buyer as unknown as Leg,
    media: media as unknown as MediaSession,
    longest: { ms: 60_000, reason: 'max_duration' },
    holdMusic: null,
    note: () => {},
    sessionExpiresS: 0,
    monotonicMs: () => 7,
    callerSaid,
  })
  return { bridge, caller, buyer, media }
}

const bye = (reason?: string) => ({ get: () => reason })

describe('a bridge', () => {
  it('ends with both legs when the session of one expires', async () => {
    const { bridge, caller, buyer } = bridged()
    buyer.emit('destroy', bye('SIP;cause=200;text="Session timer expired"'), 'Session timer expired')
    assert.deepEqual(await bridge.ended, { reason: 'session_expired', hungUpBy: 'exchange', atMonotonicMs: 7 })
    assert.equal(caller.byes.length, 1)
  })

  for (const [kind, reason, cause] of [
    ['lost', 'media_failed', 503],
    ['insecure', 'media_insecure', 488],
    [undefined, 'media_failed', 503],
  ] as const) {
    it(`ends as ${reason} when its audio has failed${kind ? ` (${kind})` : ''}, and tells both sides`, async () => {
      const { bridge, caller, buyer, media } = bridged()
      media.emit('failed', 'the engine is gone', kind)
      assert.deepEqual(await bridge.ended, { reason, hungUpBy: 'exchange', atMonotonicMs: 7 })
      const said = { Reason: `SIP;cause=${cause};text="${reason.replace('_', ' ')}"` }
      assert.deepEqual([caller.byes, buyer.byes], [[said], [said]])
    })
  }

  it('may be up for as long as it was said last', async () => {
    const { bridge, buyer } = bridged()
    bridge.endAfter({ ms: 1, reason: 'max_billable_duration' })
    assert.equal((await bridge.ended).reason, 'max_billable_duration')
    bridge.endAfter({ ms: 1, reason: 'max_duration' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(buyer.byes, [{ Reason: 'SIP;cause=200;text="max billable duration"' }])
  })

  it('tells each side why the other hung up, as far as it may be told', async () => {
    const { bridge, caller, buyer } = bridged()
    caller.emit('destroy', bye('Q.850;cause=16;text="bye";node=10.0.0.1'), 'normal release')
    assert.equal((await bridge.ended).reason, 'caller_hung_up')
    assert.deepEqual(buyer.byes, [{ Reason: 'Q.850;cause=16;text="bye"' }])
  })

  it('keeps what a buyer asks for until the caller has acknowledged our 200', () => {
    const [caller, buyer] = [new FakeLeg(), new FakeLeg()]
    const handled: string[] = []
    const handling = Object.assign(buyer, { handle: (req: { method: string }) => void handled.push(req.method) })
    holdRequests(buyer)
    handling.handle({ method: 'INVITE' })
    bridged('v=0', caller, buyer)
    handling.handle({ method: 'INFO' })
    assert.deepEqual(handled, [])
    caller.emit('ack', { body: '' })
    assert.deepEqual(handled, ['INVITE', 'INFO'])
  })

  it('is agreed once a caller who left the offer to us has answered it', async () => {
    const { bridge, caller } = bridged(null)
    assert.equal(bridge.isAgreed, false)
    caller.emit('ack', { body: 'v=0' })
    await new Promise(setImmediate)
    assert.equal(bridge.isAgreed, true)
    assert.equal(bridged().bridge.isAgreed, true)
  })

  it('has been acknowledged, and is agreed, where its caller was answered before', async () => {
    const [caller, buyer] = [new FakeLeg(), new FakeLeg()]
    const handled: string[] = []
    const handling = Object.assign(buyer, { handle: (req: { method: string }) => void handled.push(req.method) })
    holdRequests(buyer)
    handling.handle({ method: 'INFO' })
    const { bridge } = bridged(null, caller, buyer, 'v=0 moved')
    assert.deepEqual([bridge.isAcknowledged, bridge.isAgreed, handled], [true, true, ['INFO']])
    const answers: [number, string | undefined][] = []
    caller.local.sdp = 'v=0 ours'
    // What it has said last is no news: the session is refreshed.
    const res = { send: (status: number, { body }: { body?: string }) => void answers.push([status, body]) }
    caller.emit('modify', { method: 'INVITE', body: 'v=0 moved', get: () => undefined }, res)
    assert.deepEqual(answers, [[200, 'v=0 ours']])
    bridge.hangUp('operator_hung_up', 'operator')
    await bridge.ended
  })

  it('holds a leaving side’s place, and ends when nobody takes it', async () => {
    const { bridge, caller, buyer } = bridged()
    const giveUp = bridge.holdPlace('buyer')
    buyer.emit('destroy', bye(), 'normal release')
    assert.deepEqual([bridge.isEnded, caller.byes.length], [false, 0])
    giveUp()
    assert.equal((await bridge.ended).reason, 'buyer_hung_up')
    assert.equal(caller.byes.length, 1)
  })

  it('declines transfers nobody asked to hear of, and says 481 to a leg that is not in it any more', async () => {
    const { bridge, buyer } = bridged()
    const statuses: number[] = []
    const response = { send: (status: number) => void statuses.push(status) }
    buyer.emit('refer', {}, response)
    bridge.replace('buyer', new FakeLeg() as unknown as Leg, 'v=0')
    buyer.emit('modify', {}, response)
    assert.deepEqual(statuses, [603, 481])
    buyer.emit('destroy', bye(), 'normal release')
    assert.equal(bridge.isEnded, false)
    bridge.hangUp('operator_hung_up', 'operator')
    await bridge.ended
  })
})
