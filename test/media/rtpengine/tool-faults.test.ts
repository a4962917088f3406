import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { MediaUnavailable, type MediaServer } from '../../../media/media-server.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { DEAF_LIMIT } from '../../../media/rtpengine/engine-tools.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { digitHeard, toneHeard } from '../conformance/tone-party.ts'
import { connect, logged, needs } from '../relay/relayed-call.ts'
import { RtpParty } from '../relay/rtp-party.ts'
import { LossyWay } from './lossy-way.ts'

const MENU = { max: 1, firstMs: 30_000, betweenMs: 1000 }
const PATIENCE_MS = 20_000
const TONE = { kind: 'tone', hertz: [1000], onMs: 100, offMs: 0 } as const

describe('rtpengine’s audio tools when something is lost', function () {
  this.timeout(90_000)
  let program: RtpengineProcess
  let way: LossyWay
  let engine: MediaServer
  let folder: string
  let caller: RtpParty
  let buyer: RtpParty
  let listener: Worker | undefined

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    folder = mkdtempSync(join(tmpdir(), 'dce-tool-faults-'))
    program = await RtpengineProcess.start({ rtpPorts: [25_000, 25_499] })
    way = await LossyWay.open(program.port)
    process.on('worker', (worker) => (listener = worker))
    engine = await createRtpengine(needs, {
      engines: [{ host: program.host, port: way.port, weight: 1 }],
      requestTimeoutMs: 1000,
      pingMisses: 20,
      recordings: { folder, keys: [{ id: 'k1', key: randomBytes(32) }] },
    })
  })
  after(async () => {
    await engine?.close()
    way?.close()
    await program?.close()
    if (folder) rmSync(folder, { recursive: true })
  })
  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })
  afterEach(() => {
    caller.close()
    buyer.close()
  })

  async function untilTrue(assertion: () => Promise<void>): Promise<void> {
    for (const startMs = performance.now(); ;) {
      try {
        return await assertion()
      } catch (error) {
        if (performance.now() - startMs > PATIENCE_MS) throw error
        await sleep(20)
      }
    }
  }

  it('lets a side be heard again though the order to was lost', async () => {
    const { session, callerSide } = await connect(engine, { caller, buyer })
    const tools = session.tools!
    await tools.apart(true)
    way.loseNext('unblock media', 'question')
    await assert.rejects(tools.apart(false), MediaUnavailable)
    await untilTrue(async () => assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]]))
    await session.close()
  })

  it('lets a side be heard again though the answer was lost when it was muted', async () => {
    const { session, callerSide } = await connect(engine, { caller, buyer })
    way.loseNext('block media', 'answer')
    await assert.rejects(session.tools!.play('buyer', TONE), MediaUnavailable)
    await untilTrue(async () => assert.deepEqual(await toneHeard(caller, callerSide, 400, [buyer]), [[400]]))
    await session.close()
  })

  it('loses a recording with the thread that listens, and nothing else: digits and prompts go on', async () => {
    const { session, callerSide } = await connect(engine, { caller, buyer })
    const tools = session.tools!
    const digits = tools.collectDigits('caller', MENU)
    const recording = await tools.record({ name: 'lost', maxMs: 60_000 })
    const stop = new AbortController()
    const played = tools.play('buyer', TONE, { repeat: true, signal: stop.signal })
    const died = once(listener!, 'exit')
    await listener!.terminate()
    await died
    assert.equal((await recording.ended).reason, 'engine_lost')
    await untilTrue(async () => {
      await digitHeard(caller, callerSide, 3, buyer)
      const pressed = await Promise.race([digits, Promise.resolve(null)])
      assert.equal(pressed?.digits, '3')
    })
    stop.abort()
    await played
    const again = await tools.record({ name: 'again', maxMs: 60_000 })
    assert.notEqual((await again.stop()).reason, 'engine_lost')
    await session.close()
  })

  it('listens anew so often; what comes by SIP INFO is collected after that, too', async () => {
    const { session, callerSide } = await connect(engine, { caller, buyer })
    const tools = session.tools!
    const warning = 'the audio tools of a call do not do all they were asked'
    const begun = await tools.record({ name: 'begun', maxMs: 60_000 })
    await begun.stop()
    logged.length = 0
    for (let deaths = 1; deaths <= DEAF_LIMIT; deaths++) {
      const digits = tools.collectDigits('caller', MENU)
      await listener!.terminate()
      await untilTrue(async () => {
        await digitHeard(caller, callerSide, 7, buyer)
        assert.equal((await Promise.race([digits, Promise.resolve(null)]))?.digits, '7')
      })
    }
    assert.ok(!logged.includes(warning))
    const digits = tools.collectDigits('caller', MENU)
    await tools.record({ name: 'last', maxMs: 60_000 }) // It is listened to by now.
    await listener!.terminate()
    await untilTrue(() => Promise.resolve(assert.ok(logged.includes(warning))))
    tools.digitFrom('caller', '9')
    assert.equal((await digits).digits, '9')
    await session.close()
  })
})
