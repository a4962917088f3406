import assert from 'node:assert/strict'
import { answers } from '../../sipp/agents/answerers.ts'
import { placeCall } from '../../sipp/agents/callers.ts'
import type { RtpStats } from '../../sipp/agents/rtp-engine.ts'
import { createRtpThread } from '../../sipp/agents/rtp-thread.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'

/** A real one, which is no part of what this project can install: without it there is nothing to run here. */
const { DCE_FREESWITCH_SERVERS: servers, DCE_FREESWITCH_SECRET: secret = 'ClueCon' } = process.env

describe('calls on a real freeswitch', function () {
  if (servers === undefined) return
  this.timeout(120_000)
  let exchange: Exchange

  before(async function () {
    exchange = await startExchange(this, {
      env: {
        DCE_MEDIA_ENGINE: 'freeswitch',
        DCE_MEDIA_FREESWITCH_SERVERS: servers,
        DCE_MEDIA_FREESWITCH_SECRET: secret,
        DCE_TELEPHONY_MONITOR_HOSTS: '127.0.0.1',
      },
    })
  })

  after(() => exchange?.close())

  it('have audio both ways, and are counted in the record', async () => {
    const health = await exchange.api.raw('GET', '/health')
    assert.match(await health.text(), /"media".*freeswitch/)
    const market = await Market.open(exchange)
    const media = createRtpThread()
    const caller = await createUserAgent({ address: market.address })
    const buyer = await createUserAgent()
    const heard: RtpStats[] = []
    try {
      buyer.on('call', answers({ media, onAudio: (stats) => void heard.push(stats) }))
      await market.standingBid(buyer.local)
      const options = { from: '+12125550142', to: market.number, target: exchange.process.sip() }
      const report = await placeCall(caller, options, { media, hangUpAfterMs: 2500 })
      assert.equal(report.outcome.kind, 'answered', JSON.stringify(report.outcome))
      await eventually(
        () => Promise.resolve(heard[0]),
        () => 'the buyer has not heard of the end',
      )
      // The bridge takes some of the 125 packets of each side to begin.
      assert.ok(report.rtp!.received > 80, `the caller heard ${report.rtp!.received} packets`)
      assert.ok(heard[0]!.received > 80, `the buyer heard ${heard[0]?.received} packets`)
      assert.equal(report.rtp!.lost + heard[0]!.lost, 0)
    } finally {
      await Promise.all([caller.close(), buyer.close()])
      await media.close()
    }
    const ending = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
    const record = await market.ended(ending)
    for (const leg of record.legs) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the API describes a leg.
      assert.ok((leg['media'] as { packets_received: number }).packets_received > 80, JSON.stringify(leg))
    }
    await exchange.assertMoneyBalances()
  })

  it('are heard by a supervisor, who leaves with their end', async () => {
    const market = await Market.open(exchange)
    const media = createRtpThread()
    const caller = await createUserAgent({ address: market.address })
    const [buyer, supervisor] = [await createUserAgent(), await createUserAgent()]
    const heard: RtpStats[] = []
    try {
      buyer.on('call', answers({ media }))
      supervisor.on('call', answers({ media, onAudio: (stats) => void heard.push(stats) }))
      await market.standingBid(buyer.local)
      const options = { from: '+12125550142', to: market.number, target: exchange.process.sip() }
      const report = placeCall(caller, options, { media, hangUpAfterMs: 4000 })
      const path = `calls/${(await market.answered()).id}/monitor`
      const to = `sip:desk@127.0.0.1:${supervisor.port}`
      const { id } = await exchange.api.create(path, { to, mode: 'listen' })
      for (const mode of ['whisper', 'barge', 'listen'])
        await exchange.api.request('PATCH', `/api/v1/${path}/${id}`, { mode })
      assert.equal((await report).outcome.kind, 'answered')
      await eventually(
        () => Promise.resolve(heard[0]),
        () => 'the supervisor was not hung up on',
      )
      assert.ok(heard[0]!.received > 80, `the supervisor heard ${heard[0]!.received} packets`)
    } finally {
      await Promise.all([caller, buyer, supervisor].map((phone) => phone.close()))
      await media.close()
    }
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  })
})
