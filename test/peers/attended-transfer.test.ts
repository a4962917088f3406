import assert from 'node:assert/strict'
import { Linphone } from '../support/linphone.ts'
import { Market } from '../support/call-market.ts'
import { PhoneStage, requirePhone, SOFTPHONES } from '../support/phone-stage.ts'

const CONSUMER_HZ = 600
const AGENT_HZ = 1000
const SPECIALIST_HZ = 1400
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('an agent with Linphone who asks first', function () {
  this.timeout(120_000)
  let stage: PhoneStage
  before(async function () {
    for (const name of SOFTPHONES) requirePhone(this, name)
    stage = await PhoneStage.open(this)
  })
  afterEach(() => stage?.clear())
  after(() => stage?.close())

  for (const name of SOFTPHONES) {
    it(`leaves the caller with a specialist on ${name}, and both hear each other: two sales, until one hangs up`, async () => {
      const bought = await Market.open(stage.exchange)
      const placed = await Market.open(stage.exchange, { trunk: { addresses: ['127.0.0.1'] } })
      const { phone: agent } = await stage.agent(bought, 'linphonec', AGENT_HZ)
      const { phone: specialist } = await stage.agent(placed, name, SPECIALIST_HZ)
      const { call: consumer, ear } = await stage.carrierCalls(bought, CONSUMER_HZ)
      await stage.hears(ear, AGENT_HZ)
      await agent.hold()
      stage.dial(placed, agent, 'linphonec', 'udp')
      await placed.answered()
      await stage.talk()
      assert.ok(agent instanceof Linphone)
      const { mark } = agent
      agent.transferToOther()
      await agent.waitFor(/^BYE [^]*^BYE /m, mark)
      await stage.hears(ear, SPECIALIST_HZ)
      await consumer.hangUp()
      await specialist.waitFor(/^BYE /m)
      // Two Linphones talk Opus with one another, and its recorder writes that at another rate.
      if (name === 'baresip') await stage.hasHeard(specialist, AGENT_HZ)
      await stage.hasHeard(specialist, CONSUMER_HZ)
      const records = [await bought.ended(CALLER_HUNG_UP), await placed.ended(CALLER_HUNG_UP)]
      assert.deepEqual(
        records.map(({ price, legs }) => [price, legs.map(({ side }) => side)]),
        [
          ['1.00', ['caller', 'buyer', 'buyer']],
          ['1.00', ['caller', 'buyer', 'caller']],
        ],
      )
    })
  }
})
