import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

/** RFC 3261 §13.2.1: of the descriptions under one To tag a caller takes the first for the answer, and ignores all others. */
describe('an answer that the caller has had with early media', function () {
  this.timeout(90_000)
  let exchange: Exchange
  const phones: UserAgent[] = []
  before(async function () {
    exchange = await startExchange(this)
  })
  after(async () => {
    for (const phone of phones) await phone.close()
    await exchange?.close()
  })

  const newPhone = async (address = '127.0.0.1'): Promise<UserAgent> => {
    const made = await createUserAgent({ address })
    phones.push(made)
    return made
  }

  for (const [what, direction, reoffers] of [
    ['stands when the next buyer answers', 'sendrecv', 0],
    ['is followed by an offer when the next buyer also listens', 'sendonly', 1],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const [carrier, first, second] = [await newPhone(market.address), await newPhone(), await newPhone()]
      for (const [phone, amount] of [
        [first, '9.00'],
        [second, '4.00'],
      ] as const)
        await market.standingBid({ host: phone.address, port: phone.port }, { amount, bid: { billable_after: 0 } })
      const told = Promise.withResolvers<void>()
      first.on('call', (call: IncomingCall) => {
        call.earlyMedia(described('0 8', direction))
        void told.promise.then(() => call.reject(486))
      })
      const rung = new Promise<IncomingCall>((resolve) => second.on('call', resolve))
      const target = exchange.process.sip()
      const caller = carrier.call({
        to: market.number,
        from: '+12125550142',
        target,
        sdp: described('0 8', 'sendrecv'),
      })
      caller.on('progress', ({ sdp }) => sdp !== '' && told.resolve())
      const asked: string[] = []
      caller.on('request', ({ method, body }) => asked.push(`${method} ${/a=(send\w+)/.exec(body)?.[1]}`))
      const agent = await rung
      // The codec that the caller speaks by now; and the one that the relay puts in its place.
      assert.match(agent.invite.body, /m=audio \d+ RTP\/AVP 0 8 101\r/)
      agent.accept(described('0', 'sendrecv'))
      const outcome = await caller.outcome
      assert.ok(outcome.kind === 'answered')
      const early = caller.progress.find(({ sdp }) => sdp !== '')
      assert.equal(early?.status, 183)
      assert.equal(outcome.sdp, early.sdp)
      await agent.acked
      while (asked.length < reoffers) await new Promise(setImmediate)
      assert.deepEqual(asked, reoffers === 0 ? [] : ['INVITE sendrecv'])
      await caller.hangUp()
      const record = await market.ended(CALLER_HUNG_UP)
      assert.equal(record.legs.length, 3)
      assert.equal(outcome.response.get('x-dce-call-id'), record.id)
      const query = `sip_call_id=${encodeURIComponent(caller.callId)}`
      const found = await exchange.api.request<{ data: { id: string }[] }>('GET', `/api/v1/calls?${query}`)
      assert.deepEqual(
        found.data.map(({ id }) => id),
        [record.id],
      )
    })
  }
})

function described(payloads: string, direction: string): string {
  const lines = [
    'v=0',
    'o=- 7 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio 9 RTP/AVP ${payloads}`,
  ]
  return `${[...lines, `a=${direction}`].join('\r\n')}\r\n`
}
