import assert from 'node:assert/strict'
import { createMediaServer, startEngines } from '../../media/engines.ts'

const needs = { log: { warn: () => {}, error: () => {} } }
const options = {
  relay: { address: '127.0.0.1', portRange: { from: 21_400, to: 21_499 } },
  freeswitch: { servers: ['127.0.0.1:1'], secret: 'x', owner: 'test', connectTimeoutMs: 1 },
  mediasoup: { workerPath: '/nowhere/mediasoup-worker', address: '127.0.0.1', portRange: { from: 21_500, to: 21_599 } },
  rtpengine: { engines: [{ host: '127.0.0.1', port: 9, weight: 1 }] },
}

describe('startEngines', () => {
  const unreachable = { ...options, freeswitch: { ...options.freeswitch, servers: ['127.0.0.1:1'] } }
  const sip = { invite: () => Promise.reject(new Error('not asked')) }

  it('goes on without an engine that cannot be reached, says which, and has it down', async () => {
    const said: object[] = []
    const log = { warn: () => {}, error: (details: object) => void said.push(details) }
    const engines = await startEngines(['freeswitch', 'relay'], { log, sip }, unreachable)
    assert.deepEqual(
      engines.map(({ name, isUp }) => `${name} ${isUp}`),
      ['freeswitch false', 'relay true'],
    )
    assert.match(JSON.stringify(said), /"engine":"freeswitch".*ECONNREFUSED/)
    await Promise.all(engines.map((engine) => engine.close()))
  })

  it('fails with the only engine', async () => {
    await assert.rejects(startEngines(['freeswitch'], { ...needs, sip }, unreachable), /ECONNREFUSED/)
  })

  it('fails with an engine that no later try would start, and leaves none behind', async () => {
    const wrong = { ...options, rtpengine: { engines: [] } }
    await assert.rejects(startEngines(['relay', 'rtpengine'], needs, wrong), RangeError)
    // Its ports are free again.
    const again = await startEngines(['relay'], needs, options)
    await again[0]!.close()
  })
})

describe('createMediaServer', () => {
  it('starts the relay', async () => {
    const server = await createMediaServer('relay', needs, options)
    assert.equal(server.name, 'relay')
    assert.equal(server.sessionCount, 0)
    await server.close()
  })

  it('starts rtpengine’s side of it though none answers: whichever comes up is used then', async () => {
    const server = await createMediaServer('rtpengine', needs, options)
    assert.equal(server.name, 'rtpengine')
    assert.equal(server.isUp, false)
    await server.close()
  })

  it('says of a FreeSWITCH that nobody answers for where it was looked for and what happened', async () => {
    const sip = { invite: () => Promise.reject(new Error('not asked')) }
    await assert.rejects(
      createMediaServer('freeswitch', { ...needs, sip }, options),
      /media engine freeswitch: FreeSWITCH at 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/,
    )
  })

  it('says of a mediasoup worker that is missing where it was looked for, and how to get one', async () => {
    await assert.rejects(
      createMediaServer('mediasoup', needs, options),
      /^MediaUnavailable: media engine mediasoup: media\.mediasoup\.worker \/nowhere\/mediasoup-worker is not there; get it with "npm .*MEDIASOUP_WORKER_BIN/,
    )
  })

  it('has nothing to start for direct', async () => {
    const server = await createMediaServer('direct', needs, options)
    assert.equal(server.isUp, true)
    assert.equal(server.isDirect, true)
    await server.close()
    assert.equal(server.isUp, false)
  })
})
