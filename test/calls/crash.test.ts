import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { attachToEmbedded } from '../../storage/embedded-postgres.ts'
import { AudioStage } from '../support/audio-stage.ts'
import { bridgedCall } from '../support/bridged-call.ts'
import { consultation, replacesOf } from '../support/consultation.ts'
import { eventually, Exchange, requireSipp } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { buildToneWav } from '../support/tones.ts'

const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const HUNG_UP_ON = 'uac-answered-other-side-hangs-up-expect-200.xml'

describe('an exchange that is killed', function () {
  this.timeout(120_000)
  let dataDirectory: string
  const running: Exchange[] = []
  before(async function () {
    requireSipp(this)
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-crash-'))
  })
  afterEach(async () => {
    for (const exchange of running.splice(0)) await exchange.close()
  })
  after(async () => {
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  async function start(env: Record<string, string> = {}): Promise<Exchange> {
    const exchange = await Exchange.start({ dataDirectory, env })
    running.push(exchange)
    return exchange
  }

  it('says BYE to both legs when it is back, and settles each call once by its last mark', async () => {
    const first = await start()
    const billed = await Market.open(first)
    const paying = await billed.buyer(BUYER, { play: { timeoutS: 90 } })
    const voided = await Market.open(first)
    const waiting = await voided.buyer(BUYER, { bid: { billable_after: 60 }, play: { timeoutS: 90 } })
    const ringing = await Market.open(first)
    await ringing.buyer('uas-no-answer-expect-487.xml', { target: { ring_timeout: 60 }, play: { timeoutS: 90 } })

    const callers = [
      await billed.startCall(HUNG_UP_ON, { timeoutS: 90 }),
      await voided.startCall(HUNG_UP_ON, { timeoutS: 90 }),
    ]
    const unanswered = await ringing.startCall(HUNG_UP_ON, { timeoutS: 90 })
    await billed.answered()
    await voided.answered()
    await writtenLegs(dataDirectory, ringing.number, 2)
    await first.process.kill()

    const second = await start()
    for (const caller of callers) await billed.went(caller)
    await billed.went(paying.run)
    await billed.went(waiting.run)
    await unanswered.stop()

    const endings = []
    for (const market of [billed, voided, ringing]) {
      const records = await second.callsTo(market.number)
      assert.equal(records.length, 1, `exactly one record: ${JSON.stringify(records)}`)
      const { outcome, end_reason, state, price } = records[0]!
      endings.push({ outcome, end_reason, state, price })
    }
    const interrupted = { outcome: 'interrupted', end_reason: 'interrupted', state: 'ended' }
    assert.deepEqual(endings, [
      { ...interrupted, price: '1.00' },
      { ...interrupted, price: '0.00' },
      { ...interrupted, price: '0.00' },
    ])
    await assertMoney(second, paying.account.id, '99.00')
    await assertMoney(second, waiting.account.id, '100.00')
    await second.assertMoneyBalances()

    // Dying again changes nothing: what was settled stays settled, once.
    await second.process.kill()
    const third = await start()
    assert.equal((await third.callsTo(billed.number)).length, 1)
    await assertMoney(third, paying.account.id, '99.00')
    await third.assertMoneyBalances()
    for (const market of [billed, voided, ringing]) await market.close()
  })

  it('charges nobody for a call whose announcement was still being played', async () => {
    const [voice, notice] = [400, 1200]
    await mkdir(join(dataDirectory, 'prompts'), { recursive: true })
    await writeFile(join(dataDirectory, 'prompts', 'notice.wav'), buildToneWav(notice, 30))
    const env = { DCE_MEDIA_RECORDING_KEY: `k:${randomBytes(32).toString('hex')}` }
    const first = await start(env)
    const market = await Market.open(first, { number: { audio: { announcement: 'notice', record: 'yes' } } })
    const stage = new AudioStage(market)
    try {
      const agent = await stage.agent(voice)
      const { account } = await market.standingBid(agent.ua.local, { bid: { billable_after: 0 } })
      const caller = await stage.call(voice)
      await caller.answered()
      await caller.hears(notice, 200)
      await first.process.kill()

      const second = await start(env)
      const [record] = await second.callsTo(market.number)
      assert.deepEqual([record!.end_reason, record!.price, record!.answered_at], ['interrupted', '0.00', null])
      await assertMoney(second, account.id, '100.00')
      await second.assertMoneyBalances()
    } finally {
      await stage.close()
      await market.close()
    }
  })

  it('hangs up on a caller who was being asked, or for whom a buyer rang after that, and charges nobody', async () => {
    const [voice, question] = [400, 1200]
    await mkdir(join(dataDirectory, 'prompts'), { recursive: true })
    await writeFile(join(dataDirectory, 'prompts', 'question.wav'), buildToneWav(question, 30))
    const first = await start()
    const menu = { prompt: 'question', options: [{ digit: '1' }] }
    const markets = [await Market.open(first, { number: { menu } }), await Market.open(first, { number: { menu } })]
    const stages = markets.map((market) => new AudioStage(market))
    try {
      const agent = await stages[1]!.agent(voice, { ringForMs: 60_000 })
      const { account } = await markets[1]!.standingBid(agent.ua.local, { bid: { billable_after: 0 } })
      const callers = await Promise.all(stages.map((stage) => stage.call(voice)))
      for (const caller of callers) {
        await caller.answered()
        await caller.hears(question, 200)
      }
      callers[1]!.press('1')
      await markets[1]!.inState('ringing')
      await writtenLegs(dataDirectory, markets[1]!.number, 2)
      await first.process.kill()

      const second = await start()
      for (const caller of callers) {
        const { cause, reason } = await caller.call.ended
        assert.deepEqual([cause, reason], ['remote-hung-up', 'SIP;cause=503;text="interrupted"'])
      }
      for (const market of markets) {
        const records = await second.callsTo(market.number)
        assert.deepEqual(
          records.map(({ state, outcome, end_reason, price, duration_ms }) => [
            state,
            outcome,
            end_reason,
            price,
            duration_ms,
          ]),
          [['ended', 'interrupted', 'interrupted', '0.00', 0]],
        )
      }
      await assertMoney(second, account.id, '100.00')
      await second.assertMoneyBalances()
    } finally {
      for (const stage of stages) await stage.close()
      for (const market of markets) await market.close()
    }
  })

  it('says BYE to whom a call was transferred to', async () => {
    const first = await start()
    const { market, caller, agent, phone, close } = await bridgedCall(first)
    try {
      const colleague = await phone()
      const rung = new Promise<IncomingCall>((resolve) => colleague.on('call', resolve))
      await agent.request('REFER', { headers: { 'Refer-To': `<sip:desk@${colleague.address}:${colleague.port}>` } })
      const next = await rung
      next.accept()
      assert.equal((await agent.ended).cause, 'remote-hung-up')
      await writtenLegs(dataDirectory, market.number, 3)
      await first.process.kill()
      const second = await start()
      assert.equal((await next.ended).cause, 'remote-hung-up')
      assert.equal((await caller.ended).cause, 'remote-hung-up')
      const [record] = await second.callsTo(market.number)
      assert.equal(record?.outcome, 'interrupted')
      assert.equal(record.legs.length, 3)
      await second.assertMoneyBalances()
    } finally {
      await close()
    }
  })

  it('says BYE to both who were joined by an attended transfer', async () => {
    const first = await start()
    const scene = await consultation(first)
    const { first: bought, second: placed } = scene
    try {
      const { host, port } = first.process.sip()
      const headers = { 'Refer-To': `<sip:x@${host}:${port}?Replaces=${replacesOf(placed.caller)}>` }
      await bought.agent.request('REFER', { headers })
      await Promise.all([bought.agent.ended, placed.caller.ended])
      for (const { market } of [bought, placed]) await writtenLegs(dataDirectory, market.number, 3)
      await first.process.kill()
      const second = await start()
      assert.equal((await bought.caller.ended).cause, 'remote-hung-up')
      assert.equal((await placed.agent.ended).cause, 'remote-hung-up')
      for (const { market } of [bought, placed]) {
        const records = await second.callsTo(market.number)
        assert.deepEqual(
          records.map(({ outcome, price, legs }) => [outcome, price, legs.length]),
          [['interrupted', '1.00', 3]],
        )
      }
      await second.assertMoneyBalances()
      // Both calls name both dialogs, and each is hung up on once.
      await second.says(/said BYE to a leg[^]*said BYE to a leg/)
      await second.neverSaid(/(said BYE to a leg[^]*){3}/)
    } finally {
      await scene.close()
    }
  })
})

/** Waits until the call to this number is stored with so many legs: the API tells of a call in progress what is not stored yet. */
async function writtenLegs(dataDirectory: string, number: string, count: number): Promise<void> {
  const database = attachToEmbedded(dataDirectory)!
  const client = new pg.Client(database.connection)
  try {
    await client.connect()
    await eventually(
      async () => {
        const { rows } = await client.query(
          'select jsonb_array_length(legs) as legs from known_calls where dnis = $1',
          [number],
        )
        return rows[0]?.legs === count ? true : undefined
      },
      () => `the call to ${number} is not stored with ${count} legs`,
    )
  } finally {
    await client.end()
    database.close()
  }
}

async function assertMoney(exchange: Exchange, accountId: string, balance: string): Promise<void> {
  const account = await exchange.api.request('GET', `/api/v1/accounts/${accountId}`)
  assert.equal(account['balance'], balance)
  assert.equal(account['held'], '0.00')
}
