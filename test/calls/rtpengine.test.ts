import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from '../../sipp/agents/answerers.ts'
import { placeCall } from '../../sipp/agents/callers.ts'
import type { RtpStats } from '../../sipp/agents/rtp-engine.ts'
import { createRtpThread } from '../../sipp/agents/rtp-thread.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'

const RTP_PORTS = [25_000, 25_499] as const

describe('calls on DCE_MEDIA_ENGINE=rtpengine', function () {
  this.timeout(120_000)
  let engine: RtpengineProcess
  let exchange: Exchange

  /** The engine, on the port it had, and seen by the exchange. */
  async function startAgain(): Promise<void> {
    engine = await RtpengineProcess.start({ port: engine.port, rtpPorts: RTP_PORTS })
    await exchange.untilHealth(/"media"(?!.*"down")/)
  }

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    engine = await RtpengineProcess.start({ rtpPorts: RTP_PORTS })
    exchange = await startExchange(this, {
      env: {
        DCE_MEDIA_ENGINE: 'rtpengine',
        DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${engine.port}`,
        DCE_MEDIA_RTPENGINE_PING_INTERVAL: '200ms',
      },
    })
  })

  // What one test left of it is no matter of the next.
  beforeEach(() => (engine.hasEnded ? startAgain() : undefined))
  after(async () => {
    await exchange?.close()
    await engine?.close()
  })

  /** One call through everything, hung up by the caller after so long. */
  async function call(hangUpAfterMs: number, meanwhile: () => Promise<void> = async () => {}) {
    const market = await Market.open(exchange)
    const media = createRtpThread()
    const caller = await createUserAgent({ address: market.address })
    const buyer = await createUserAgent()
    const heard: RtpStats[] = []
    try {
      buyer.on('call', answers({ media, onAudio: (stats) => void heard.push(stats) }))
      await market.standingBid(buyer.local)
      const options = { from: '+12125550142', to: market.number, target: exchange.process.sip() }
      const placed = placeCall(caller, options, { media, hangUpAfterMs })
      await meanwhile()
      return { market, report: await placed, heard }
    } finally {
      await Promise.all([caller.close(), buyer.close()])
      await media.close()
    }
  }

  it('have audio both ways, nothing lost, counted in the record', async () => {
    await exchange.untilHealth(/"media".*rtpengine/)
    const { market, report, heard } = await call(1500)
    assert.equal(report.outcome.kind, 'answered', JSON.stringify(report.outcome))
    assert.ok(report.rtp!.received > 55, `the caller heard ${report.rtp!.received} packets`)
    assert.ok(heard[0]!.received > 55, `the buyer heard ${heard[0]?.received} packets`)
    assert.equal(report.rtp!.lost + heard[0]!.lost, 0)
    const record = await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    })
    for (const leg of record.legs) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the API describes a leg.
      assert.ok((leg['media'] as { packets_received: number }).packets_received > 55, JSON.stringify(leg))
    }
  })

  it('end with a cause when rtpengine is killed; the next hear 503 at once, until it is back', async () => {
    const first = await call(20_000, async () => {
      await eventually(
        async () => ((await exchange.metric('dce_rtp_sessions')) === 1 ? true : undefined),
        () => 'no call is up',
      )
      await sleep(500)
      await engine.kill()
    })
    assert.equal(first.report.outcome.kind, 'answered')
    await first.market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'media_failed',
      hung_up_by: 'exchange',
    })
    await exchange.untilHealth(/"down"/)
    const startMs = performance.now()
    const second = await call(1000)
    assert.equal(JSON.stringify(second.report.outcome).includes('503'), true, JSON.stringify(second.report.outcome))
    assert.ok(performance.now() - startMs < 5000)
    await exchange.says(/the rtpengine does not answer/)
    await startAgain()
    const third = await call(500)
    assert.equal(third.report.outcome.kind, 'answered')
    await exchange.assertMoneyBalances()
  })
})
