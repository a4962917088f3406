import assert from 'node:assert/strict'
import { Market } from '../support/call-market.ts'
import { PASSWORD } from '../support/registered-phone.ts'
import { PhoneStage, requirePhone, SOFTPHONES, type SoftphoneName } from '../support/phone-stage.ts'

const CARRIER_HZ = 600
const AGENT_HZ = 1000
const COLLEAGUE_HZ = 1400
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('a transfer by phones of other makers', function () {
  this.timeout(60_000)
  let stage: PhoneStage
  before(async function () {
    for (const name of SOFTPHONES) requirePhone(this, name)
    stage = await PhoneStage.open(this)
  })
  afterEach(() => stage?.clear())
  after(() => stage?.close())

  const other = (name: SoftphoneName): SoftphoneName => (name === 'baresip' ? 'linphonec' : 'baresip')

  for (const name of SOFTPHONES) {
    it(`${name} as an agent transfers the call to a colleague with ${other(name)}: the same sale`, async () => {
      const market = await Market.open(stage.exchange)
      const { phone, buyer } = await stage.agent(market, name, AGENT_HZ)
      const { phone: colleague, username } = await stage.colleague(buyer, other(name), COLLEAGUE_HZ)
      const { call, ear } = await stage.carrierCalls(market, CARRIER_HZ)
      await stage.hears(ear, AGENT_HZ)
      stage.transfer(phone, name, username)
      await stage.hears(ear, COLLEAGUE_HZ)
      await phone.waitFor(/^BYE /m)
      await call.hangUp()
      await stage.hasHeard(colleague, CARRIER_HZ)
      await stage.hasHeard(phone, CARRIER_HZ)
      const record = await market.ended(CALLER_HUNG_UP)
      assert.equal(record.price, '1.00', 'sold once')
      assert.deepEqual(
        record.legs.map(({ side, sip_status }) => [side, sip_status]),
        [
          ['caller', 200],
          ['buyer', 200],
          ['buyer', 200],
        ],
      )
    })

    it(`${name} as an agent hears that the colleague is not there`, async () => {
      const market = await Market.open(stage.exchange)
      const { phone, buyer } = await stage.agent(market, name, AGENT_HZ)
      const username = `${name}-nobody`
      await stage.exchange.api.create('sip-users', { account_id: buyer.id, username, password: PASSWORD })
      const { call, ear } = await stage.carrierCalls(market, CARRIER_HZ)
      await stage.hears(ear, AGENT_HZ)
      stage.transfer(phone, name, username)
      await phone.waitFor(/^SIP\/2\.0 480 /m)
      if (name === 'baresip') {
        // It hangs up by itself when its transfer has failed.
        assert.equal((await call.ended).cause, 'remote-hung-up')
        await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
      } else {
        await stage.hears(ear, AGENT_HZ)
        await call.hangUp()
        await market.ended(CALLER_HUNG_UP)
      }
    })
  }
})
