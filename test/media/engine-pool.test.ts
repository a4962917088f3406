import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId, type CallId } from '../../model/ids.ts'
import { PLAIN_NEEDS } from '../../media/call-needs.ts'
import { EnginePool } from '../../media/engine-pool.ts'
import { LateEngine } from '../../media/late-engine.ts'
import { MediaUnavailable, UnacceptableMedia, type MediaServer, type MediaSession } from '../../media/media-server.ts'

/** An engine that answers each session as it is told. */
function engine(name: string, answer: () => Error | null, more: Partial<MediaServer> = {}): MediaServer {
  return {
    name,
    capabilities: new Set(),
    isUp: true,
    sessionCount: 3,
    createSession() {
      const error = answer()
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody asks anything of it.
      return error ? Promise.reject(error) : Promise.resolve({} as MediaSession)
    },
    close: () => Promise.resolve(),
    ...more,
  }
}

const takes = (): null => null
const isFull = (): Error => new MediaUnavailable('full')
const request = { callId: newId<CallId>(), callerOffer: null }

describe('a pool of engines', () => {
  let refused: string[] = []
  const pool = (...engines: MediaServer[]): EnginePool =>
    new EnginePool(engines, { onRefused: (name, reason) => refused.push(`${name} ${reason}`) })
  beforeEach(() => (refused = []))

  it('asks the next engine when one is full, and counts that', async () => {
    const { engine: at } = await pool(engine('a', isFull), engine('b', takes)).open(request, PLAIN_NEEDS)
    assert.equal(at.name, 'b')
    assert.deepEqual(refused, ['a full'])
  })

  it('has no room once all are full, and says so once for each and once for all', async () => {
    await assert.rejects(pool(engine('a', isFull), engine('b', isFull)).open(request, PLAIN_NEEDS), MediaUnavailable)
    assert.deepEqual(refused, ['a full', 'b full', 'any unavailable'])
  })

  it('does not ask one that is down', async () => {
    const { engine: at } = await pool(engine('a', takes, { isUp: false }), engine('b', takes)).open(
      request,
      PLAIN_NEEDS,
    )
    assert.equal(at.name, 'b')
    assert.deepEqual(refused, [])
  })

  it('refuses for good what none can', async () => {
    const needs = { ...PLAIN_NEEDS, must: ['webrtc'] } as const
    await assert.rejects(pool(engine('a', takes)).open(request, needs), (error) => {
      assert.ok(error instanceof UnacceptableMedia)
      assert.match(error.message, /webrtc/)
      return true
    })
    assert.deepEqual(refused, ['any incapable'])
  })

  it('asks one that transcodes about codecs that another cannot have, and no other', async () => {
    const cannot = (): Error => new UnacceptableMedia('no codec of ours', 305)
    const transcoder = engine('c', takes, { capabilities: new Set(['transcode']) })
    const { engine: at } = await pool(engine('a', cannot), engine('b', takes), transcoder).open(request, PLAIN_NEEDS)
    assert.equal(at.name, 'c')
    assert.deepEqual(refused, ['a unacceptable'])
    await assert.rejects(pool(engine('a', cannot), engine('b', takes)).open(request, PLAIN_NEEDS), /no codec of ours/)
    const away = { ...transcoder, isUp: false }
    await assert.rejects(pool(engine('a', cannot), away).open(request, PLAIN_NEEDS), /no codec of ours/)
  })

  it('asks no other about what none can read', async () => {
    const cannot = (): Error => new UnacceptableMedia('no audio', 304)
    const transcoder = engine('c', takes, { capabilities: new Set(['transcode']) })
    await assert.rejects(pool(engine('a', cannot), transcoder).open(request, PLAIN_NEEDS), /no audio/)
    assert.deepEqual(refused, ['a unacceptable'])
  })

  it('passes on what is no refusal', async () => {
    const bug = (): Error => new TypeError('a bug')
    await assert.rejects(pool(engine('a', bug), engine('b', takes)).open(request, PLAIN_NEEDS), TypeError)
  })

  it('counts the sessions of all', () => assert.equal(pool(engine('a', takes), engine('b', takes)).sessionCount, 6))
})

describe('an engine that could not be started', () => {
  it('is down, tried again, and used once it has started', async () => {
    let tries = 0
    const started: string[] = []
    const start = (): Promise<MediaServer> =>
      ++tries < 3 ? Promise.reject(new MediaUnavailable('not yet')) : Promise.resolve(engine('late', takes))
    const late = new LateEngine('late', start, (name) => started.push(name), 5)
    const needs = { ...PLAIN_NEEDS, must: ['tools'] } as const
    assert.equal(late.isUp, false)
    assert.equal(new EnginePool([late]).choose(needs), 'unavailable', 'it might have tools')
    await assert.rejects(late.createSession(request), MediaUnavailable)
    while (!late.isUp) await sleep(1)
    assert.equal(tries, 3)
    assert.deepEqual(started, ['late'])
    assert.equal(late.sessionCount, 3)
    assert.equal(new EnginePool([late]).choose(needs), 'incapable')
    await late.createSession(request)
    await late.close()
  })

  it('is left alone once the exchange stops', async () => {
    const tries: number[] = []
    const start = (): Promise<MediaServer> => {
      tries.push(performance.now())
      return Promise.reject(new MediaUnavailable('never'))
    }
    const late = new LateEngine('late', start, () => {}, 5)
    while (tries.length === 0) await sleep(1)
    await late.close()
    const before = tries.length
    await sleep(30)
    assert.equal(tries.length, before)
  })
})
