import assert from 'node:assert/strict'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('a request inside an answered call', function () {
  this.timeout(40_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const [what, caller, name] of [
    ['offers nothing, and is offered what is agreed', 'reinvite-without-offer', 'answer-caller-hangs-up'],
    ['holds by address as RFC 2543 had it, and the buyer hears sendonly', 'hold-by-address', 'hold'],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const buyer = await market.buyer(`uas-${name}-expect-200.xml`)
      await market.call(`uac-${caller}-expect-200.xml`)
      await market.went(buyer.run)
      await market.ended(CALLER_HUNG_UP)
    })
  }

  for (const [what, name] of [
    ['holds and resumes the call by re-INVITE', 'hold'],
    ['carries a digit by INFO', 'dtmf-info'],
    ['renews the offer by UPDATE', 'update'],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const buyer = await market.buyer(`uas-${name}-expect-200.xml`)
      await market.call(`uac-${name}-expect-200.xml`)
      await market.went(buyer.run)
      await market.ended(CALLER_HUNG_UP)
    })
  }

  it('is refused by the buyer in words of its own, and the call goes on', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-hold-refused-expect-499.xml')
    await market.call('uac-hold-refused-expect-400.xml')
    await market.went(buyer.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('finds the buyer again after a refusal', async () => {
    const market = await Market.open(exchange)
    const caller = await createUserAgent({ address: market.address })
    const buyer = await createUserAgent()
    try {
      buyer.on('call', (call) => {
        call.accept()
        const answer = call.handleRequest.bind(call)
        let refused = false
        call.handleRequest = (transaction) => {
          if (refused || transaction.request.method !== 'INVITE') return answer(transaction)
          refused = true
          transaction.respond(488, { toTag: call.localTag })
        }
      })
      await market.standingBid({ host: buyer.address, port: buyer.port })
      const call = caller.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
      assert.equal((await call.outcome).status, 200)
      const statuses = []
      for (const direction of ['sendonly', 'inactive', 'sendrecv']) {
        const body = call.localSdp.replace(/a=(sendrecv|sendonly|inactive)/, `a=${direction}`)
        statuses.push((await call.request('INVITE', { body }))?.status)
      }
      assert.deepEqual(statuses, [488, 200, 200])
      await call.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await caller.close()
      await buyer.close()
    }
  })
})
