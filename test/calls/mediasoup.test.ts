import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { ManyCalls } from '../support/many-calls.ts'
import { onMediasoup, whyNoMediasoup } from '../support/mediasoup.ts'
import { runProgram } from '../support/run-program.ts'

const DCE = fileURLToPath(new URL('../../gateway/dce.js', import.meta.url))

describe('calls on DCE_MEDIA_ENGINE=mediasoup', function () {
  this.timeout(120_000)
  let exchange: Exchange
  const open: ManyCalls[] = []

  before(async function () {
    if (whyNoMediasoup() !== null) return this.skip()
    exchange = await startExchange(this, { env: onMediasoup() })
  })
  afterEach(async () => {
    for (const calls of open.splice(0)) await calls.close()
  })
  after(() => exchange?.close())

  async function place(count: number, before?: ManyCalls): Promise<ManyCalls> {
    const calls = await ManyCalls.place(exchange, count, 500, before?.market)
    open.push(calls)
    return calls
  }

  it('end with a cause when their worker is killed, others go on, and new ones are taken', async () => {
    const calls = await place(6)
    const workers = workersOf(exchange.process.pid)
    assert.equal(workers.length, 2)
    process.kill(workers[0]!, 'SIGKILL')
    const ended = await eventually(
      async () => {
        const over = (await exchange.callsTo(calls.market.number)).filter(({ state }) => state === 'ended')
        return over.length >= 3 ? over : undefined
      },
      () => exchange.log(),
    )
    assert.equal(ended.length, 3, 'those of the other worker go on')
    for (const { outcome, end_reason, hung_up_by } of ended)
      assert.deepEqual([outcome, end_reason, hung_up_by], ['answered', 'media_failed', 'exchange'])
    await exchange.says(/SIGKILL.*a mediasoup worker died; its calls end/)
    const more = await place(2, calls)
    for (const { rtp } of await more.hangUp()) {
      assert.ok(rtp!.received > 15, `${rtp!.received} packets`)
      assert.equal(rtp!.lost, 0)
    }
    await eventually(
      async () => (workersOf(exchange.process.pid).length === 2 ? true : undefined),
      () => 'it is not started again',
    )
    await calls.hangUp()
    await eventually(
      async () => (await exchange.metric('dce_rtp_sessions')) === 0 || undefined,
      () => 'there are sessions left',
    )
    await calls.market.settled()
    await exchange.assertMoneyBalances()
  })
})

describe('dce doctor, for mediasoup', function () {
  this.timeout(90_000)
  const doctor = (env: Record<string, string>) =>
    runProgram(process.execPath, [DCE, 'doctor'], 20_000, {
      DCE_MEDIA_ENGINE: 'mediasoup',
      DCE_SERVER_PORT: '0',
      ...env,
    })

  it('says that the worker is missing, and how to get one', async () => {
    const { said, exitCode } = await doctor({ DCE_MEDIA_MEDIASOUP_WORKER: '/nowhere/mediasoup-worker' })
    assert.match(said, /^FAIL .*media\.mediasoup\.worker \/nowhere\/mediasoup-worker is not there; get it with "npm /m)
    assert.equal(exitCode, 1)
  })

  it('starts the workers where there are some', async function () {
    if (whyNoMediasoup() !== null) return this.skip()
    const { said } = await doctor(onMediasoup())
    assert.match(said, /^ok {3}media engine mediasoup: webrtc, sdes, replace$/m)
  })
})

/** The worker processes of an exchange. */
function workersOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isWorkerOf(name, pid))
    .map(Number)
}

function isWorkerOf(name: string, parent: number): boolean {
  try {
    const stat = readFileSync(join('/proc', name, 'stat'), 'utf8')
    const [, program, , ppid] = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat)!
    return program!.startsWith('mediasoup-worke') && Number(ppid) === parent
  } catch {
    return false // It has ended while we looked.
  }
}
