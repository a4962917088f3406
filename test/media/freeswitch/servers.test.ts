import assert from 'node:assert/strict'
import { createFreeSwitch, type FreeSwitch } from '../../../media/freeswitch/freeswitch.ts'
import { readPlace } from '../../../media/freeswitch/freeswitch-options.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import type { CallId } from '../../../model/ids.ts'
import { FreeSwitchStage } from '../../support/freeswitch/freeswitch-stage.ts'
import { eventually } from '../../support/sip-server.ts'
import { description } from './descriptions.ts'

const request = { callId: 'call' as CallId, callerOffer: description(40_000) }

describe('The FreeSWITCH engine', () => {
  let stage: FreeSwitchStage

  beforeEach(async () => {
    stage = await FreeSwitchStage.open()
  })
  afterEach(() => stage.close())

  async function refusal(starting: Promise<FreeSwitch>): Promise<string> {
    const error: unknown = await starting.then(
      () => null,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof MediaUnavailable, String(error))
    return error.message
  }

  it('says at the start that the password is wrong', async () => {
    const freeswitch = await stage.freeswitch({ password: 'another' })
    assert.match(await refusal(stage.engine([freeswitch])), /refuses the password of its event socket/)
    await eventually(() => freeswitch.sockets.size === 0)
  })

  it('says at the start that the profile is missing', async () => {
    const freeswitch = await stage.freeswitch({ profile: 'internal' })
    assert.match(await refusal(stage.engine([freeswitch])), /no running sofia profile named drachtio_mrf/)
    await eventually(() => freeswitch.sockets.size === 0)
  })

  it('says at the start that nobody listens, and that it may not connect', async () => {
    const gone = await stage.freeswitch()
    const { port } = gone
    await gone.die()
    const options = { servers: [`127.0.0.1:${port}`], secret: 'x', owner: 'test', connectTimeoutMs: 50 }
    assert.match(await refusal(createFreeSwitch(stage.needs, options)), /cannot be reached: .*ECONNREFUSED/)
    const rude = await stage.freeswitch({ isRude: true })
    assert.match(await refusal(stage.engine([rude])), /apply-inbound-acl/)
  })

  it('says at the start that FreeSWITCH could not connect back', async () => {
    const freeswitch = await stage.freeswitch()
    assert.match(
      await refusal(stage.engine([freeswitch], { listenAddress: '192.0.2.1' })),
      /cannot listen on 192\.0\.2\.1/,
    )
  })

  it('says at the start that FreeSWITCH does not answer', async () => {
    const freeswitch = await stage.freeswitch()
    freeswitch.habits.silentTo.add('sofia')
    assert.match(await refusal(stage.engine([freeswitch], { commandTimeoutMs: 100 })), /did not answer sofia within/)
  })

  it('waits at the start for a FreeSWITCH that comes up late', async () => {
    const early = await stage.freeswitch()
    const { port } = early
    await early.die()
    const starting = stage.engine([{ port } as typeof early], { connectTimeoutMs: 5000 })
    await stage.freeswitch({ port })
    assert.ok((await starting).isUp)
  })

  it('is down while FreeSWITCH is, and back by itself', async () => {
    const first = await stage.freeswitch()
    const { port } = first
    const engine = await stage.engine([first])
    await first.die()
    await eventually(() => !engine.isUp)
    await assert.rejects(engine.createSession(request), /no FreeSWITCH can be reached/)
    await eventually(() => stage.logged.some((line) => line.includes('ECONNREFUSED')))
    await new Promise((resolve) => void setTimeout(resolve, 250)) // Several attempts.
    const second = await stage.freeswitch({ port })
    await eventually(() => engine.isUp)
    await engine.createSession(request)
    assert.equal(second.live.length, 1)
    assert.equal(stage.logged.filter((line) => line.includes('ECONNREFUSED')).length, 1, stage.logged.join('\n'))
  })

  it('is back though the next FreeSWITCH has no profile at first', async () => {
    const first = await stage.freeswitch()
    const { port } = first
    const engine = await stage.engine([first])
    await first.die()
    const second = await stage.freeswitch({ port, profile: 'other' })
    await eventually(() => stage.logged.some((line) => line.includes('no running sofia profile')))
    await second.die()
    await stage.freeswitch({ port })
    await eventually(() => engine.isUp)
  })

  it('keeps its calls when only the event socket is lost', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch])
    const session = await engine.createSession(request)
    await session.offerToBuyer(null)
    freeswitch.dropEventSocket()
    await eventually(() => stage.logged.some((line) => line.includes('is back')))
    assert.equal(freeswitch.live.length, 2)
    await session.answerFromBuyer(description(40_002))
    assert.equal(freeswitch.live[0]!.bridgedTo, freeswitch.live[1])
  })

  it('notices a FreeSWITCH that is connected and says nothing', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch], { healthEveryMs: 50, commandTimeoutMs: 500 })
    freeswitch.habits.silentTo.add('status').add('sofia')
    await eventually(() => !engine.isUp)
    freeswitch.habits.silentTo.clear()
    await eventually(() => engine.isUp)
  })

  it('ends at its start the channels an earlier run left, and nobody else’s', async () => {
    const freeswitch = await stage.freeswitch()
    const crashed = await stage.engine([freeswitch])
    const neighbour = await stage.engine([freeswitch], { owner: 'neighbour' })
    await crashed.createSession(request)
    await neighbour.createSession(request)
    await stage.engine([freeswitch])
    assert.deepEqual(
      freeswitch.live.map(({ variables }) => variables.get('sip_h_X-DCE-Owner')),
      ['neighbour'],
    )
  })

  it('gives a server calls by its weight, and none beyond its limit', async () => {
    const small = await stage.freeswitch()
    const large = await stage.freeswitch()
    const servers = [`127.0.0.1:${small.port}`, `127.0.0.1:${large.port};weight=2`]
    const engine = await stage.engine([], { servers, maxSessions: 2 })
    for (let calls = 0; calls < 3; calls++) await engine.createSession(request)
    assert.deepEqual([small.live.length, large.live.length], [1, 2])
    const last = await engine.createSession(request)
    assert.equal(small.live.length, 2)
    await assert.rejects(engine.createSession(request), /has its 2 calls \(max_sessions\)/)
    await last.close()
    await engine.createSession(request)
    assert.equal(engine.sessionCount, 4)
  })

  it('goes on with the servers it has', async () => {
    const bad = await stage.freeswitch({ password: 'another' })
    const good = await stage.freeswitch()
    const engine = await stage.engine([bad, good])
    assert.ok(engine.isUp)
    assert.ok(stage.logged.some((line) => line.includes('left out')))
    await engine.createSession(request)
    assert.equal(good.live.length, 1)
  })

  it('ends its calls when it is closed', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch])
    await engine.createSession(request)
    await engine.close()
    assert.equal(freeswitch.live.length, 0)
    assert.ok(!engine.isUp)
    await assert.rejects(engine.createSession(request), MediaUnavailable)
  })

  it('refuses options it cannot use, by name', async () => {
    const good = { servers: ['127.0.0.1'], secret: 'x', owner: 'test' }
    for (const [bad, name] of [
      [{ servers: [] }, /servers/],
      [{ secret: '' }, /secret/],
      [{ secret: 'a\nb' }, /secret/],
      [{ profile: 'a.*' }, /profile/],
      [{ promptsDir: '/a ${b}' }, /promptsDir/],
      [{ listenAddress: '0.0.0.0' }, /listenAddress/],
    ] as const)
      await assert.rejects(createFreeSwitch(stage.needs, { ...good, ...bad }), name)
    assert.deepEqual(readPlace('fs.example'), { host: 'fs.example', port: 8021, weight: 1 })
    assert.deepEqual(readPlace('192.0.2.7:8022;weight=3'), { host: '192.0.2.7', port: 8022, weight: 3 })
    for (const text of ['', ':8021', 'a:0', 'a:70000', 'a;weight=0', 'a b'])
      assert.throws(() => readPlace(text), RangeError, text)
  })
})
