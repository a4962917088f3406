import assert from 'node:assert/strict'
import { answers } from '../../sipp/agents/answerers.ts'
import { placeCall } from '../../sipp/agents/callers.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'

const PROBE = new URL('../support/left-behind.ts', import.meta.url).href
const CALLS = 20
/** The share that may still be held, by what is really there: a message that is sent again, the last batch. */
const SHARE = 0.1
const TRIES = 3

describe('calls that are over', function () {
  let exchange: Exchange
  let market: Market
  let phones: readonly UserAgent[]
  before(async function () {
    exchange = await startExchange(this, { env: { NODE_OPTIONS: `--import=${PROBE}` } })
    market = await Market.open(exchange)
    phones = [await createUserAgent({ address: market.address }), await createUserAgent()]
    phones[1]!.on('call', answers())
    await market.standingBid(phones[1]!.local, { deposit: '1000.00' })
  })
  after(async () => {
    await Promise.all(phones.map((phone) => phone.close()))
    await exchange?.close()
  })

  async function call(from: number): Promise<void> {
    const options = { from: `+1212555${from}`, to: market.number, target: exchange.process.sip() }
    const { outcome } = await placeCall(phones[0]!, options, { hangUpAfterMs: 1 })
    assert.equal(outcome.kind, 'answered')
  }

  /** What the exchange says to a signal, the `nth` time. */
  async function look(nth: number): Promise<{ left: number; made: number; fewest: number; majors: number }> {
    process.kill(exchange.process.pid, 'SIGUSR2')
    const said = await eventually(
      async () =>
        [...(await exchange.log()).matchAll(/^left behind: (-?\d+) of (\d+), (\d+) of each at least, (\d+) majors$/gm)][
          nth
        ],
      () => exchange.log(),
    )
    const [left, made, fewest, majors] = said.slice(1).map(Number)
    return { left: left!, made: made!, fewest: fewest!, majors: majors! }
  }

  it('are gone with the next sweep of what is young, and do not wait until all memory is looked through', async function () {
    this.timeout(60_000)
    await call(1000)
    for (let tries = 1; ; tries++) {
      await look(2 * tries - 2)
      // One after the other: what lives through two sweeps while its call goes on has grown old rightly.
      for (let i = 0; i < CALLS; i++) await call(1000 + tries * CALLS + i)
      await eventually(
        async () => (await exchange.metric('dce_active_calls')) === 0 || undefined,
        () => 'calls in progress',
      )
      const { left, made, fewest, majors } = await look(2 * tries - 1)
      assert.ok(fewest >= CALLS, `${fewest} of some kind of object of ${CALLS} calls`)
      if (majors > 0) {
        assert.ok(tries < TRIES, 'all memory was looked through each time, which proves nothing')
        continue
      }
      assert.ok(left <= SHARE * made, `${left} of ${made} are held`)
      return
    }
  })
})
