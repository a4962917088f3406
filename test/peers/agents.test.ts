import assert from 'node:assert/strict'
import { Market } from '../support/call-market.ts'
import { eventually } from '../support/exchange.ts'
import { directionOf, PhoneStage, requirePhone, SOFTPHONES } from '../support/phone-stage.ts'

const CARRIER_HZ = 600
const AGENT_HZ = 1000
const NEXT_HZ = 1400
/** What each says when its user does not want a call. */
const REFUSED_WITH = { baresip: 486, linphonec: 603 }
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe("a buyer's agent", function () {
  this.timeout(120_000)
  let stage: PhoneStage
  before(async function () {
    stage = await PhoneStage.open(this)
  })
  afterEach(() => stage?.clear())
  after(() => stage?.close())

  for (const name of SOFTPHONES) {
    describe(`with ${name}`, () => {
      before(function () {
        requirePhone(this, name)
      })

      for (const transport of ['udp', 'tcp', 'tls'] as const) {
        it(`registers over ${transport.toUpperCase()}, answers a won call, speaks and hears, is hung up on, and unregisters`, async () => {
          const market = await Market.open(stage.exchange)
          const { phone, user } = await stage.agent(market, name, AGENT_HZ, transport)
          const [binding] = await stage.bindings(user)
          assert.match(binding!.user_agent, new RegExp(`^${name}`, 'i'))
          assert.equal(binding!.transport, transport)
          const { call, ear } = await stage.carrierCalls(market, CARRIER_HZ)
          await stage.hears(ear, AGENT_HZ)
          await call.hangUp()
          await stage.hasHeard(phone, CARRIER_HZ)
          await market.ended(CALLER_HUNG_UP)
          await phone.close()
          await stage.untilRegistered(user, 0, phone)
        })
      }

      it('holds the call and resumes it, keys digits, and hangs up', async () => {
        const market = await Market.open(stage.exchange)
        const { phone } = await stage.agent(market, name, AGENT_HZ)
        const { call, ear } = await stage.carrierCalls(market, CARRIER_HZ)
        await stage.hears(ear, AGENT_HZ)
        const asked: string[] = []
        call.on('request', ({ method, body }) => method === 'INVITE' && asked.push(directionOf(body)))
        await phone.hold()
        await phone.resume()
        assert.deepEqual(asked, ['sendonly', 'sendrecv'])
        await stage.hears(ear, AGENT_HZ)
        phone.key('7')
        await eventually(
          async () => (ear.digits === '7' ? true : undefined),
          () => `the caller heard the digits “${ear.digits}”`,
        )
        phone.hangUp()
        assert.equal((await call.ended).cause, 'remote-hung-up')
        await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
      })

      it('refuses a call, which the next buyer gets', async () => {
        const market = await Market.open(stage.exchange)
        const { phone } = await stage.agent(market, name, AGENT_HZ, 'udp', { answers: false })
        await stage.buyerAnswers(market, NEXT_HZ, '2.00')
        const calling = stage.carrierCalls(market, CARRIER_HZ)
        await phone.waitFor(/^SIP\/2\.0 180 /m)
        phone.hangUp()
        const { call, ear } = await calling
        await stage.hears(ear, NEXT_HZ)
        await call.hangUp()
        const record = await market.ended(CALLER_HUNG_UP)
        assert.deepEqual(
          record.legs.map(({ sip_status }) => sip_status),
          [200, REFUSED_WITH[name], 200],
        )
      })
    })
  }
})
