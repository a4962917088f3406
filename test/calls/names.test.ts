import assert from 'node:assert/strict'
import { answers } from '../../sipp/agents/answerers.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { findFreePort } from '../../sipp/free-port.ts'
import { DnsServer } from '../support/dns-server.ts'
import { type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('a buyer whose URI has a name', function () {
  this.timeout(120_000)
  let dns: DnsServer
  let exchange: Exchange
  let phone: UserAgent

  before(async function () {
    dns = await DnsServer.open()
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_DNS_SERVERS: dns.address } })
    phone = await createUserAgent()
    phone.on('call', answers({}))
    dns.hosts('pbx.buyers.example', ['127.0.0.1'])
  })
  after(async () => {
    await phone?.close()
    await exchange?.close()
    await dns.close()
  })

  it('is found through the DNS servers of the settings, and rung where it answers', async function () {
    requireEmbeddedSip(this, 'DNS servers to be told')
    const nobody = await findFreePort('127.0.0.1')
    dns.services('_sip._udp.buyers.example', [
      { target: 'pbx.buyers.example', port: nobody, priority: 1 },
      { target: 'pbx.buyers.example', port: phone.port, priority: 2 },
    ])
    const market = await Market.open(exchange)
    await market.standingBid({ host: '', port: 0 }, { target: { uri: 'sip:sales@buyers.example' } })
    await market.call(CALLER)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.legs.length, 2, 'one award, one leg, two hops')
    assert.ok(dns.asked.includes('NAPTR buyers.example'))
    await market.close()
  })

  it('is away when the name has no address: the next buyer is rung', async () => {
    const market = await Market.open(exchange)
    const away = { amount: '9.00', target: { uri: 'sip:sales@nowhere.example' } }
    await market.standingBid({ host: '', port: 0 }, away)
    const there = await market.standingBid({ host: '127.0.0.1', port: phone.port }, { amount: '4.00' })
    await market.call(CALLER)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, there.account.id)
    await market.close()
  })
})
