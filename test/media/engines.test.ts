import assert from 'node:assert/strict'
import { createMediaServer, MEDIA_ENGINES, MediaEngineNotAvailable } from '../../media/engines.ts'

const needs = { log: { warn: () => {}, error: () => {} } }
const options = {
  relay: { address: '127.0.0.1', portRange: { from: 21_400, to: 21_499 } },
  freeswitch: { servers: ['127.0.0.1:1'], secret: 'x', owner: 'test', connectTimeoutMs: 1 },
  mediasoup: { workerPath: '/nowhere/mediasoup-worker', address: '127.0.0.1', portRange: { from: 21_500, to: 21_599 } },
  rtpengine: { engines: [{ host: '127.0.0.1', port: 9, weight: 1 }] },
}

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

  for (const engine of MEDIA_ENGINES.filter((name) => name === 'direct')) {
    it(`says that ${engine} is not available`, async () => {
      await assert.rejects(createMediaServer(engine, needs, options), (error) => {
        assert.ok(error instanceof MediaEngineNotAvailable)
        assert.match(error.message, new RegExp(`${engine}: not available`))
        return true
      })
    })
  }
})
