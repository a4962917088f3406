import assert from 'node:assert/strict'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const SECOND = 'uas-answer-caller-hangs-up-expect-200.xml'

describe('a buyer who has moved, where redirects are followed', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let agents: UserAgent[] = []
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_REDIRECTS: 'follow' } })
  })
  afterEach(async () => {
    for (const agent of agents) await agent.close()
    agents = []
  })
  after(() => exchange?.close())

  async function phone(address = '127.0.0.1'): Promise<UserAgent> {
    const agent = await createUserAgent({ address })
    agents.push(agent)
    return agent
  }

  it('is rung where it has moved to: the same award, the same money', async () => {
    const market = await Market.open(exchange)
    const [old, busy, home] = [await phone(), await phone(), await phone()]
    const at = ({ address, port }: UserAgent) => `<sip:sales@${address}:${port}>`
    old.on('call', (call) => call.reject(302, undefined, { Contact: `${at(home)};q=0.2, ${at(busy)};q=0.9` }))
    busy.on('call', (call) => call.reject(486))
    home.on('call', (call) => call.accept())
    const buyer = await market.standingBid({ host: old.address, port: old.port }, { bid: { billable_after: 0 } })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, buyer.account.id)
    assert.equal(record.price, '1.00')
    assert.deepEqual(
      record.legs.map((leg) => leg['sip_status']),
      [200, 302, 486, 200],
    )
    assert.equal(await market.balanceOf(buyer.account), '99.00')
  })

  it('and sends the call round in a ring: the next buyer is rung', async () => {
    const market = await Market.open(exchange)
    const [one, two] = [await phone(), await phone()]
    const rung: string[] = []
    one.on('call', (call) => {
      rung.push('one')
      call.reject(301, undefined, { Contact: `<sip:sales@${two.address}:${two.port}>` })
    })
    two.on('call', (call) => {
      rung.push('two')
      call.reject(302, undefined, { Contact: `<sip:sales@${one.address}:${one.port}>` })
    })
    await market.standingBid({ host: one.address, port: one.port }, { amount: '9.00' })
    const second = await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.deepEqual(rung, ['one', 'two'])
    assert.equal(record.buyer_id, second.account.id)
  })

  it('to somebody else’s host: nobody is rung there', async () => {
    const market = await Market.open(exchange)
    const [old, stranger] = [await phone(), await phone('127.0.0.9')]
    let rung = 0
    stranger.on('call', () => rung++)
    old.on('call', (call) =>
      call.reject(302, undefined, { Contact: `<sip:sales@${stranger.address}:${stranger.port}>` }),
    )
    await market.standingBid({ host: old.address, port: old.port }, { amount: '9.00' })
    await market.call('uac-no-sale-expect-480.xml')
    await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
    assert.equal(rung, 0)
  })

  it('to a carrier of ours: nobody calls there at our expense', async () => {
    const market = await Market.open(exchange)
    const [old, carrier] = [await phone(), await phone()]
    let rung = 0
    carrier.on('call', () => rung++)
    const accounts = await exchange.api.listAll<{ id: string; type: string }>('accounts')
    const { id } = await exchange.api.create('trunks', {
      account_id: accounts.find(({ type }) => type === 'operator')!.id,
      name: 'way out',
      direction: 'outbound',
      host: `127.0.0.1:${carrier.port}`,
    })
    old.on('call', (call) => call.reject(302, undefined, { Contact: `<sip:+19005550100@127.0.0.1:${carrier.port}>` }))
    await market.standingBid({ host: old.address, port: old.port }, { amount: '9.00' })
    await market.call('uac-no-sale-expect-480.xml')
    await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
    assert.equal(rung, 0)
    await exchange.api.request('DELETE', `/api/v1/trunks/${id}`)
  })
})
