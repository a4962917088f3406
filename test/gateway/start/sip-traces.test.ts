import assert from 'node:assert/strict'
import { createSipTraces } from '../../../gateway/start/sip-traces.ts'
import { TestServer } from '../../support/sip-server.ts'

describe('the SIP of calls', () => {
  it('is not to be had of a drachtio-server: its own export is named', async () => {
    const traces = createSipTraces(null, true)
    assert.match(traces.unavailable!, /drachtio-server.*--homer/)
    assert.deepEqual(await traces.find(['a']), { messages: [], leftOut: 0 })
  })

  it('is not kept when the setting says so, and the setting is named', async () => {
    const server = await TestServer.start()
    try {
      const traces = createSipTraces(server.handle, false)
      assert.match(traces.unavailable!, /telephony\.trace\.enabled/)
      assert.deepEqual(await traces.find(['a']), { messages: [], leftOut: 0 })
    } finally {
      await server.close()
    }
  })
})
