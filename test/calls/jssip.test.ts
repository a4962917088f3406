import assert from 'node:assert/strict'
import { once } from 'node:events'
import JsSIP from 'jssip'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'

describe('JsSIP', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_WS_PORT: '0' } })
  })
  after(() => exchange?.close())

  it('registers over WebSocket with its instance, and unregisters', async () => {
    const market = await Market.open(exchange)
    const { username, user } = await hireAgent(market)
    const { host, port } = exchange.process.sip('ws')
    const agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`ws://${host}:${port}`)],
      uri: `sip:${username}@dce`,
      authorization_user: username,
      password: PASSWORD,
      register_expires: 120,
    })
    const bindings = async () =>
      (
        await exchange.api.request<{ bindings: { transport: string; user_agent: string }[] }>(
          'GET',
          `/api/v1/sip-users/${user.id}`,
        )
      ).bindings
    try {
      const registered = once(agent as never, 'registered')
      agent.start()
      await registered
      const [binding] = await bindings()
      assert.equal(binding!.transport, 'ws')
      assert.match(binding!.user_agent, /^JsSIP/)
    } finally {
      agent.stop()
    }
    await eventually(
      async () => ((await bindings()).length === 0 ? true : undefined),
      () => 'it is still registered',
    )
    await market.close()
  })
})
