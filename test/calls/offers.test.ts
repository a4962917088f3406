import assert from 'node:assert/strict'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'

describe('an offer', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_MEDIA_CODECS: 'opus, PCMU, PCMA' } })
  })
  after(() => exchange?.close())

  it('that is left to us goes to the buyer from us, and to the caller with the 200', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    await market.call('uac-late-offer-expect-200.xml')
    await market.went(buyer.run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.price, '1.00')
  })

  it('is read among other parts of the body (RFC 5621), which the buyer is not told', async () => {
    const market = await Market.open(exchange)
    const phone = await createUserAgent()
    const heard: (string | undefined)[] = []
    try {
      phone.on('call', (call) => {
        heard.push(call.invite.get('content-type'), /isup|pidf|part 1/.exec(call.invite.body)?.[0])
        call.accept()
      })
      await market.standingBid({ host: phone.address, port: phone.port })
      await market.call('uac-multipart-expect-200.xml')
      await market.ended(CALLER_HUNG_UP)
      assert.deepEqual(heard, ['application/sdp', undefined])
    } finally {
      await phone.close()
    }
  })

  it('of one law of G.711 alone is answered by a buyer of the other alone', async () => {
    const market = await Market.open(exchange)
    const [carrier, agent] = [await createUserAgent({ address: market.address }), await createUserAgent()]
    const described = (payload: 0 | 8): string =>
      `v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP ${payload}\r\n`
    try {
      agent.on('call', (call) => {
        assert.match(call.invite.body, /m=audio \d+ RTP\/AVP 8 0 101\r/)
        call.accept(described(0))
      })
      await market.standingBid({ host: agent.address, port: agent.port })
      const target = exchange.process.sip()
      const call = carrier.call({ to: market.number, from: '+12125550142', target, sdp: described(8) })
      const outcome = await call.outcome
      assert.ok(outcome.kind === 'answered')
      assert.match(outcome.sdp, /m=audio \d+ RTP\/AVP 8\r/)
      await call.hangUp()
      await market.ended(CALLER_HUNG_UP)
    } finally {
      await carrier.close()
      await agent.close()
    }
  })

  for (const [what, name] of [
    ['that the ACK does not answer ends the call', 'late-offer-unanswered'],
    ['that the ACK answers with what was not offered ends the call', 'late-offer-unusable-answer'],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const buyer = await market.buyer(BUYER, { bid: { billable_after: 30 } })
      await market.call(`uac-${name}-expect-bye.xml`)
      await market.went(buyer.run)
      const record = await market.ended({
        outcome: 'answered',
        sip_status: 200,
        end_reason: 'unacceptable_media',
        hung_up_by: 'exchange',
      })
      assert.equal(record.price, '0.00', 'ended before it was billable')
    })
  }

  for (const [what, name] of [
    ['without audio is refused with Warning 304', 'no-audio'],
    ['of none of the codecs of media.codecs is refused with Warning 305', 'no-codec-of-ours'],
    ['of encrypted audio only is refused with Warning 302', 'encrypted-audio-only'],
  ] as const) {
    it(`${what}, and no buyer rings`, async () => {
      const market = await Market.open(exchange)
      await market.buyer(BUYER)
      await market.call(`uac-${name}-expect-488.xml`)
      const record = await market.ended({ outcome: 'refused', sip_status: 488, end_reason: 'unacceptable_media' })
      assert.equal(record.legs.length, 1)
    })
  }
})
