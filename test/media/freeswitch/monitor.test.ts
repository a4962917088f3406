import assert from 'node:assert/strict'
import type { FreeSwitchSession } from '../../../media/freeswitch/freeswitch-session.ts'
import { MediaUnavailable, UnacceptableMedia } from '../../../media/media-server.ts'
import { readDescription } from '../../../media/sdp-reading.ts'
import type { CallId } from '../../../model/ids.ts'
import type { Channel } from '../../support/freeswitch/channel.ts'
import { FreeSwitchStage } from '../../support/freeswitch/freeswitch-stage.ts'
import type { ScriptedFreeSwitch } from '../../support/freeswitch/scripted-freeswitch.ts'
import { eventually } from '../../support/sip-server.ts'
import { description } from './descriptions.ts'

describe('Monitoring a call over FreeSWITCH', () => {
  let stage: FreeSwitchStage
  let freeswitch: ScriptedFreeSwitch
  let session: FreeSwitchSession
  let buyer: Channel

  beforeEach(async () => {
    stage = await FreeSwitchStage.open()
    freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch])
    session = await engine.createSession({ callId: 'call' as CallId, callerOffer: description(40_000) })
    await session.offerToBuyer(null)
    await session.answerFromBuyer(description(40_002))
    session.established()
    buyer = freeswitch.channels[1]!
  })
  afterEach(() => stage.close())

  it('runs eavesdrop on the buyer’s channel once the monitor has answered, deaf to keys, the bridge untouched', async () => {
    const monitor = await session.monitor('whisper')
    const listener = freeswitch.channels[2]!
    assert.equal(readDescription(monitor.offer).audio.direction, 'sendrecv')
    assert.equal(listener.eavesdrop, null)
    await monitor.answered(description(40_030))
    await eventually(() => listener.eavesdrop !== null)
    assert.equal(listener.eavesdrop!.on, buyer)
    const set = ['eavesdrop_enable_dtmf', 'eavesdrop_whisper_bleg', 'eavesdrop_whisper_aleg']
    assert.deepEqual(
      set.map((name) => listener.variables.get(name)),
      ['false', 'true', 'false'],
    )
    assert.equal(buyer.bridgedTo, freeswitch.channels[0])
  })

  it('changes what may be said in mid call', async () => {
    const monitor = await session.monitor('listen')
    await monitor.setMode('barge')
    assert.equal(monitor.mode, 'barge')
    await monitor.answered(description(40_030))
    const listener = freeswitch.channels[2]!
    await eventually(() => listener.eavesdrop !== null)
    assert.equal(listener.variables.get('eavesdrop_whisper_aleg'), 'true')
    for (const [mode, command] of [
      ['listen', '0'],
      ['whisper', '2'],
      ['barge', '3'],
    ] as const) {
      await monitor.setMode(mode)
      assert.equal(listener.eavesdrop!.command, command)
    }
  })

  it('answers a hold of the monitor’s phone', async () => {
    const monitor = await session.monitor('listen')
    await monitor.answered(description(40_030))
    assert.equal(readDescription(await monitor.renew(description(40_032, ['a=sendonly']))).audio.direction, 'recvonly')
    assert.equal(readDescription(freeswitch.channels[2]!.remoteSdp).audio.rtpPort, 40_032)
    await assert.rejects(monitor.renew('hello'), UnacceptableMedia)
  })

  it('hears whoever takes the buyer’s place', async () => {
    const monitor = await session.monitor('listen')
    await monitor.answered(description(40_030))
    const listener = freeswitch.channels[2]!
    await eventually(() => listener.eavesdrop?.on === buyer)
    await session.offerReplacement('buyer')
    await session.takeReplacement(description(40_040))
    const newcomer = freeswitch.channels[3]!
    await eventually(() => listener.eavesdrop?.on === newcomer)
    await session.close()
    assert.equal(await monitor.ended, 'call_ended')
    assert.equal(freeswitch.live.length, 0)
  })

  it('ends when its phone’s channel does, and the call goes on', async () => {
    const monitor = await session.monitor('listen')
    await monitor.answered(description(40_030))
    const listener = freeswitch.channels[2]!
    await eventually(() => listener.eavesdrop !== null)
    listener.end('MEDIA_TIMEOUT')
    assert.equal(await monitor.ended, 'MEDIA_TIMEOUT')
    await assert.rejects(monitor.setMode('barge'), MediaUnavailable)
    assert.equal(freeswitch.live.length, 2)
  })

  it('ends when FreeSWITCH dies', async () => {
    const monitor = await session.monitor('listen')
    await monitor.answered(description(40_030))
    await freeswitch.die()
    assert.match(await monitor.ended, /call_ended|FreeSWITCH/)
  })

  it('is refused a fourth time, and where there is no buyer yet', async () => {
    const monitors = await Promise.all([1, 2, 3].map(() => session.monitor('listen')))
    await assert.rejects(session.monitor('listen'), /3 monitor this call already/)
    await monitors[0]!.close()
    await session.monitor('listen')
    const engine = await stage.engine([freeswitch])
    const early = await engine.createSession({ callId: 'early' as CallId, callerOffer: description(40_000) })
    await assert.rejects(early.monitor('listen'), /the buyer has no channel yet/)
  })
})
