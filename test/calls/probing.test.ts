import assert from 'node:assert/strict'
import { answers } from '../../sipp/agents/answerers.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { eventually, type Exchange, startExchange, requireEmbeddedSip } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

interface TargetAnswer {
  readonly id: string
  readonly status: { readonly state: string; readonly since: string | null; readonly last_status: number | null }
}

const PROBING = {
  DCE_TELEPHONY_PROBE_INTERVAL: '300ms',
  DCE_TELEPHONY_PROBE_FAILURES: '2',
  // Nobody answers at all: the sooner 64*T1 is over, the sooner it is known.
  DCE_TELEPHONY_T1: '20ms',
}

describe('a target that does not answer OPTIONS any more', function () {
  this.timeout(120_000)
  let exchange: Exchange
  before(async function () {
    requireEmbeddedSip(this, 'its timer T1 set')
    exchange = await startExchange(this, { env: PROBING })
  })
  after(() => exchange?.close())

  const targetOf = async (accountId: string): Promise<TargetAnswer> =>
    (await exchange.api.listAll<TargetAnswer & Record<string, unknown>>(`targets?account_id=${accountId}`))[0]!

  async function becomes(accountId: string, state: string): Promise<TargetAnswer> {
    return eventually(
      async () => {
        const target = await targetOf(accountId)
        return target.status.state === state ? target : undefined
      },
      () => `the target of ${accountId} becomes ${state}`,
    )
  }

  async function phone(port = 0): Promise<UserAgent> {
    const agent = await createUserAgent({ port })
    agent.on('call', answers({}))
    return agent
  }

  it('is passed over for one that does, and is back with its first answer', async () => {
    const market = await Market.open(exchange)
    let first = await phone()
    const second = await phone()
    const { port } = first
    const dear = await market.standingBid({ host: '127.0.0.1', port }, { amount: '9.00' })
    const cheap = await market.standingBid({ host: '127.0.0.1', port: second.port }, { amount: '4.00' })
    const up = await becomes(dear.account.id, 'up')
    assert.equal(up.status.last_status, 200)
    assert.ok(up.status.since)
    await becomes(cheap.account.id, 'up')
    assert.match(await exchange.api.metrics(), /dce_probed_places\{kind="target",state="up"\} 2/)

    await first.close()
    await becomes(dear.account.id, 'down')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const sold = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    assert.equal(sold.buyer_id, cheap.account.id)
    assert.equal(sold.legs.length, 2, 'nobody waited for the first')
    const { non_bids } = await exchange.api.request<{ non_bids: { bid_id: string; code: string }[] }>(
      'GET',
      `/api/v1/calls/${sold.id}/auction`,
    )
    assert.equal(non_bids.find(({ bid_id }) => bid_id === dear.bid.id)?.code, 'target_down')
    await exchange.says(/"msg":"target down"/)

    first = await phone(port)
    await becomes(dear.account.id, 'up')
    await Promise.all([first.close(), second.close()])
    await market.close()
  })

  it('is rung all the same when no other is left', async () => {
    const market = await Market.open(exchange)
    const only = await phone()
    const buyer = await market.standingBid({ host: '127.0.0.1', port: only.port })
    await becomes(buyer.account.id, 'up')
    await only.close()
    await becomes(buyer.account.id, 'down')
    await market.call('uac-no-sale-expect-480.xml')
    const record = await market.ended({ outcome: 'no_answer', sip_status: 480, end_reason: 'all_awards_failed' })
    assert.equal(record.legs.length, 2)
    await market.close()
  })
})
