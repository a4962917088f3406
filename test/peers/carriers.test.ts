import assert from 'node:assert/strict'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip } from '../support/exchange.ts'
import { directionOf, PhoneStage, requirePhone, SIP_CONTACT_OVER_TLS, SOFTPHONES } from '../support/phone-stage.ts'

const CARRIER_HZ = 1000
const BUYER_HZ = 600
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe("a carrier's phone", function () {
  this.timeout(120_000)
  let stage: PhoneStage
  before(async function () {
    stage = await PhoneStage.open(this)
  })
  afterEach(() => stage?.clear())
  after(() => stage?.close())

  for (const name of SOFTPHONES) {
    describe(`by ${name}`, () => {
      before(function () {
        requirePhone(this, name)
      })

      for (const transport of ['udp', 'tcp', 'tls'] as const) {
        it(`calls over ${transport.toUpperCase()} with its password, speaks, hears, and hangs up`, async function () {
          if (transport === 'tls' && name === 'baresip') requireEmbeddedSip(this, SIP_CONTACT_OVER_TLS)
          const market = await Market.open(stage.exchange)
          const { next } = await stage.buyerAnswers(market, BUYER_HZ)
          const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ, transport)
          dial()
          const { call, ear } = await stage.within(next, phone)
          await stage.hears(ear, CARRIER_HZ)
          phone.hangUp()
          assert.equal((await call.ended).cause, 'remote-hung-up')
          await stage.hasHeard(phone, BUYER_HZ)
          const record = await market.ended(CALLER_HUNG_UP)
          assert.equal(record.seller_id, market.seller.id)
        })
      }

      it('holds the call and resumes it, and keys digits', async () => {
        const market = await Market.open(stage.exchange)
        const { next } = await stage.buyerAnswers(market, BUYER_HZ)
        const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ)
        dial()
        const { call, ear } = await stage.within(next, phone)
        await stage.hears(ear, CARRIER_HZ)
        const asked: string[] = []
        call.on('request', ({ method, body }) => method === 'INVITE' && asked.push(directionOf(body)))
        await phone.hold()
        await phone.resume()
        assert.deepEqual(asked, ['sendonly', 'sendrecv'])
        await stage.hears(ear, CARRIER_HZ)
        for (const digit of '42') {
          phone.key(digit)
          await eventually(
            async () => (ear.digits.endsWith(digit) ? true : undefined),
            () => `the buyer heard the digits “${ear.digits}”`,
          )
        }
        assert.equal(ear.digits, '42')
        await call.hangUp()
        await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
      })

      it('gives up while it rings', async () => {
        const market = await Market.open(stage.exchange)
        const { next } = await stage.buyerRings(market)
        const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ)
        dial()
        const call = await stage.within(next, phone)
        await phone.waitFor(/^SIP\/2\.0 180 /m)
        phone.hangUp()
        assert.equal((await call.ended).cause, 'cancelled')
        await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled' })
      })

      it('hears 480 when nobody buys its call', async () => {
        const market = await Market.open(stage.exchange)
        const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ)
        dial()
        await phone.waitFor(/^SIP\/2\.0 480 /m)
        await market.ended({ outcome: 'no_sale', sip_status: 480, end_reason: 'no_sale' })
      })
    })
  }

  // Over TCP and TLS baresip leaves its own address to the kernel, and Linphone always does.
  it('by baresip is known by its address over UDP, without a password', async function () {
    requirePhone(this, 'baresip')
    const market = await Market.open(stage.exchange)
    const { next } = await stage.buyerAnswers(market, BUYER_HZ)
    const { address } = market
    const options = { transport: 'udp', username: 'anybody', toneHz: CARRIER_HZ, registers: false, address } as const
    const phone = await stage.phone('baresip', options)
    stage.dial(market, phone, 'baresip', 'udp')
    const { call, ear } = await stage.within(next, phone)
    await stage.hears(ear, CARRIER_HZ)
    assert.doesNotMatch(phone.said, /^SIP\/2\.0 401/m)
    phone.hangUp()
    assert.equal((await call.ended).cause, 'remote-hung-up')
    await stage.hasHeard(phone, BUYER_HZ)
    await market.ended(CALLER_HUNG_UP)
  })
})
