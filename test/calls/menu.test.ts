import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSdp } from '../../sipp/agents/sdp.ts'
import { AudioStage } from '../support/audio-stage.ts'
import { Market } from '../support/call-market.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'
import { buildToneWav } from '../support/tones.ts'

/** What is heard, hertz: each voice and each prompt is another tone. */
const CALLER = 400
const AGENT = 600
const WHISPER = 900
const QUESTION = 1200
const RINGBACK = 1500
/** How 440 and 480 Hz together are told. */
const RINGING = 450

/** Long enough for any machine: a key ends it. */
const MENU = { prompt: 'long', options: [{ digit: '1' }], timeout: 1, attempts: 1 }

for (const engine of ['relay', 'rtpengine'] as const)
  describe(`the menu of a number (${engine})`, function () {
    this.timeout(60_000)
    let exchange: Exchange
    let folder: string
    let rtpengine: RtpengineProcess | null = null
    before(async function () {
      if (engine === 'rtpengine' && !rtpengineIsInstalled()) return this.skip()
      if (engine === 'rtpengine') rtpengine = await RtpengineProcess.start({ rtpPorts: [26_500, 26_999] })
      folder = mkdtempSync(join(tmpdir(), 'dce-menu-'))
      writeFileSync(join(folder, 'question.wav'), buildToneWav(QUESTION, 1))
      writeFileSync(join(folder, 'long.wav'), buildToneWav(QUESTION, 30))
      writeFileSync(join(folder, 'whisper.wav'), buildToneWav(WHISPER, 1))
      writeFileSync(join(folder, 'ringback.wav'), buildToneWav(RINGBACK, 1))
      const env = {
        DCE_MEDIA_ENGINE: engine,
        ...(rtpengine && { DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${rtpengine.port}` }),
        DCE_MEDIA_PROMPTS_DIR: folder,
        DCE_TELEPHONY_MAX_MENU_CALLS: '1',
      }
      exchange = await startExchange(this, { env })
    })
    after(async () => {
      await exchange?.close()
      await rtpengine?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    /** What no engine does otherwise than another. */
    const itHere = engine === 'relay' ? it : () => {}

    async function story(menu: object, body: (market: Market, stage: AudioStage) => Promise<void>): Promise<void> {
      const market = await Market.open(exchange, { number: { menu: { ...MENU, ...menu } } })
      const stage = new AudioStage(market)
      try {
        await body(market, stage)
      } finally {
        await stage.close()
        await market.close()
      }
    }

    it('answers the caller, asks, and sells the call as what the caller has chosen', () =>
      story(
        { options: [{ digit: '1' }, { digit: '2', vertical: 'menu boats', tags: { size: 'big' } }] },
        async (market, stage) => {
          const [others, agent] = [await stage.agent(800), await stage.agent(AGENT, { ringForMs: 1200 })]
          await market.standingBid(others.ua.local, { amount: '9.00' })
          const { account } = await market.standingBid(agent.ua.local, {
            bid: { criteria: { verticals: ['menu boats'], tags: { size: ['big'] } }, billable_after: 0 },
            target: { audio: { whisper: 'whisper' } },
          })
          const caller = await stage.call(CALLER)
          await caller.answered()
          await caller.hears(QUESTION, 300)
          caller.press('2')
          await agent.hears(WHISPER, 500)
          await Promise.all([agent.hears(CALLER, 500), caller.hears(AGENT, 500)])
          assert.ok(caller.heard(RINGING) > 300, 'it has heard ringing, which no carrier makes for it now')
          assert.equal(caller.heard(WHISPER) + agent.heard(QUESTION), 0)
          await caller.call.hangUp()
          const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
          assert.equal(Reflect.get(record, 'vertical'), 'menu boats')
          const answeredMs = (leg: number): number => Date.parse(String(record.legs[leg]!['answered_at']))
          assert.ok(answeredMs(1) - answeredMs(0) > 1000, 'the caller was answered long before the buyer')
          const endedMs = Date.parse(String(record.legs[1]!['ended_at']))
          assert.ok(record.duration_ms < endedMs - answeredMs(1) - 400, 'neither menu nor whisper is paid for')
          assert.match(JSON.stringify(record.trace), /"menu","detail":"2, attempt 1, after \d+ ms"/)
          assert.notEqual(await market.balanceOf(account), '100.00')
        },
      ))

    itHere('takes a key told by INFO, after one that is no option, and plays the number’s own ringback', () =>
      story({ attempts: 2 }, async (market, stage) => {
        await exchange.api.request('PATCH', `/api/v1/numbers/${market.numberId}`, { audio: { ringback: 'ringback' } })
        const agent = await stage.agent(AGENT, { ringForMs: 1000 })
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        await caller.hears(QUESTION, 200)
        caller.press('7')
        await caller.hears(QUESTION, caller.heard(QUESTION) + 300)
        const said = { body: 'Signal=1\r\nDuration=160\r\n', contentType: 'application/dtmf-relay' }
        assert.equal((await caller.call.request('INFO', said))?.status, 200)
        await caller.hears(RINGBACK, 200)
        await Promise.all([agent.hears(CALLER, 400), caller.hears(AGENT, 400)])
        await agent.call.hangUp()
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'buyer_hung_up' })
        assert.match(JSON.stringify(record.trace), /7, no option, attempt 1.*1, attempt 2/)
      }),
    )

    it('asks a caller who left the offer to us, too', () =>
      story({}, async (market, stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local, { target: { audio: { accept: { digit: '5', seconds: 5 } } } })
        const caller = await stage.call(CALLER, { leavesOffer: true })
        await caller.answered()
        await caller.hears(QUESTION, 300)
        caller.press('1')
        await agent.hears(1000, 200)
        agent.press('5')
        await Promise.all([agent.hears(CALLER, 400), caller.hears(AGENT, 400)])
        await caller.call.hangUp()
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      }))

    itHere('hangs up on who chooses nothing, saying why', () =>
      story({ prompt: 'question' }, async (market, stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        const { cause, reason } = await caller.call.ended
        assert.deepEqual([cause, reason], ['remote-hung-up', 'SIP;cause=480;text="no choice"'])
        const record = await market.ended({
          outcome: 'refused',
          sip_status: 200,
          end_reason: 'no_choice',
          hung_up_by: 'exchange',
        })
        assert.deepEqual([record.duration_ms, record.billable_ms, record.price], [0, 0, '0.00'])
        assert.equal(record.legs.length, 1, 'nobody was rung')
      }),
    )

    itHere('tells who is not bought, or whose buyer is busy, so by BYE', async () => {
      for (const [isBusy, cause, outcome, endReason] of [
        [false, 480, 'no_sale', 'no_sale'],
        [true, 486, 'busy', 'all_awards_failed'],
      ] as const)
        await story({}, async (market, stage) => {
          const busy = await stage.phone()
          busy.on('call', (call) => call.reject(486))
          if (isBusy) await market.standingBid(busy.local)
          const caller = await stage.call(CALLER)
          await caller.answered()
          await caller.hears(QUESTION, 200)
          caller.press('1')
          assert.match((await caller.call.ended).reason ?? '', new RegExp(`^SIP;cause=${cause};`))
          const record = await market.ended({ outcome, sip_status: 200, end_reason: endReason, hung_up_by: 'exchange' })
          assert.deepEqual([record.duration_ms, record.price, record.answered_at], [0, '0.00', null])
        })
    })

    itHere(
      'ends a call whose caller hangs up in the menu, or while a buyer rings, as one that was given up',
      async () => {
        for (const isRung of [false, true])
          await story({}, async (market, stage) => {
            const agent = await stage.agent(AGENT, { ringForMs: 30_000 })
            await market.standingBid(agent.ua.local)
            const caller = await stage.call(CALLER)
            await caller.answered()
            await caller.hears(QUESTION, 200)
            if (isRung) {
              caller.press('1')
              await caller.hears(RINGING, 200)
            }
            await caller.call.hangUp()
            if (isRung) assert.equal((await agent.ended).cause, 'cancelled')
            const record = await market.ended({
              outcome: 'cancelled',
              sip_status: 200,
              end_reason: 'caller_hung_up',
              hung_up_by: 'caller',
            })
            assert.deepEqual([record.duration_ms, record.price], [0, '0.00'])
          })
      },
    )

    it('lets the caller hold and come back in the menu, transfers nobody from it, and answers for itself', () =>
      story({}, async (market, stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        await caller.hears(QUESTION, 200)
        const ask = async (method: string, parts?: Parameters<typeof caller.call.request>[1]) =>
          (await caller.call.request(method, parts))?.status
        assert.equal(await ask('INVITE', { body: buildSdp(caller.headset, 'sendonly') }), 200)
        assert.equal(await ask('INVITE', { body: buildSdp(caller.headset, 'sendrecv') }), 200)
        await caller.hears(QUESTION, caller.heard(QUESTION) + 300)
        assert.equal(await ask('UPDATE'), 200)
        assert.equal(await ask('OPTIONS'), 200)
        assert.equal(await ask('REFER', { headers: { 'Refer-To': '<sip:a@b.example>' } }), 603)
        assert.equal(await ask('MESSAGE', { body: 'hello', contentType: 'text/plain' }), 480)
        caller.press('1')
        await Promise.all([agent.hears(CALLER, 400), caller.hears(AGENT, 400)])
        await caller.call.hangUp()
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      }))

    itHere('has room for so many callers at once, and the next hears 503 before it is answered', () =>
      story({}, async (market, stage) => {
        const first = await stage.call(CALLER)
        await first.answered()
        await first.hears(QUESTION, 200)
        const second = await stage.call(CALLER)
        assert.equal(await second.refused(), 503)
        await first.call.hangUp()
        const endings = (await market.records(2)).map((record) => String(record.end_reason))
        assert.deepEqual(endings.toSorted(), ['caller_hung_up', 'menu_limit'])
        const third = await stage.call(CALLER)
        await third.answered()
        await third.call.hangUp()
      }),
    )
  })
