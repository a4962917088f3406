import assert from 'node:assert/strict'
import { answers } from '../../sipp/agents/answerers.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { eventually, type Exchange } from '../support/exchange.ts'
import { startOnFreeSwitch } from '../support/freeswitch/freeswitch-exchange.ts'
import type { ScriptedFreeSwitch } from '../support/freeswitch/scripted-freeswitch.ts'

// What has audio runs on a real one: freeswitch.test.ts. Here it is killed, and has none.
for (const [engines, afterwards] of [
  ['freeswitch', 'new ones are refused with 503'],
  ['freeswitch,relay', 'new ones go to the next engine'],
] as const)
  describe(`calls on DCE_MEDIA_ENGINE=${engines}, the FreeSWITCH scripted`, function () {
    this.timeout(120_000)
    let exchange: Exchange
    let freeswitch: ScriptedFreeSwitch
    let market: Market
    let carrier: UserAgent
    let buyer: UserAgent

    before(async function () {
      ;({ exchange, freeswitch } = await startOnFreeSwitch(this, { env: { DCE_MEDIA_ENGINE: engines } }))
      market = await Market.open(exchange)
      carrier = await createUserAgent({ address: market.address })
      buyer = await createUserAgent()
      buyer.on('call', answers())
      await market.standingBid(buyer.local)
    })
    after(async () => {
      await Promise.all([carrier?.close(), buyer?.close()])
      await exchange?.close()
      await freeswitch?.die()
    })

    const place = (): OutgoingCall =>
      carrier.call({ from: '+12125550142', to: market.number, target: exchange.process.sip() })
    async function answered(): Promise<OutgoingCall> {
      const call = place()
      const outcome = await call.outcome
      assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
      return call
    }
    const newest = async (count: number) => (await market.records(count))[0]!

    it('go through it, a channel for each side, bridged', async () => {
      const call = await answered()
      assert.equal(freeswitch.live.length, 2)
      const [callerChannel, buyerChannel] = freeswitch.live
      await eventually(
        async () => callerChannel!.bridgedTo === buyerChannel || undefined,
        () => 'they are not bridged',
      )
      await call.hangUp()
      const { outcome, end_reason, hung_up_by } = await newest(1)
      assert.deepEqual([outcome, end_reason, hung_up_by], ['answered', 'caller_hung_up', 'caller'])
      await eventually(
        async () => freeswitch.live.length === 0 || undefined,
        () => 'there are channels left',
      )
    })

    it(`end as media_failed when it is killed, and ${afterwards}`, async () => {
      const calls = [await answered(), await answered()]
      await freeswitch.die()
      for (const { cause, reason } of await Promise.all(calls.map((call) => call.ended)))
        assert.deepEqual([cause, reason], ['remote-hung-up', 'SIP;cause=503;text="media failed"'])
      for (const record of (await market.records(3)).slice(0, 2)) {
        const { outcome, end_reason, hung_up_by } = record
        assert.deepEqual([outcome, end_reason, hung_up_by], ['answered', 'media_failed', 'exchange'])
      }
      if (engines === 'freeswitch') {
        const outcome = await place().outcome
        assert.ok(outcome.kind === 'rejected' && outcome.status === 503, JSON.stringify(outcome))
      } else {
        const call = await answered()
        assert.equal((await exchange.api.metrics()).match(/dce_media_sessions\{engine="relay"\} (\d+)/)?.[1], '1')
        await call.hangUp()
        assert.equal((await newest(4)).end_reason, 'caller_hung_up')
      }
      await market.settled()
    })
  })
