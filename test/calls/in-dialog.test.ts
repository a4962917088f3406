import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { bridgedCall, refuseNext } from '../support/bridged-call.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('a request inside an answered call', function () {
  this.timeout(90_000)
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

  it('hears the same of what we can do in every answer', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      const outcome = await caller.outcome
      assert.equal(outcome.kind, 'answered')
      const said = (answer: SipMessage | null | undefined) => [answer?.getAll('allow'), answer?.getAll('supported')]
      const first = said(outcome.response)
      assert.deepEqual(first[1], ['timer', '100rel', 'replaces'])
      const body = directed(caller.localSdp, 'sendonly')
      for (const [method, withBody] of [
        ['INVITE', body],
        ['UPDATE', body],
        ['INVITE', ''],
        ['OPTIONS', ''],
      ] as const) {
        const answer = await caller.request(method, { body: withBody })
        assert.equal(answer?.status, 200)
        assert.deepEqual(said(answer), first, method)
        if (method === 'OPTIONS') assert.deepEqual(answer?.getAll('accept'), ['application/sdp', 'multipart/mixed'])
      }
      assert.deepEqual(said(await agent.request('OPTIONS', {})), first)
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })

  it('is refused by the buyer in words of its own, and the call goes on', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-hold-refused-expect-499.xml')
    await market.call('uac-hold-refused-expect-400.xml')
    await market.went(buyer.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('finds the buyer again after a refusal', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      void refuseNext(agent, 'INVITE', 488)
      const statuses = []
      for (const direction of ['sendonly', 'inactive', 'sendrecv'])
        statuses.push((await caller.request('INVITE', { body: directed(caller.localSdp, direction) }))?.status)
      assert.deepEqual(statuses, [488, 200, 200])
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })

  for (const [method, status] of [
    ['INVITE', 481],
    ['INVITE', 408],
    ['UPDATE', 481],
    ['INFO', 481],
  ] as const) {
    it(`hears of the buyer’s ${status} to ${method}, and the call ends there`, async () => {
      const { market, caller, agent, close } = await bridgedCall(exchange)
      try {
        const refused = refuseNext(agent, method === 'INFO' ? 'INFO' : 'INVITE', status) // An UPDATE goes on as a re-INVITE.
        const body = method === 'INFO' ? '' : directed(caller.localSdp, 'sendonly')
        assert.equal((await caller.request(method, { body }))?.status, status)
        await refused
        assert.equal((await caller.ended).cause, 'remote-hung-up')
        assert.equal((await agent.ended).cause, 'remote-hung-up')
        await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
      } finally {
        await close()
      }
    })
  }

  it('offers nothing that can be served, and hears in the Warning why', async () => {
    const { market, caller, close } = await bridgedCall(exchange)
    try {
      const answer = await caller.request('INVITE', { body: caller.localSdp.replace('RTP/AVP', 'RTP/SAVP') })
      assert.equal(answer?.status, 488)
      assert.match(answer?.get('warning') ?? '', /^302 dce "[^"]+"$/)
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })

  it('that meets one of the buyer’s own hears 491, and goes better a moment later', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      void refuseNext(agent, 'INVITE', 491)
      const body = directed(caller.localSdp, 'sendonly')
      assert.equal((await caller.request('INVITE', { body }))?.status, 491)
      assert.equal((await caller.request('INVITE', { body }))?.status, 200)
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })

  it('finds one of two offers at once refused, and both sides agreed afterwards', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      const both = await Promise.all(
        [caller, agent].map((leg) => leg.request('INVITE', { body: directed(leg.localSdp, 'sendonly') })),
      )
      const statuses = both.map((answer) => answer?.status)
      assert.ok(statuses.includes(200) || statuses.every((status) => status === 491), statuses.join())
      for (const leg of [caller, agent]) {
        const again = await leg.request('INVITE', { body: directed(leg.localSdp, 'sendrecv') })
        assert.equal(again?.status, 200)
        if (leg === agent) assert.match(again.body, /a=sendrecv/, 'now that the caller has taken it back, too')
      }
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })

  it('of an event package goes to the other side and back, its words with it', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      const heard: SipMessage[] = []
      agent.on('request', (request) => heard.push(request))
      const subscribed = await caller.request('SUBSCRIBE', { headers: { Event: 'dialog', Expires: '60' } })
      assert.equal(subscribed?.status, 200)
      const state = { Event: 'dialog', 'Subscription-State': 'active;expires=60' }
      const notified = await caller.request('NOTIFY', { headers: state, contentType: 'text/plain', body: 'hi' })
      assert.equal(notified?.status, 200)
      assert.equal((await caller.request('MESSAGE', { contentType: 'text/plain', body: 'hello' }))?.status, 200)
      assert.deepEqual(
        heard.map(({ method, body }) => [method, body]),
        [
          ['SUBSCRIBE', ''],
          ['NOTIFY', 'hi'],
          ['MESSAGE', 'hello'],
        ],
      )
      assert.equal(heard[0]?.get('event'), 'dialog')
      assert.equal(heard[1]?.get('subscription-state'), 'active;expires=60')
      assert.equal((await caller.request('PUBLISH', { contentType: 'text/plain', body: 'x' }))?.status, 405)
      await caller.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await close()
    }
  })
})

function directed(sdp: string, direction: string): string {
  return sdp.replace(/a=(sendrecv|sendonly|recvonly|inactive)/, `a=${direction}`)
}
