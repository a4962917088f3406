import assert from 'node:assert/strict'
import { answers, answersAfterEarlyMedia } from '../../sipp/agents/answerers.ts'
import { placeCall } from '../../sipp/agents/callers.ts'
import type { RtpStats } from '../../sipp/agents/rtp-engine.ts'
import { createRtpThread } from '../../sipp/agents/rtp-thread.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

describe('the audio of a call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const [what, early] of [
    ['flows both ways, nothing lost, and is counted in the record', false],
    ['is heard before the answer and goes on after it', true],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const media = createRtpThread()
      const caller = await createUserAgent({ address: market.address })
      const buyer = await createUserAgent()
      try {
        const heard: RtpStats[] = []
        const onAudio = (stats: RtpStats) => void heard.push(stats)
        if (early) buyer.on('call', answersAfterEarlyMedia({ media, onAudio, answerAfterMs: 600 }))
        else buyer.on('call', answers({ media, onAudio }))
        await market.standingBid(buyer.local)
        const call = { from: '+12125550142', to: market.number, target: exchange.process.sip() }
        const report = await placeCall(caller, call, { media, hangUpAfterMs: 2000 })
        assert.equal(report.outcome.kind, 'answered', JSON.stringify(report.outcome))
        if (early) assert.equal(report.progress[0]?.status, 183)
        const record = await market.ended({
          outcome: 'answered',
          sip_status: 200,
          end_reason: 'caller_hung_up',
          hung_up_by: 'caller',
        })
        // 50 packets a second for two seconds each way, and the buyer's announcement before.
        assert.ok(report.rtp!.received > 80, `the caller heard ${report.rtp!.received} packets`)
        assert.ok(heard[0]!.received > 80, `the buyer heard ${heard[0]?.received} packets`)
        assert.equal(report.rtp!.lost + heard[0]!.lost, 0)
        if (early) assert.ok(report.rtp!.received > 112, `the caller heard ${report.rtp!.received} packets`)
        for (const leg of record.legs) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the API describes a leg.
          const counted = leg['media'] as Record<'packets_received' | 'packets_lost' | 'mos_min', number> & {
            fault: unknown
          }
          assert.ok(counted.packets_received > 80, JSON.stringify(leg))
          assert.equal(counted.packets_lost, 0)
          assert.ok(counted.mos_min > 3.5 && counted.mos_min < 4.42, JSON.stringify(leg))
          assert.equal(counted.fault, null)
        }
      } finally {
        await Promise.all([caller.close(), buyer.close()])
        await media.close()
      }
    })
  }
})
