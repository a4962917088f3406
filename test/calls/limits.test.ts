import { setTimeout as sleep } from 'node:timers/promises'
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, Exchange, startExchange, requireSipp } from '../support/exchange.ts'
import { bridgedCall } from '../support/bridged-call.ts'
import { Market } from '../support/call-market.ts'
import { SipPeer } from '../support/sip-peer.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const HUNG_UP_ON = 'uac-answered-other-side-hangs-up-expect-200.xml'

describe('the longest call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_MAX_CALL_DURATION: '2s' } })
  })
  after(() => exchange?.close())

  it('ends both legs when it is reached', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    await market.call(HUNG_UP_ON)
    await market.went(buyer.run)
    const record = await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'max_duration',
      hung_up_by: 'exchange',
    })
    assert.ok(record.duration_ms >= 1900, `lasted ${record.duration_ms} ms`)
  })
})

describe('audio that stops', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_MEDIA_RTP_TIMEOUT: '1s' } })
  })
  after(() => exchange?.close())

  it('ends the call', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    await market.call(HUNG_UP_ON)
    await market.went(buyer.run)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'rtp_timeout', hung_up_by: 'exchange' })
  })

  it('is no reason to end a call on hold, until it is taken back', async () => {
    const { market, caller, agent, close } = await bridgedCall(exchange)
    try {
      const hold = caller.localSdp.replace('a=sendrecv', 'a=sendonly')
      assert.equal((await caller.request('INVITE', { body: hold }))?.status, 200)
      await sleep(2500)
      assert.deepEqual([caller.isEnded, agent.isEnded], [false, false])
      const resume = caller.localSdp.replace('a=sendonly', 'a=sendrecv')
      assert.equal((await caller.request('INVITE', { body: resume }))?.status, 200)
      await caller.ended
      await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'rtp_timeout', hung_up_by: 'exchange' })
    } finally {
      await close()
    }
  })
})

describe('an exchange told to stop', function () {
  this.timeout(90_000)
  let dataDirectory: string
  before(async function () {
    requireSipp(this)
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-drain-'))
  })
  after(async () => {
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  it('takes no new calls, lets the live one finish, and exits 0', async () => {
    const exchange = await Exchange.start({ dataDirectory })
    try {
      const { market, caller, close } = await bridgedCall(exchange)
      await market.answered()
      exchange.process.signal('SIGTERM')
      await eventually(
        async () => ((await readyStatus(exchange)) === 200 ? undefined : true),
        () => '/health/ready still says 200 after SIGTERM',
      )
      await market.call('uac-draining-expect-503.xml')
      assert.match(await optionsAnswer(exchange), /^503 \d+$/)
      await caller.hangUp()
      assert.equal(await exchange.process.exited, 0)
      await close()
      await market.close()

      const again = await Exchange.start({ dataDirectory })
      try {
        const records = await again.callsTo(market.number)
        assert.deepEqual(
          records.map((call) => call.end_reason),
          ['caller_hung_up'],
          'the live call has its record; calls refused while draining are counted, not written one by one',
        )
        await again.assertMoneyBalances()
      } finally {
        await again.close()
      }
    } finally {
      await exchange.close()
    }
  })
})

/** What a carrier hears that asks by OPTIONS whether we take calls: status and Retry-After. */
async function optionsAnswer(exchange: Exchange): Promise<string> {
  const carrier = await SipPeer.open('udp', exchange.process.sip())
  carrier.request('OPTIONS')
  const answer = await carrier.receive(503)
  await carrier.close()
  return `${answer.status} ${answer.get('retry-after')}`
}

async function readyStatus(exchange: Exchange): Promise<number> {
  try {
    return (await exchange.api.raw('GET', '/health/ready')).status
  } catch {
    return 0 // It has closed its door: that is not ready either.
  }
}

describe('audio ports for one call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    const from = await freePorts(4)
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_RTP_PORT_RANGE: `${from}-${from + 3}` } })
  })
  after(() => exchange?.close())

  it('refuse the call whose next buyer needs another, and hang nothing up behind it', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-busy-expect-486.xml', { amount: '9.00' })
    const second = await market.buyer(BUYER, { amount: '4.00' })
    await market.call('uac-draining-expect-503.xml')
    await market.went(first.run)
    await market.ended({ outcome: 'refused', sip_status: 503, end_reason: 'overloaded', hung_up_by: 'exchange' })
    assert.equal((await second.run.finished).stats.created, 0)
    for (const { account } of [first, second]) assert.equal(await market.balanceOf(account), '100.00')
  })
})

/** The first of so many ports in a row that nobody has now, below those the kernel gives away. */
async function freePorts(count: number): Promise<number> {
  for (let from = 20_400; ; from += count) {
    const sockets = Array.from({ length: count }, () => createSocket('udp4'))
    const bound = sockets.map((socket, i) => once(socket.bind(from + i, '127.0.0.1'), 'listening'))
    const isFree = await Promise.all(bound).then(
      () => true,
      () => false,
    )
    await Promise.allSettled(bound)
    for (const socket of sockets) socket.close()
    if (isFree) return from
  }
}
