import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  MediaUnavailable,
  UnacceptableMedia,
  type MediaServer,
  type MediaSession,
} from '../../../media/media-server.ts'
import type { RtpengineOptions } from '../../../media/rtpengine/engine-options.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { toneHeard } from '../conformance/tone-party.ts'
import { connect, logged, needs, type Call } from '../relay/relayed-call.ts'
import { audioPort, rtp, RtpParty } from '../relay/rtp-party.ts'
import { NgPeer } from './ng-peer.ts'

const QUICK = { pingIntervalMs: 200, queryIntervalMs: 300, requestTimeoutMs: 500 }

describe('rtpengine', function () {
  this.timeout(90_000)
  let caller: RtpParty
  let buyer: RtpParty
  const closing: (() => Promise<void>)[] = []

  before(function () {
    if (!rtpengineIsInstalled()) this.skip()
  })
  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })
  afterEach(async () => {
    for (const party of [caller, buyer]) party.close()
    for (const close of closing.splice(0).toReversed()) await close()
  })

  async function program(options: Parameters<typeof RtpengineProcess.start>[0] = {}): Promise<RtpengineProcess> {
    const one = await RtpengineProcess.start(options)
    closing.push(() => one.close())
    return one
  }

  async function server(
    programs: readonly { host: string; port: number; weight?: number }[],
    options: Partial<RtpengineOptions> = {},
  ): Promise<MediaServer> {
    const engines = programs.map(({ host, port, weight = 1 }) => ({ host, port, weight }))
    const one = await createRtpengine(needs, { engines, ...QUICK, ...options })
    closing.push(() => one.close())
    return one
  }

  const callerOffer = (): string => caller.describe()
  const newSession = (engine: MediaServer): Promise<MediaSession> =>
    engine.createSession({ callId: newId<CallId>(), callerOffer: callerOffer() })

  it('ends every call of an engine that is killed, closes them at once, and takes calls again when it is back', async () => {
    const one = await program()
    const engine = await server([one])
    const calls = await Promise.all(Array.from({ length: 20 }, () => connect(engine, { caller, buyer })))
    for (const { session } of calls) session.established()
    const failed = calls.map(({ session }) => once(session, 'failed', { signal: AbortSignal.timeout(20_000) }))
    await one.kill()
    for (const [reason] of await Promise.all(failed)) assert.match(String(reason), /is down/)
    assert.equal(engine.isUp, false)
    assert.ok(logged.includes('the rtpengine does not answer'))
    const startMs = performance.now()
    await Promise.all(calls.map(({ session }) => session.close()))
    await assert.rejects(newSession(engine), /no rtpengine answers/)
    assert.ok(performance.now() - startMs < 1000, 'nobody waits for the dead')
    assert.equal(engine.sessionCount, 0)
    await program({ port: one.port })
    await until(() => engine.isUp)
    const call = await connect(engine, { caller, buyer })
    const [heard] = await toneHeard(caller, call.callerSide, 400, [buyer])
    assert.deepEqual(heard, [400])
    await call.session.close()
  })

  it('notices an engine that is there and says nothing', async () => {
    const one = await program()
    const engine = await server([one])
    const { session } = await connect(engine, { caller, buyer })
    session.established()
    await one.freeze()
    await assert.rejects(session.offerToBuyer(null), MediaUnavailable) // It is believed to be up, and does not answer in time.
    await once(session, 'failed', { signal: AbortSignal.timeout(20_000) })
    await session.close()
    one.thaw()
    await until(() => engine.isUp)
  })

  it('ends a call that its engine has forgotten, having been started anew', async () => {
    const one = await program()
    const engine = await server([one], { pingIntervalMs: 5000 })
    const { session } = await connect(engine, { caller, buyer })
    session.established()
    const failed = once(session, 'failed', { signal: AbortSignal.timeout(20_000) })
    await one.kill()
    await program({ port: one.port })
    assert.match(String((await failed)[0]), /forgotten the call/)
    assert.equal(engine.isUp, true, 'no ping was missed')
    await session.close()
  })

  it('says failed to a bridge that comes too late to hear it', async () => {
    const one = await program()
    const engine = await server([one])
    const { session } = await connect(engine, { caller, buyer })
    await one.kill()
    await until(() => !engine.isUp)
    const failed = once(session, 'failed', { signal: AbortSignal.timeout(1000) })
    session.established()
    await failed
    await session.close()
  })

  it('shares calls out by weight, gives none to weight 0, and passes over one that is down or full', async () => {
    const heavy = await program({ rtpPorts: [24_000, 24_399] })
    const light = await program({ rtpPorts: [24_400, 24_799] })
    const drained = await program({ rtpPorts: [24_800, 24_899] })
    const engine = await server([
      { host: heavy.host, port: heavy.port, weight: 3 },
      light,
      { host: drained.host, port: drained.port, weight: 0 },
    ])
    const calls: Call[] = []
    for (let n = 0; n < 8; n++) calls.push(await connect(engine, { caller, buyer }))
    const shares = [24_000, 24_400, 24_800].map(
      (from) => calls.filter(({ callerSide }) => callerSide >= from && callerSide < from + 400).length,
    )
    assert.deepEqual(shares, [6, 2, 0])
    await heavy.kill()
    // Nobody has noticed yet: the call is passed on to the next all the same.
    const next = await connect(engine, { caller, buyer })
    assert.ok(next.callerSide >= 24_400 && next.callerSide < 24_800)
    await until(() => logged.includes('the rtpengine does not answer'))
    for (const { session } of [...calls, next]) await session.close()
    assert.equal(engine.isUp, true)
  })

  it('loses the calls of a killed one and no others, and takes new ones on the other at once', async () => {
    const one = await program({ rtpPorts: [24_000, 24_399] })
    const other = await program({ rtpPorts: [24_400, 24_799] })
    const engine = await server([one, other])
    const calls = await Promise.all(Array.from({ length: 10 }, () => connect(engine, { caller, buyer })))
    const failed = new Map<Call, string>()
    for (const call of calls) {
      call.session.established()
      call.session.on('failed', (reason) => failed.set(call, reason))
    }
    const doomed = calls.filter(({ callerSide }) => callerSide < 24_400)
    assert.equal(doomed.length, 5)
    await one.kill()
    const next = await connect(engine, { caller, buyer })
    assert.ok(next.callerSide >= 24_400, 'a new call does not wait for pings to be missed')
    await until(() => failed.size === doomed.length)
    for (const call of doomed) assert.match(failed.get(call)!, new RegExp(`${one.port} is down: .*nobody listens`))
    const left = calls.filter((call) => !failed.has(call))
    for (const { callerSide } of [left[0]!, left[4]!, next])
      assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]], 'the others go on')
    const startMs = performance.now()
    await Promise.all([...calls, next].map(({ session }) => session.close()))
    assert.ok(performance.now() - startMs < 1000, 'nobody waits for the dead')
    assert.equal(engine.sessionCount, 0)
  })

  it('answers that it is full when no ports are left, and gives all of them back', async () => {
    const one = await program({ rtpPorts: [24_900, 24_911] })
    const engine = await server([one])
    for (let round = 0; round < 3; round++) {
      const sessions: MediaSession[] = []
      await assert.rejects(async () => {
        for (let n = 0; n < 10; n++) {
          const session = await newSession(engine)
          sessions.push(session)
          await session.offerToBuyer(null)
        }
      }, MediaUnavailable)
      assert.ok(sessions.length >= 2, 'some fitted')
      for (const session of sessions) await session.close()
    }
  })

  it('goes on with none up, says so, and throws at once; options that cannot be are refused', async () => {
    const nobody = await RtpParty.open()
    const port = nobody.port
    nobody.close()
    const engine = await server([{ host: '127.0.0.1', port }])
    assert.equal(engine.isUp, false)
    await assert.rejects(newSession(engine), /no rtpengine answers/)
    await assert.rejects(createRtpengine(needs, { engines: [] }), RangeError)
    const twice = { host: '127.0.0.1', port, weight: 1 }
    await assert.rejects(createRtpengine(needs, { engines: [twice, twice] }), /given twice/)
    await assert.rejects(createRtpengine(needs, { engines: [twice], pingMisses: 0 }), /pingMisses/)
  })

  it('has nobody’s audio sent to where it takes its orders: it would read them in an RTP packet', async () => {
    const one = await program()
    const engine = await server([one])
    const order = Buffer.concat([rtp({ sequence: 1 }).subarray(0, 12), Buffer.from('x d7:command4:pinge')])
    const answer = caller.next()
    caller.send(order, one.port)
    assert.match(String((await answer).packet), /6:result4:pong/)
    const offer = callerOffer().replace(/^m=audio \d+/m, `m=audio ${one.port}`)
    const callId = newId<CallId>()
    await assert.rejects(engine.createSession({ callId, callerOffer: offer }), UnacceptableMedia)
    const session = await newSession(engine)
    await session.offerToBuyer(null)
    const there = buyer.describe().replace(/^m=audio \d+/m, `m=audio ${one.port}`)
    await assert.rejects(session.answerFromBuyer(there), UnacceptableMedia)
    await session.close()
  })

  it('lets no stranger speak once it has heard the party', async () => {
    const one = await program()
    const engine = await server([one])
    const { session, callerSide } = await connect(engine, { caller, buyer })
    const stranger = await RtpParty.open()
    assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]])
    assert.deepEqual(await toneHeard(stranger, callerSide, 900, [buyer]), [[]])
    stranger.close()
    await session.close()
  })

  it('hears a party behind NAT, and does not where latching is off', async () => {
    const one = await program()
    for (const latching of [true, false]) {
      const engine = await server([one], { latching })
      const session = await engine.createSession({
        callId: newId<CallId>(),
        callerOffer: caller.describe({ address: '192.0.2.1' }),
      })
      await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      assert.deepEqual(await toneHeard(caller, audioPort(answer), 400, [buyer]), [latching ? [400] : []])
      await session.close()
    }
  })

  it('does not hang on an rtpengine that answers nonsense', async () => {
    const replies: Record<string, object> = { ping: { result: 'pong' }, offer: { result: 'ok' } }
    const peer = await NgPeer.open(({ command, answer }) =>
      answer((replies[command] ?? { result: 'ok' }) as { result: string }),
    )
    closing.push(() => peer.close())
    const engine = await server([peer])
    const session = await newSession(engine)
    await assert.rejects(session.offerToBuyer(null), /has no description/)
    replies['offer'] = { result: 'ok', sdp: 'v=0\r\nm=video 1 x 0\r\n' }
    await assert.rejects(session.offerToBuyer(null), /description/)
    replies['offer'] = { result: 'load limit', message: 'Parallel session limit reached' }
    await assert.rejects(session.offerToBuyer(null), /Parallel session limit/)
    await session.close()
    await until(() => peer.count('delete') >= 3) // What it may have opened is given back.
  })
})

async function until(met: () => boolean): Promise<void> {
  const startMs = performance.now()
  while (!met()) {
    assert.ok(performance.now() - startMs < 20_000, 'it did not come about')
    await sleep(20)
  }
}
