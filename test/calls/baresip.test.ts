import assert from 'node:assert/strict'
import { Baresip, baresipIsInstalled } from '../support/baresip.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'

describe('baresip', function () {
  this.timeout(60_000)
  let exchange: Exchange
  before(async function () {
    if (!baresipIsInstalled()) this.skip()
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const transport of ['udp', 'tcp'] as const) {
    it(`registers over ${transport.toUpperCase()}, answers a won call, hears the BYE, and unregisters`, async () => {
      const market = await Market.open(exchange)
      const { username, user } = await hireAgent(market)
      const server = exchange.process.sip(transport)
      const phone = await Baresip.start({ server, username, password: PASSWORD, transport })
      const bindings = async () =>
        (await exchange.api.request<{ bindings: { user_agent: string }[] }>('GET', `/api/v1/sip-users/${user.id}`))
          .bindings
      try {
        const [binding] = await eventually(
          async () => ((await bindings()).length > 0 ? bindings() : undefined),
          () => `it did not register:\n${phone.said}`,
        )
        assert.match(binding!.user_agent, /^baresip/)
        await market.call('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 1000 })
        const [record] = await market.records(1)
        assert.equal(record!.outcome, 'answered', phone.said)
        assert.equal(record!.end_reason, 'caller_hung_up')
      } finally {
        await phone.close()
      }
      await eventually(
        async () => ((await bindings()).length === 0 ? true : undefined),
        () => `it is still registered:\n${phone.said}`,
      )
      await market.close()
    })
  }
})
