import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildPacket, buildTone, nowUs } from '../../sipp/agents/rtp-packet.ts'
import { eventually, Exchange, startExchange } from '../support/exchange.ts'
import { ManyCalls } from '../support/many-calls.ts'
import { mediaOf } from '../support/talks.ts'
import { KILLABLE_RELAY } from '../support/thread-killer.ts'

describe('a relay whose thread dies', function () {
  this.timeout(90_000)
  let exchange: Exchange
  const open: ManyCalls[] = []
  before(async function () {
    exchange = await startExchange(this, { env: KILLABLE_RELAY })
  })
  afterEach(async () => {
    for (const calls of open.splice(0)) await calls.close()
  })
  after(() => exchange?.close())

  it('ends its calls with a named cause, and takes new ones as soon as another thread is there', async () => {
    const calls = await ManyCalls.place(exchange, 10)
    open.push(calls)
    exchange.process.signal('SIGUSR2')
    for (const { end } of await calls.ended()) assert.equal(end.cause, 'remote-hung-up')
    for (const record of await calls.market.records(10)) {
      const { outcome, end_reason, hung_up_by } = record
      assert.deepEqual([outcome, end_reason, hung_up_by], ['answered', 'media_failed', 'exchange'])
    }
    await exchange.says(/killed by a test.*a relay thread died/)
    const health = async () => (await exchange.api.raw('GET', '/health')).text()
    await eventually(async () => ((await health()).includes('"down"') ? undefined : true), health)
    const again = await ManyCalls.place(exchange, 2)
    open.push(again)
    for (const { rtp } of await again.hangUp()) {
      assert.ok(rtp!.received > 15, `${rtp!.received} packets`)
      assert.equal(rtp!.lost, 0)
    }
    await eventually(
      async () => (await exchange.metric('dce_rtp_sessions')) === 0 || undefined,
      () => 'there are sessions left',
    )
    await calls.market.settled()
    await again.market.settled()
  })
})

describe('strangers who know the ports of audio', function () {
  this.timeout(90_000)
  const RANGE = { first: 22_800, last: 22_899 }
  let exchange: Exchange
  before(async function () {
    const env = { DCE_TELEPHONY_RTP_PORT_RANGE: `${RANGE.first}-${RANGE.last}` }
    exchange = await startExchange(this, { env })
  })
  after(() => exchange?.close())

  it('neither hear nor are heard: those who scan all of them, and those who speak steadily to one', async () => {
    const calls = await ManyCalls.place(exchange, 3)
    const stranger = createSocket('udp4')
    let answers = 0
    stranger.on('message', () => void answers++)
    stranger.bind(0, '127.0.0.1')
    await once(stranger, 'listening')
    try {
      const [victim] = calls.callerSides
      const tone = buildTone(450)
      for (let sequence = 0; sequence < 60; sequence++) {
        const packet = buildPacket({ sequence, timestamp: sequence * 160, ssrc: 7, sentUs: nowUs() }, false, tone)
        stranger.send(packet, victim!.port, victim!.host)
        for (let port = RANGE.first + (sequence % 10); port <= RANGE.last; port += 10)
          stranger.send(packet, port, '127.0.0.1')
        await sleep(10)
      }
      const reports = await calls.hangUp()
      assert.equal(answers, 0, 'nothing is sent to the stranger')
      for (const stats of [...reports.map(({ rtp }) => rtp!), ...calls.heardByBuyers]) {
        assert.ok(stats.received > 40, `${stats.received} packets`)
        assert.equal(stats.lost + stats.duplicates, 0)
        assert.ok(stats.received <= Math.max(...reports.map(({ rtp }) => rtp!.sent)) + 5, 'and no more than was said')
      }
      for (const record of await calls.market.records(3)) {
        assert.equal(record.end_reason, 'caller_hung_up')
        for (const { packets_lost, fault } of mediaOf(record)) assert.deepEqual([packets_lost, fault], [0, null])
      }
      await exchange.says(/packets from other sources than the party were dropped/)
    } finally {
      stranger.close()
      await calls.close()
    }
  })
})

describe('an exchange that is killed with 50 calls up', function () {
  this.timeout(120_000)
  const CALLS = 50
  // Four ports a call, and a few that others may have.
  const env = { DCE_TELEPHONY_RTP_PORT_RANGE: `22500-${22_500 + 4 * CALLS + 19}` }
  let dataDirectory: string
  const running: Exchange[] = []
  before(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-killed-'))
  })
  after(async () => {
    for (const exchange of running) await exchange.close()
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  async function start(): Promise<Exchange> {
    const exchange = await Exchange.start({ dataDirectory, env })
    running.push(exchange)
    return exchange
  }

  it('has every record when it is back, hangs up on both sides, and has all ports for as many calls', async () => {
    const first = await start()
    const before = await ManyCalls.place(first, CALLS)
    await first.process.kill()
    const second = await start()
    try {
      for (const { end, rtp } of await before.ended()) {
        assert.equal(end.cause, 'remote-hung-up')
        assert.ok(rtp!.received > 15, `${rtp!.received} packets before the end`)
      }
      await eventually(
        async () => (before.heardByBuyers.length === CALLS ? true : undefined),
        () => `${before.heardByBuyers.length} buyers were hung up on`,
      )
      const records = await second.callsTo(before.market.number)
      assert.equal(records.length, CALLS, 'no record is missing, and none is there twice')
      for (const { outcome, end_reason, state } of records)
        assert.deepEqual([outcome, end_reason, state], ['interrupted', 'interrupted', 'ended'])
      await second.assertMoneyBalances()
    } finally {
      await before.close()
    }
    const after = await ManyCalls.place(second, CALLS)
    try {
      for (const { rtp } of await after.hangUp()) assert.equal(rtp!.lost, 0)
      for (const record of await after.market.records(CALLS)) assert.equal(record.outcome, 'answered')
    } finally {
      await after.close()
    }
    await second.assertMoneyBalances()
  })
})
