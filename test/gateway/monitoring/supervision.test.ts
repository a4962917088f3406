import assert from 'node:assert/strict'
import { Signaling } from '../../../gateway/srf.ts'
import { Supervision } from '../../../gateway/monitoring/supervision.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import type { Monitor } from '../../../media/monitor.ts'
import { MonitorRefused, type MonitorAsker, type MonitorMode, type MonitorNote } from '../../../model/call-monitor.ts'
import { systemClock } from '../../../model/clock.ts'
import { newId } from '../../../model/ids.ts'
import { SDP, type SipPeer } from '../../support/sip-peer.ts'
import { TestServer } from '../../support/sip-server.ts'

/** An engine's part, and what it was told. */
class FakeMonitor implements Monitor {
  readonly offer = SDP
  mode: MonitorMode = 'listen'
  answer: string | null = null
  /** What setting the mode comes to. */
  setting: Promise<void> = Promise.resolve()
  readonly #over = Promise.withResolvers<string>()
  readonly ended = this.#over.promise

  async answered(answer: string): Promise<void> {
    this.answer = answer
  }
  async renew(): Promise<string> {
    return SDP
  }
  async setMode(mode: MonitorMode): Promise<void> {
    await this.setting
    this.mode = mode
  }
  async close(): Promise<void> {
    this.#over.resolve('closed')
  }
}

describe('A supervisor who is called', () => {
  let server: TestServer
  let signaling: Signaling
  let phone: SipPeer
  let monitor: FakeMonitor
  let notes: MonitorNote[]
  /** The event that cannot be written down. */
  let unwritten: MonitorNote['event'] | null

  before(async () => {
    server = await TestServer.start()
    const log = { info: () => {}, warn: () => {} }
    const { controlPort: port } = server.handle
    signaling = new Signaling({ host: '127.0.0.1', port, secret: 'cymru', connectTimeoutMs: 5000, log })
    await signaling.connect()
  })
  after(async () => {
    signaling.close()
    await server.close()
  })
  beforeEach(async () => {
    phone = await server.peer()
    monitor = new FakeMonitor()
    notes = []
    unwritten = null
  })

  const by: MonitorAsker = { accountId: newId(), userId: null, role: 'admin', source: '127.0.0.1' }
  const said = (): string[] => notes.map(({ event, mode, reason }) => `${event} ${reason ?? mode}`)

  function call(ringMs = 5000): Supervision {
    const ignore = (): void => {}
    return new Supervision({
      id: newId(),
      callId: newId(),
      bridge: { ended: new Promise(() => {}) },
      to: 'sip:desk@127.0.0.1',
      supervisor: { uri: `sip:desk@127.0.0.1:${phone.port}`, ways: null },
      mode: 'listen',
      by,
      monitor,
      startedAt: new Date(),
      signaling,
      store: {
        async note(note) {
          if (note.event === unwritten) throw new Error('the database is away')
          notes.push(note)
        },
        withoutEnd: async () => [],
      },
      clock: systemClock,
      log: { info: ignore, warn: ignore, error: ignore } as never,
      ringMs,
    })
  }

  async function answer(): Promise<void> {
    phone.reply(await phone.receive('INVITE'), 200, 'OK', { body: SDP })
    await phone.receive('ACK')
  }
  async function hungUpOn(): Promise<void> {
    phone.reply(await phone.receive('BYE'), 200, 'OK', { contact: null })
  }

  it('and does not answer is not rung for ever', async () => {
    const supervision = call(200)
    const invite = await phone.receive('INVITE')
    phone.reply(invite, 180, 'Ringing')
    phone.reply(await phone.receive('CANCEL'), 200, 'OK', { contact: null })
    phone.reply(invite, 487, 'Request Terminated', { contact: null })
    await supervision.done
    assert.equal(supervision.view.reason, 'no_answer')
    assert.deepEqual(said(), ['ended no_answer'])
  })

  it('hears nothing before it has been written down', async () => {
    unwritten = 'joined'
    const supervision = call()
    await answer()
    await hungUpOn()
    await supervision.done
    assert.equal(monitor.answer, null)
    assert.equal(supervision.view.joinedAt, null)
  })

  it('says no more than has been written down', async () => {
    unwritten = 'changed'
    const supervision = call()
    await answer()
    await assert.rejects(supervision.change('barge', by), /the database is away/)
    assert.deepEqual([monitor.mode, supervision.view.mode, supervision.isOver], ['listen', 'listen', false])
    unwritten = null
    await supervision.change('whisper', by)
    assert.deepEqual([monitor.mode, supervision.view.mode], ['whisper', 'whisper'])
    supervision.end('closed', by)
    await hungUpOn()
    await supervision.done
    assert.deepEqual(said(), ['joined listen', 'changed whisper', 'ended closed'])
    await assert.rejects(supervision.change('barge', by), MonitorRefused)
  })

  it('is hung up on when nobody knows whom it speaks to', async () => {
    const supervision = call()
    await answer()
    monitor.setting = Promise.reject(new MediaUnavailable('FreeSWITCH did not take a command within 5000 ms'))
    await assert.rejects(supervision.change('barge', by), /mode_not_changed/)
    await hungUpOn()
    await supervision.done
    assert.deepEqual(said(), ['joined listen', 'changed barge', 'ended mode_not_changed'])
  })
})
