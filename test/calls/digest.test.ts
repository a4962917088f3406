import assert from 'node:assert/strict'
import { playScenario, explain } from '../../sipp/run.ts'
import { eventually, type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { Market, type MarketTerms } from '../support/call-market.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'

const BY_PASSWORD: MarketTerms = { trunk: { addresses: [], username: 'carrier', password: 'correct horse' } }
const CREDENTIALS = { more: ['-au', 'carrier', '-ap', 'correct horse'] }

describe('a carrier known by its password', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    // SIPp 3.6 knows MD5 only, and reads only the first challenge.
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const transport of ['udp', 'tcp'] as const) {
    it(`is asked for it and called through over ${transport.toUpperCase()}`, async () => {
      const market = await Market.open(exchange, BY_PASSWORD)
      await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
      await market.call('uac-digest-expect-200.xml', { ...CREDENTIALS, transport })
      const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      assert.equal(record.seller_id, market.seller.id)
    })
  }

  it('hears another 401 to a wrong password, and no record is written', async () => {
    const market = await Market.open(exchange, BY_PASSWORD)
    const wrong = { more: ['-au', 'carrier', '-ap', 'guess'] }
    const result = await playScenario(market.callOptions('uac-digest-wrong-password-expect-401.xml', wrong))
    assert.equal(result.exitCode, 0, await explain(result))
    assert.equal((await exchange.callsTo(market.number)).length, 0)
    await eventually(
      async () => ((await exchange.metric('dce_sip_authentications_total')) > 0 ? true : undefined),
      () => 'nothing was counted',
    )
    await market.close()
  })

  it('is not asked at an address that is its trunk’s too', async () => {
    const market = await Market.open(exchange)
    const trunks = await exchange.api.listAll('trunks')
    const trunk = trunks.find((each) => each['account_id'] === market.seller.id)!
    const credentials = { username: 'both', password: 'correct horse' }
    await exchange.api.request('PATCH', `/api/v1/trunks/${trunk.id}`, credentials)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.records(1)
    const elsewhere = {
      host: market.address.replace(/^127\.\d+/, '127.9'),
      more: ['-au', 'both', '-ap', 'correct horse'],
    }
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { amount: '9.00' })
    await market.call('uac-digest-expect-200.xml', elsewhere)
    assert.equal((await market.records(2)).length, 2)
    await market.close()
  })

  for (const transport of ['udp', 'tcp'] as const) {
    it(`may be a phone that registers with MD5 over ${transport.toUpperCase()}, and is rung where its Contact says`, async function () {
      // SIPp leaves once it is registered; drachtio-server sends to the connection it came by, and nowhere else.
      if (transport === 'tcp') requireEmbeddedSip(this, 'a new connection to who closed its own')
      const market = await Market.open(exchange)
      const phone = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', {
        amount: '1.50', // The agent bids more; without it this one would be rung.
        play: { transport },
      })
      const { username } = await hireAgent(market)
      const keys = { contact_port: String(phone.run.port), expires: '600' }
      const result = await playScenario({
        file: 'uac-register-expect-200.xml',
        remote: exchange.process.sip(transport),
        transport,
        service: username,
        keys,
        more: ['-au', username, '-ap', PASSWORD],
      })
      assert.equal(result.exitCode, 0, await explain(result))
      await market.call('uac-answered-caller-hangs-up-expect-200.xml')
      const [record] = await market.records(1)
      assert.equal(record!.outcome, 'answered')
      assert.equal(record!.legs.at(-1)!['uri'], `sip:${username}@dce`)
      await market.close()
    })
  }
})
