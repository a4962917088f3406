import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { WebSocket } from 'ws'
import { ADMIN } from '../../sipp/exchange-process.ts'
import { attachToEmbedded } from '../../storage/embedded-postgres.ts'
import { readTurn } from '../../storage/outbox.ts'
import { eventually, Exchange, requireSipp } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'

interface TestEvent {
  readonly id: string
  readonly type: string
  readonly call_id?: string
  readonly payload: Record<string, unknown>
}

/** What waits in the outbox of an exchange on its embedded database, the oldest first. */
async function kept(dataDirectory: string): Promise<TestEvent[]> {
  const database = attachToEmbedded(dataDirectory)!
  const client = new pg.Client(database.connection)
  try {
    await client.connect()
    const { rows } = await readTurn({
      rows: async (text, values) => (await client.query(text, values as unknown[])).rows,
    })
    return rows.flatMap(({ events }) => events.map((line) => JSON.parse(line) as TestEvent))
  } finally {
    await client.end()
    database.close()
  }
}

const typesOf = (events: readonly TestEvent[]): string[] => events.map(({ type }) => type)

describe('what is announced of a call', function () {
  this.timeout(120_000)
  let dataDirectory: string
  let exchange: Exchange | null = null
  before(function () {
    requireSipp(this)
  })
  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-events-'))
  })
  afterEach(async () => {
    await exchange?.close()
    exchange = null
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })
  // Nobody listens on that port: all waits.
  const KAFKA = { DCE_KAFKA_BROKERS: '127.0.0.1:1' }
  const start = async (env: Record<string, string>): Promise<Exchange> =>
    (exchange = await Exchange.start({ dataDirectory, env }))

  /** Of a call, once it has ended: a little after it reads as ended. */
  const keptOf = (id: string): Promise<TestEvent[]> =>
    eventually(
      async () => {
        const ofCall = (await kept(dataDirectory)).filter(({ call_id: callId }) => callId === id)
        return typesOf(ofCall).includes('call.ended') ? ofCall : undefined
      },
      () => 'its end is not in the outbox',
    )

  it('waits for Kafka in the order it happened, and is what the WebSocket feed has told', async () => {
    const first = await start(KAFKA)
    const { access_token: token } = await first.api.request<{ access_token: string }>(
      'POST',
      '/api/v1/auth/login',
      ADMIN,
    )
    const { host, port } = first.process.http
    const feed = new WebSocket(`ws://${host}:${port}/ws/v1/events`, { headers: { authorization: `Bearer ${token}` } })
    const heard: TestEvent[] = []
    feed.on('message', (data: Buffer) => void heard.push(JSON.parse(data.toString()) as TestEvent))
    await once(feed, 'open')
    feed.send(
      JSON.stringify({ type: 'subscribe', topics: ['bids', 'routing_decisions', 'calls', 'auctions', 'compliance'] }),
    )
    await eventually(
      async () => (typesOf(heard).includes('subscribed') ? true : undefined),
      () => `the feed said ${JSON.stringify(heard)}`,
    )
    const market = await Market.open(first)
    const buyer = await market.buyer(BUYER)
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 500 })
    await market.went(buyer.run)
    const { id } = await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    })
    const ofCall = await keptOf(id)
    assert.deepEqual(typesOf(ofCall), [
      'call.received',
      'compliance.checked',
      'call.routed',
      'auction.started',
      'auction.completed',
      'routing.decision',
      'call.ringing',
      'call.answered',
      'bid.won',
      'ledger.posted',
      'call.ended',
    ])
    assert.deepEqual([ofCall.at(-1)!.payload['state'], ofCall.at(-1)!.payload['price']], ['ended', '1.00'])
    const isMoneyOrBid = ({ type, call_id: callId }: TestEvent): boolean =>
      callId === undefined && (type === 'ledger.posted' || type === 'bid.placed')
    const outsideCalls = (await kept(dataDirectory)).filter(isMoneyOrBid)
    assert.deepEqual(typesOf(outsideCalls), ['ledger.posted', 'bid.placed'])
    await eventually(
      async () =>
        heard.some(({ type, call_id: callId }) => type === 'call.ended' && callId === id) ? true : undefined,
      () => `the feed said ${typesOf(heard).join(' ')}`,
    )
    feed.close()
    assert.deepEqual(
      heard.filter(({ call_id: callId }) => callId === id),
      ofCall,
    )
    assert.deepEqual(heard.filter(isMoneyOrBid), outsideCalls)
  })

  it('ends after a crash with its end, which the restart announces', async () => {
    const first = await start(KAFKA)
    const market = await Market.open(first)
    const buyer = await market.buyer(BUYER, { play: { timeoutS: 90 } })
    const caller = await market.startCall('uac-answered-other-side-hangs-up-expect-200.xml', { timeoutS: 90 })
    const { id } = await market.answered()
    await eventually(
      async () => (typesOf(await kept(dataDirectory)).includes('bid.won') ? true : undefined),
      () => 'no bid was won',
    )
    await first.process.kill()
    await start(KAFKA)
    const ofCall = await keptOf(id)
    assert.equal(ofCall.filter(({ type }) => type === 'call.ended').length, 1)
    assert.equal(typesOf(ofCall).at(-1), 'call.ended')
    assert.equal(ofCall.at(-1)!.payload['outcome'], 'interrupted')
    await Promise.all([caller.stop(), buyer.run.stop()])
  })

  it('is kept without Kafka as far as it is final', async () => {
    const market = await Market.open(await start({}))
    const buyer = await market.buyer(BUYER)
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 500 })
    await market.went(buyer.run)
    const { id } = await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    })
    const ofCall = await keptOf(id)
    assert.deepEqual(typesOf(ofCall), ['ledger.posted', 'call.ended'])
  })
})
