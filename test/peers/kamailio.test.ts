import assert from 'node:assert/strict'
import { findFreePort } from '../../sipp/free-port.ts'
import { Market, type Buyer } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { Kamailio, kamailioIsInstalled, type InnerTransport } from '../support/kamailio.ts'

const BUYERS = '127.66.20.1'

describe('Kamailio', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    if (!kamailioIsInstalled()) this.skip()
    const env = { DCE_TELEPHONY_TLS_PORT: '0', DCE_TELEPHONY_TLS_VERIFY: 'off' }
    exchange = await startExchange(this, { env })
  })
  after(() => exchange?.close())

  const hosts: Record<InnerTransport, string> = { udp: '127.66.21.1', tcp: '127.66.21.2', tls: '127.66.21.3' }
  for (const inner of ['udp', 'tcp', 'tls'] as const)
    describe(`in between, over ${inner.toUpperCase()}`, () => {
      const host = hosts[inner]
      let proxy: Kamailio
      before(async () => {
        proxy = await Kamailio.start({ host, inner, exchange: exchange.process.sip(inner), buyers: BUYERS })
        await eventually(
          async () => (proxy.hasExchange ? true : undefined),
          () => `our answer to its OPTIONS was not heard:\n${proxy.said}`,
        )
      })
      after(() => proxy?.close())
      beforeEach(() => proxy.forget())

      /** A market whose carrier is known by the proxy's address, with a buyer behind the same proxy. */
      async function open(file: string): Promise<{ market: Market; buyer: Buyer }> {
        const market = await Market.open(exchange, { trunk: { addresses: [host] } })
        const localPort = await findFreePort(BUYERS)
        const uri = `sip:buyer-${localPort}@${host}:${proxy.inside};transport=${inner}`
        const buyer = await market.buyer(file, { target: { uri }, play: { host: BUYERS, localPort } })
        return { market, buyer }
      }
      const calling = () => ({ remote: { host, port: proxy.outside } })

      /** What each side sent that the proxy had a hand in. */
      const sent = (market: Market) => {
        const requests = proxy.seen.filter(({ method }) => method !== 'OPTIONS')
        assert.deepEqual(
          requests.filter(({ how }) => how === 'lost'),
          [],
          'a request had no route',
        )
        const of = (from: string) =>
          requests.filter((each) => each.from === from).map(({ how, method }) => `${how} ${method}`)
        return { carrier: of(market.address), exchange: of(exchange.process.sip(inner).host), buyer: of(BUYERS) }
      }

      it('hears our answer to its OPTIONS; another, whose exchange does not answer, sends it no calls', async () => {
        assert.ok(proxy.hasExchange)
        const silent = { host: '127.66.22.1', port: await findFreePort('127.66.22.1') }
        const cutOff = await Kamailio.start({ host, inner, exchange: silent, buyers: BUYERS })
        try {
          const market = await Market.open(exchange)
          await market.call('uac-draining-expect-503.xml', { remote: { host, port: cutOff.outside } })
          assert.equal(cutOff.hasExchange, false)
          await market.close()
        } finally {
          await cutOff.close()
        }
      })

      it('keeps to the route set: the caller holds the call, takes it back and hangs up', async () => {
        const { market, buyer } = await open('uas-behind-proxy-hold-expect-200.xml')
        const result = await market.call('uac-hold-expect-200.xml', calling())
        const heard = await market.messages(result)
        await market.went(buyer.run)
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        const inDialog = ['ACK', 'INVITE', 'ACK', 'INVITE', 'ACK', 'BYE'].map((method) => `routed ${method}`)
        assert.deepEqual(sent(market), {
          carrier: ['new INVITE', ...inDialog],
          exchange: ['new INVITE', ...inDialog],
          buyer: [],
        })
        const answer = /SIP\/2.0 200 OK\r?\n(?:[^\r\n]+\r?\n)*?CSeq: 1 INVITE/.exec(heard)?.[0] ?? heard
        const routes = [...answer.matchAll(/<sip:[^>]*;lr[^>]*>/g)].map(([route]) => route)
        assert.equal(routes.length, 2, `one for each of its sides: ${routes.join(', ')}`)
      })

      it('keeps to the route set: the buyer holds the call and hangs up', async () => {
        const { market, buyer } = await open('uas-behind-proxy-hang-up-expect-200.xml')
        await market.call('uac-held-expect-200.xml', calling())
        await market.went(buyer.run)
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'buyer_hung_up' })
        const inDialog = ['routed INVITE', 'routed ACK', 'routed BYE']
        assert.deepEqual(sent(market), {
          carrier: ['new INVITE', 'routed ACK'],
          exchange: ['new INVITE', 'routed ACK', ...inDialog],
          buyer: inDialog,
        })
      })

      it('passes on the CANCEL of a caller who gives up', async () => {
        const { market, buyer } = await open('uas-behind-proxy-no-answer-expect-487.xml')
        await market.call('uac-cancel-through-proxy-expect-487.xml', calling())
        await market.went(buyer.run)
        await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled' })
        const seen = sent(market)
        for (const side of [seen.carrier, seen.exchange]) assert.deepEqual(side, ['new INVITE', 'hop CANCEL']) // It takes the ACK of a 487 for itself, and sends its own.
      })
    })
})
