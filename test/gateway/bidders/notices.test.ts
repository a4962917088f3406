import assert from 'node:assert/strict'
import { createTelemetry } from '../../../config/telemetry.ts'
import { Notices } from '../../../gateway/bidders/notices.ts'

describe('notices to bidders', () => {
  it('wait in a queue of a thousand, sixteen under way; what comes then is dropped and counted', async () => {
    const telemetry = createTelemetry()
    telemetry.close()
    const held: (() => void)[] = []
    let sent = 0
    const http = {
      send: () =>
        new Promise<{ status: number; text: string }>((resolve) => {
          sent++
          held.push(() => resolve({ status: sent % 2 === 0 ? 200 : 404, text: '' }))
        }),
    }
    const notices = new Notices({ http, telemetry, headers: {} })
    for (let i = 0; i < 1020; i++) notices.send('http://b.example/', i < 1000 ? 'loss' : 'win')
    assert.deepEqual([sent, notices.waiting], [16, 1000])
    const page = async (): Promise<string> => telemetry.render()
    assert.match(await page(), /dce_bidder_notices_total\{result="win",outcome="dropped"\} 4/)
    const idle = notices.idle()
    while (held.length > 0) {
      held.shift()!()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await idle
    assert.equal(sent, 1016)
    notices.close()
    notices.send('http://b.example/', 'win')
    assert.match(await page(), /dce_bidder_notices_total\{result="win",outcome="dropped"\} 5/)
  })
})
