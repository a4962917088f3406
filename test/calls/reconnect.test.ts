import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { boundTo } from '../../gateway/sip-server/transport.ts'
import { Market } from '../support/call-market.ts'
import { type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { eventually, TestServer } from '../support/sip-server.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('an exchange that loses its SIP server for a moment', function () {
  this.timeout(120_000)
  let server: TestServer
  let exchange: Exchange
  /** What lies between the two, and can be cut. */
  let line: Server
  const ends = new Set<Socket>()
  let isCut = false
  before(async function () {
    requireEmbeddedSip(this, 'a line to it that can be cut')
    server = await TestServer.start()
    line = createServer((near) => {
      if (isCut) return near.destroy()
      const far = connect(server.handle.controlPort, '127.0.0.1')
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        ends.add(one)
        one.on('error', () => undefined)
        one.on('close', () => other.destroy())
        one.pipe(other)
      }
    })
    line.listen(0, '127.0.0.1')
    await once(line, 'listening')
    const env = {
      DCE_DRACHTIO_HOST: '127.0.0.1',
      DCE_DRACHTIO_PORT: String(boundTo(line).port),
      DCE_DRACHTIO_SECRET: 'cymru',
    }
    exchange = await startExchange(this, { env })
  })
  after(async () => {
    await exchange?.close()
    line?.close()
    await server?.close()
  })

  async function cut(): Promise<void> {
    isCut = true
    for (const end of ends) end.destroy()
    ends.clear()
    await eventually(async () => (await server.handle.stats()).applications === 0)
  }

  async function mend(): Promise<void> {
    isCut = false
    await eventually(async () => (await server.handle.stats()).applications === 1)
  }

  it('goes on with its calls: who hangs up later is heard, and the other side hung up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    const caller = await market.startCall('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 4000 })
    await market.answered()
    await market.acknowledged(caller)
    await cut()
    await mend()
    await market.went(caller)
    await market.went(buyer.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('hears afterwards of a caller who hung up meanwhile', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    const caller = await market.startCall('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 1500 })
    await market.answered()
    await market.acknowledged(caller)
    await cut()
    await market.went(caller)
    await sleep(200)
    await mend()
    await market.went(buyer.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('ends a call that is still rung: its caller hears 503 from the server, and nobody else is rung for it', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-no-answer-expect-487.xml', { bid: { amount: '20.00' } })
    const second = await market.buyer(BUYER)
    const caller = await market.startCall('uac-over-limit-expect-503.xml')
    await market.inState('ringing')
    await cut()
    await market.went(caller)
    await market.went(first.run)
    await mend()
    const record = await market.ended({
      outcome: 'interrupted',
      sip_status: 503,
      end_reason: 'interrupted',
      hung_up_by: 'exchange',
    })
    assert.equal(record.legs.length, 2, 'the caller’s and the first buyer’s')
    await second.run.stop()
  })
})
