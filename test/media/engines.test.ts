import assert from 'node:assert/strict'
import { createMediaServer, MEDIA_ENGINES, MediaEngineNotAvailable } from '../../media/engines.ts'

const needs = { log: { warn: () => {}, error: () => {} } }
const options = {
  relay: { address: '127.0.0.1', portRange: { from: 21_400, to: 21_499 } },
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

  for (const engine of MEDIA_ENGINES.filter((name) => name !== 'relay' && name !== 'rtpengine')) {
    it(`says that ${engine} is not available`, async () => {
      await assert.rejects(createMediaServer(engine, needs, options), (error) => {
        assert.ok(error instanceof MediaEngineNotAvailable)
        assert.match(error.message, new RegExp(`${engine}: not available`))
        return true
      })
    })
  }
})
