import assert from 'node:assert/strict'
import { Market } from '../support/call-market.ts'
import { requireEmbeddedSip } from '../support/exchange.ts'
import { PASSWORD } from '../support/registered-phone.ts'
import {
  PhoneStage,
  requirePhone,
  SIP_CONTACT_OVER_TLS,
  SOFTPHONES,
  type SoftphoneName,
} from '../support/phone-stage.ts'
import { mediaOf } from '../support/talks.ts'

const CARRIER_HZ = 600
const AGENT_HZ = 1000
const COLLEAGUE_HZ = 1400
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('two phones of other makers', function () {
  this.timeout(120_000)
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

    it(`${name} calls over TCP, ${other(name)} answers over TLS: each hears the other, and holds and resumes`, async function () {
      if (other(name) === 'baresip') requireEmbeddedSip(this, SIP_CONTACT_OVER_TLS)
      const market = await Market.open(stage.exchange)
      const agent = await stage.agent(market, other(name), AGENT_HZ, 'tls')
      const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ, 'tcp')
      dial()
      await market.answered()
      // Before the hold: baresip's recorder stops there for good.
      await stage.talk()
      for (const [holder, held] of [
        [phone, agent.phone],
        [agent.phone, phone],
      ] as const) {
        const { mark } = held
        await holder.hold()
        await held.waitFor(/^INVITE [^]*^a=sendonly[^]*^a=recvonly/m, mark)
        await holder.resume()
        await held.waitFor(/^a=recvonly[^]*^INVITE [^]*^a=sendrecv/m, mark)
      }
      await stage.talk()
      agent.phone.hangUp()
      const record = await market.ended({ ...CALLER_HUNG_UP, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
      await stage.hasHeard(phone, AGENT_HZ)
      await stage.hasHeard(agent.phone, CARRIER_HZ)
      for (const leg of record.legs) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the API describes a leg.
        const { packets_received } = leg['media'] as { packets_received: number }
        assert.ok(packets_received > 60, `50 a second for twice 0.8 s, and not ${packets_received}`)
      }
    })

    it(`${name} calls, and ${other(name)} answers, over TLS and with SRTP and nothing less: each hears the other`, async function () {
      requireEmbeddedSip(this, SIP_CONTACT_OVER_TLS)
      const market = await Market.open(stage.exchange)
      const agent = await stage.agent(market, other(name), AGENT_HZ, 'tls', { srtp: true })
      const { phone, dial } = await stage.carrier(market, name, CARRIER_HZ, 'tls', { srtp: true })
      dial()
      await market.answered()
      await stage.talk()
      phone.hangUp()
      const record = await market.ended(CALLER_HUNG_UP)
      await stage.hasHeard(phone, AGENT_HZ)
      await stage.hasHeard(agent.phone, CARRIER_HZ)
      for (const { said } of [phone, agent.phone])
        assert.match(said, /^m=audio \d+ RTP\/SAVP [^]*^a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 /m)
      for (const { packets_lost } of mediaOf(record)) assert.equal(packets_lost, 0)
    })
  }
})
