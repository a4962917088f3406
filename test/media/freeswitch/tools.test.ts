import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { FreeSwitchSession } from '../../../media/freeswitch/freeswitch-session.ts'
import { UnsafeText } from '../../../media/freeswitch/event-socket-text.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import type { CallId } from '../../../model/ids.ts'
import type { Channel } from '../../support/freeswitch/channel.ts'
import { FreeSwitchStage } from '../../support/freeswitch/freeswitch-stage.ts'
import type { ScriptedFreeSwitch } from '../../support/freeswitch/scripted-freeswitch.ts'
import { eventually } from '../../support/sip-server.ts'
import { description } from './descriptions.ts'

describe('The audio tools of FreeSWITCH', () => {
  let stage: FreeSwitchStage
  let freeswitch: ScriptedFreeSwitch
  let session: FreeSwitchSession
  let caller: Channel
  let buyer: Channel

  beforeEach(async () => {
    stage = await FreeSwitchStage.open()
    freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch], { promptsDir: '/prompts', recordingsDir: '/recordings' })
    session = await engine.createSession({ callId: 'call' as CallId, callerOffer: description(40_000) })
    await session.offerToBuyer(null)
    await session.answerFromBuyer(description(40_002))
    session.established()
    ;[caller, buyer] = freeswitch.channels as [Channel, Channel]
  })
  afterEach(() => stage.close())

  const digits = { max: 3, firstMs: 200, betweenMs: 100, terminators: '#' }

  it('play a file to one side, which hears the other again afterwards', async () => {
    freeswitch.habits.playMs = 60
    const played = session.tools.play('buyer', { kind: 'file', name: 'whisper' })
    await eventually(() => buyer.executed.length === 1)
    assert.equal(buyer.executed[0], 'playback /prompts/whisper.wav')
    assert.equal(caller.bridgedTo, null)
    await played
    assert.equal(caller.bridgedTo, buyer)
    assert.deepEqual(caller.executed, [])
  })

  it('join the two only when the last of two prompts has ended', async () => {
    freeswitch.habits.playMs = 60
    const first = session.tools.play('buyer', { kind: 'silence', ms: 60 })
    await eventually(() => buyer.executed.length === 1)
    const second = session.tools.play('caller', { kind: 'tone', hertz: [440, 480], onMs: 2000, offMs: 4000 })
    await first
    assert.equal(caller.bridgedTo, null)
    await second
    assert.equal(caller.bridgedTo, buyer)
    assert.deepEqual(caller.executed, ['playback tone_stream://%(2000,4000,440,480)'])
  })

  it('repeat until stopped, and stop at once', async () => {
    freeswitch.habits.playMs = 20
    const stop = new AbortController()
    const played = session.tools.play('caller', { kind: 'file', name: 'hold' }, { repeat: true, signal: stop.signal })
    await eventually(() => caller.executed.length >= 3)
    freeswitch.habits.playMs = 60_000
    await eventually(() => caller.executed.length >= 4)
    stop.abort()
    await played
    assert.ok(freeswitch.commands.includes(`uuid_break ${caller.uuid} all`))
    assert.equal(caller.bridgedTo, buyer)
  })

  it('say that a prompt is not there', async () => {
    await assert.rejects(session.tools.play('caller', { kind: 'file', name: 'missing' }), /File Not Found/)
    assert.equal(caller.bridgedTo, buyer)
  })

  it('end a play whose channel goes, which fsmrf would leave for ever', async () => {
    freeswitch.habits.silentTo.add('playback')
    const played = session.tools.play('caller', { kind: 'file', name: 'welcome' })
    const refused = assert.rejects(played, MediaUnavailable)
    await eventually(() => caller.executed.length === 1)
    await session.close()
    await refused
    await assert.rejects(session.tools.play('caller', { kind: 'file', name: 'welcome' }), MediaUnavailable)
  })

  it('collect digits from the channel and from SIP INFO', async () => {
    const collected = session.tools.collectDigits('caller', digits)
    caller.dial('1')
    buyer.dial('9')
    await eventually(async () => {
      session.tools.digitFrom('caller', '2')
      return Promise.race([collected.then(() => true), new Promise<false>((no) => void setTimeout(no, 5, false))])
    })
    const { digits: dialled, endedBy } = await collected
    assert.match(dialled, /^[12]{3}$/)
    assert.equal(endedBy, 'max')
  })

  it('end the collection by a terminator, a pause, a signal and the end of the session', async () => {
    const terminated = session.tools.collectDigits('caller', digits)
    for (const digit of ['4', '#', '5']) session.tools.digitFrom('caller', digit)
    assert.deepEqual(await terminated, { digits: '4', endedBy: 'terminator' })
    assert.deepEqual(await session.tools.collectDigits('buyer', digits), { digits: '', endedBy: 'timeout' })
    const paused = session.tools.collectDigits('buyer', digits)
    session.tools.digitFrom('buyer', '7')
    assert.deepEqual(await paused, { digits: '7', endedBy: 'timeout' })
    const aborted = session.tools.collectDigits('buyer', { ...digits, signal: AbortSignal.abort() })
    assert.deepEqual(await aborted, { digits: '', endedBy: 'aborted' })
    const cut = session.tools.collectDigits('buyer', { ...digits, firstMs: 60_000 })
    await session.close()
    assert.equal((await cut).endedBy, 'aborted')
  })

  it('dial to a side, and nothing but digits', async () => {
    await session.tools.sendDigits('buyer', '12#')
    assert.ok(freeswitch.commands.includes(`uuid_send_dtmf ${buyer.uuid} 12#@100`))
    await assert.rejects(session.tools.sendDigits('buyer', '1\n\napi shutdown'), UnsafeText)
  })

  it('tell of the keys that the other side has not agreed to, and of all when they are watched', async () => {
    const { tools } = session
    assert.deepEqual([tools.keyWay('caller'), tools.keyWay('buyer')], ['passed', 'passed'])
    const told: string[] = []
    const telling = new EventEmitter<{ up: [] }>()
    tools.onKeys('caller', {
      down: (digit) => told.push(`down ${digit}`),
      up: (digit, durationMs) => {
        told.push(`up ${digit} ${durationMs}`)
        telling.emit('up')
      },
    })
    const collected = tools.collectDigits('caller', { ...digits, max: 1, firstMs: 5000 })
    caller.dial('1')
    assert.equal((await collected).digits, '1')
    assert.deepEqual(told, [], 'FreeSWITCH has passed it on')
    assert.equal(tools.watchKeys('caller'), true)
    assert.deepEqual(told, ['down 1', 'up 1 250'], 'the one of a moment ago')
    const up = once(telling, 'up')
    caller.dial('2')
    await up
    assert.deepEqual(told.slice(2), ['down 2', 'up 2 250'])
  })

  it('dial by tones to a side without RFC 4733', async () => {
    await session.reoffer('buyer', description(40_002, [], '0').replace(/a=rtpmap:101.*\r\n/, ''))
    await session.reanswer('caller', description(40_000))
    assert.deepEqual([session.tools.keyWay('caller'), session.tools.keyWay('buyer')], ['passed', 'none'])
    await session.tools.sendDigits('buyer', '1#')
    assert.deepEqual(buyer.executed, [
      'playback tone_stream://%(100,60,697,1209)',
      'playback tone_stream://%(100,60,941,1477)',
    ])
  })

  it('record the caller left and the buyer right, with pauses, until stopped', async () => {
    const recording = await session.tools.record({ name: 'call-1', maxMs: 60_500 })
    const file = '/recordings/call-1.wav'
    assert.equal(caller.variables.get('RECORD_STEREO'), 'true')
    assert.ok(freeswitch.commands.includes(`uuid_record ${caller.uuid} start ${file} 61`))
    await recording.pause()
    assert.equal(caller.recordings.get(file), true)
    await recording.resume()
    assert.equal(caller.recordings.get(file), false)
    const end = await recording.stop()
    assert.equal(end.file, file)
    assert.equal(end.reason, 'stopped')
    assert.ok(!caller.recordings.has(file))
    assert.deepEqual(await recording.stop(), end)
  })

  it('stop a recording with the session', async () => {
    const recording = await session.tools.record({ name: 'call-1', maxMs: 60_000 })
    await session.close()
    assert.ok(freeswitch.commands.includes(`uuid_record ${caller.uuid} stop /recordings/call-1.wav`))
    const { file, reason } = await recording.stop()
    assert.deepEqual({ file, reason }, { file: '/recordings/call-1.wav', reason: 'call_ended' })
  })

  it('end a recording at its longest, and with FreeSWITCH', async () => {
    const short = await session.tools.record({ name: 'short', maxMs: 50 })
    assert.equal((await short.ended).reason, 'longest')
    assert.equal(caller.recordings.size, 0)
    const cut = await session.tools.record({ name: 'cut', maxMs: 60_000 })
    await freeswitch.die()
    assert.equal((await cut.ended).reason, 'engine_lost')
  })

  it('keep the two apart until they may hear each other', async () => {
    await session.tools.apart(true)
    assert.equal(caller.bridgedTo, null)
    await session.tools.play('buyer', { kind: 'file', name: 'whisper' })
    assert.equal(caller.bridgedTo, null)
    await session.tools.apart(false)
    assert.equal(caller.bridgedTo, buyer)
  })

  it('say that a recording could not be begun', async () => {
    const elsewhere = await stage.engine([freeswitch], { recordingsDir: '/nowhere' })
    const other = await elsewhere.createSession({ callId: 'call' as CallId, callerOffer: description(40_000) })
    await assert.rejects(other.tools.record({ name: 'call-1', maxMs: 1000 }), /Cannot record session/)
  })

  it('let no name reach the event socket that would be a command of its own', async () => {
    const before = freeswitch.commands.length
    for (const name of ['x\n\napi fsctl shutdown now', '${system touch y}', '../../etc/passwd', 'a b']) {
      await assert.rejects(session.tools.play('caller', { kind: 'file', name }), UnsafeText)
      await assert.rejects(session.tools.record({ name, maxMs: 1000 }), UnsafeText)
    }
    assert.equal(freeswitch.commands.length, before)
    assert.deepEqual(caller.executed, [])
  })
})
