import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { AudioStage } from '../support/audio-stage.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'
import { buildToneWav } from '../support/tones.ts'

/** What is heard, hertz: each voice and each prompt is another tone. */
const CALLER = 400
const AGENT = 600
const WHISPER = 900
const NOTICE = 1200
const RINGBACK = 1500
const MUSIC = 1700

const ASKS = { whisper: 'whisper', accept: { digit: '1', seconds: 2 } }

for (const engine of ['relay', 'rtpengine'] as const)
  describe(`the audio of numbers and campaigns (${engine})`, function () {
    this.timeout(90_000)
    let exchange: Exchange
    let folder: string
    let rtpengine: RtpengineProcess | null = null
    before(async function () {
      if (engine === 'rtpengine' && !rtpengineIsInstalled()) return this.skip()
      if (engine === 'rtpengine') rtpengine = await RtpengineProcess.start({ rtpPorts: [26_000, 26_499] })
      folder = mkdtempSync(join(tmpdir(), 'dce-call-audio-'))
      writeFileSync(join(folder, 'whisper.wav'), buildToneWav(WHISPER, 1))
      writeFileSync(join(folder, 'notice.wav'), buildToneWav(NOTICE, 1))
      writeFileSync(join(folder, 'ringback.wav'), buildToneWav(RINGBACK, 1))
      writeFileSync(join(folder, 'music.wav'), buildToneWav(MUSIC, 1))
      const env = {
        DCE_MEDIA_ENGINE: engine,
        ...(rtpengine && { DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${rtpengine.port}` }),
        DCE_MEDIA_PROMPTS_DIR: folder,
        DCE_MEDIA_RECORDINGS_DIR: join(folder, 'recordings'),
        DCE_MEDIA_RECORDING_KEY: `k:${randomBytes(32).toString('hex')}`,
      }
      exchange = await startExchange(this, { env })
    })
    after(async () => {
      await exchange?.close()
      await rtpengine?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    async function staged(market: Market, body: (stage: AudioStage) => Promise<void>): Promise<void> {
      const stage = new AudioStage(market)
      try {
        await body(stage)
      } finally {
        await stage.close()
      }
    }

    for (const [way, press] of [
      ['a key (RFC 4733)', 'rtp'],
      ['a key told by INFO', 'info'],
    ] as const) {
      it(`whispers to the agent alone, who takes the call by ${way}, and pays from then on`, async () => {
        const market = await Market.open(exchange)
        await staged(market, async (stage) => {
          const agent = await stage.agent(AGENT)
          const { account } = await market.standingBid(agent.ua.local, {
            campaign: { audio: ASKS },
            bid: { billable_after: 0 },
          })
          const caller = await stage.call(CALLER)
          await agent.hears(WHISPER, 700)
          assert.equal(caller.call.isAnswered, false)
          if (press === 'rtp') agent.press('1')
          else {
            const answer = await agent.request('INFO', {
              body: 'Signal=1\r\nDuration=160\r\n',
              contentType: 'application/dtmf-relay',
            })
            assert.equal(answer?.status, 200)
          }
          await caller.answered()
          await Promise.all([agent.hears(CALLER, 500), caller.hears(AGENT, 500)])
          assert.equal(caller.heard(WHISPER), 0)
          await caller.call.hangUp()
          const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
          const answeredMs = (leg: number): number => Date.parse(String(record.legs[leg]!['answered_at']))
          assert.ok(answeredMs(0) - answeredMs(1) > 500, 'the caller is answered when the agent has taken the call')
          assert.ok(
            record.duration_ms < Date.parse(String(record.legs[1]!['ended_at'])) - answeredMs(1) - 400,
            'the whisper is not paid for',
          )
          assert.notEqual(await market.balanceOf(account), '100.00')
        })
      })
    }

    it('rings the next award when the agent declines, and bills the first for nothing', async () => {
      const market = await Market.open(exchange)
      await staged(market, async (stage) => {
        const declining = await stage.agent(AGENT)
        const taking = await stage.agent(800)
        const first = await market.standingBid(declining.ua.local, { amount: '6.00', target: { audio: ASKS } })
        await market.standingBid(taking.ua.local, { amount: '5.00', bid: { billable_after: 0 } })
        const caller = await stage.call(CALLER)
        await declining.hears(WHISPER, 200)
        declining.press('2')
        await caller.answered()
        await Promise.all([taking.hears(CALLER, 400), caller.hears(800, 400)])
        assert.equal((await declining.ended).cause, 'remote-hung-up')
        await caller.call.hangUp()
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        assert.notEqual(record.buyer_id, first.account.id)
        assert.equal(await market.balanceOf(first.account), '100.00')
        assert.equal(caller.heard(WHISPER) + caller.heard(AGENT), 0)
      })
    })

    it('takes an agent who presses nothing for one who did not answer', async () => {
      const market = await Market.open(exchange)
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        const { account } = await market.standingBid(agent.ua.local, {
          campaign: { audio: { accept: { seconds: 1 } } },
        })
        const caller = await stage.call(CALLER)
        assert.equal(await caller.refused(), 480)
        const record = await market.ended({ outcome: 'no_answer', sip_status: 480, end_reason: 'all_awards_failed' })
        const auction = await exchange.api.request('GET', `/api/v1/calls/${record.id}/auction`)
        assert.match(JSON.stringify(auction), /not_accepted/)
        assert.equal(await market.balanceOf(account), '100.00')
      })
    })

    it('hangs up on the agent it asks when the caller gives up', async () => {
      const market = await Market.open(exchange)
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local, { campaign: { audio: ASKS } })
        const caller = await stage.call(CALLER)
        await agent.hears(WHISPER, 200)
        caller.call.cancel()
        await agent.ended
        await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled' })
      })
    })

    it('plays the announcement to both sides before a recorded call is joined', async () => {
      const market = await Market.open(exchange, { number: { audio: { announcement: 'notice', record: 'yes' } } })
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        await Promise.all([caller.hears(NOTICE, 700), agent.hears(NOTICE, 700)])
        const heardAt = performance.now()
        assert.equal(caller.heard(AGENT) + agent.heard(CALLER), 0, 'nobody heard the other before')
        await Promise.all([agent.hears(CALLER, 500), caller.hears(AGENT, 500)])
        await caller.call.hangUp()
        const sinceMs = performance.now() - heardAt
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        assert.ok(record.duration_ms < sinceMs + 500, `${record.duration_ms} ms: the announcement is not paid for`)
        assert.ok(record.trace.some(({ step }) => step === 'announced'))
      })
    })

    it('plays the announcement to a caller who left the offer to us, too, and records then', async () => {
      const market = await Market.open(exchange, { number: { audio: { announcement: 'notice', record: 'yes' } } })
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER, { leavesOffer: true })
        await caller.answered()
        await Promise.all([caller.hears(NOTICE, 700), agent.hears(NOTICE, 700)])
        await Promise.all([agent.hears(CALLER, 500), caller.hears(AGENT, 500)])
        await caller.call.hangUp()
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        assert.ok(record.trace.some(({ step }) => step === 'announced'))
        assert.ok(!record.trace.some(({ step }) => step === 'not recorded'), JSON.stringify(record.trace))
      })
    })

    it('passes over an agent who has to press a key when the caller left the offer to us', async () => {
      const market = await Market.open(exchange)
      await staged(market, async (stage) => {
        const asked = await stage.agent(AGENT)
        const taking = await stage.agent(800)
        await market.standingBid(asked.ua.local, { amount: '6.00', target: { audio: ASKS } })
        await market.standingBid(taking.ua.local, { amount: '5.00' })
        const caller = await stage.call(CALLER, { leavesOffer: true })
        await caller.answered()
        await Promise.all([taking.hears(CALLER, 400), caller.hears(800, 400)])
        await caller.call.hangUp()
        const { id } = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        const auction = await exchange.api.request('GET', `/api/v1/calls/${id}/auction`)
        assert.match(JSON.stringify(auction), /media_unavailable/)
      })
    })

    it('charges nobody for a call that ends while its announcement is played', async () => {
      const market = await Market.open(exchange, { number: { audio: { announcement: 'notice', record: 'yes' } } })
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        const { account } = await market.standingBid(agent.ua.local, { bid: { billable_after: 0 } })
        const caller = await stage.call(CALLER)
        await caller.answered()
        await caller.hears(NOTICE, 200)
        await caller.call.hangUp()
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        assert.equal(record.duration_ms, 0)
        assert.equal(await market.balanceOf(account), '100.00')
      })
    })

    it('plays its own ringback to the caller while buyers ring, and while the agent hears the whisper', async () => {
      const market = await Market.open(exchange, { number: { audio: { ringback: 'ringback' } } })
      await staged(market, async (stage) => {
        const declining = await stage.agent(800, { ringForMs: 300 })
        const agent = await stage.agent(AGENT, { ringForMs: 800 })
        await market.standingBid(declining.ua.local, { amount: '6.00', target: { audio: ASKS } })
        await market.standingBid(agent.ua.local, { amount: '5.00', target: { audio: ASKS } })
        const caller = await stage.call(CALLER)
        await caller.hears(RINGBACK, 200)
        assert.equal(caller.call.progress[0]?.status, 183)
        await declining.hears(WHISPER, 100)
        declining.press('9')
        await agent.hears(WHISPER, 400)
        const before = caller.heard(RINGBACK)
        await caller.hears(RINGBACK, before + 200)
        assert.equal(caller.call.isAnswered, false)
        agent.press('1')
        await caller.answered()
        await Promise.all([agent.hears(CALLER, 400), caller.hears(AGENT, 400)])
        const heard = caller.heard(RINGBACK)
        await caller.hears(AGENT, 700)
        assert.equal(caller.heard(RINGBACK), heard, 'it has stopped')
        assert.equal(caller.heard(800) + caller.heard(WHISPER) + agent.heard(RINGBACK), 0)
        assert.equal(caller.call.progress.filter(({ sdp }) => sdp === '').length, 0, 'no 180 beside it')
        await caller.call.hangUp()
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      })
    })

    it('plays music to who is on hold, and stops it when the call goes on', async () => {
      const market = await Market.open(exchange, { number: { audio: { hold_music: 'music' } } })
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        await Promise.all([agent.hears(CALLER, 300), caller.hears(AGENT, 300)])
        await agent.offer('sendonly')
        await caller.hears(MUSIC, 1500)
        await agent.offer('sendrecv')
        const spoken = caller.heard(AGENT)
        await caller.hears(AGENT, spoken + 400)
        const heard = caller.heard(MUSIC)
        await caller.hears(AGENT, spoken + 700)
        assert.equal(caller.heard(MUSIC), heard, 'it has stopped')
        assert.equal(agent.heard(MUSIC), 0)
        await caller.call.hangUp()
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      })
    })

    it('records nothing when the announcement cannot be played, and goes on', async () => {
      writeFileSync(join(folder, 'passing.wav'), buildToneWav(NOTICE, 1))
      const market = await Market.open(exchange, { number: { audio: { announcement: 'passing', record: 'yes' } } })
      rmSync(join(folder, 'passing.wav'))
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local)
        const caller = await stage.call(CALLER)
        await caller.answered()
        await Promise.all([agent.hears(CALLER, 300), caller.hears(AGENT, 300)])
        await caller.call.hangUp()
        const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
        assert.ok(record.trace.some(({ step }) => step === 'not announced'))
        const { recordings } = await exchange.api.request('GET', `/api/v1/calls/${record.id}`)
        assert.deepEqual(recordings, [])
      })
    })

    it('neither announces nor records where the buyer’s side says no', async () => {
      const market = await Market.open(exchange, { number: { audio: { announcement: 'notice', record: 'yes' } } })
      await staged(market, async (stage) => {
        const agent = await stage.agent(AGENT)
        await market.standingBid(agent.ua.local, { campaign: { audio: { record: 'no' } } })
        const caller = await stage.call(CALLER)
        await caller.answered()
        await caller.hears(AGENT, 400)
        assert.equal(caller.heard(NOTICE), 0)
        await caller.call.hangUp()
        await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      })
    })

    it('names the field that cannot be had', async () => {
      const market = await Market.open(exchange)
      const refused = async (path: string, body: object): Promise<string> => {
        const error = await exchange.api.request('PATCH', path, body).then(
          () => null,
          (failure: Error) => failure.message,
        )
        return error ?? 'taken'
      }
      const number = `/api/v1/numbers/${market.numberId}`
      assert.match(
        await refused(number, { audio: { announcement: 'nowhere' } }),
        /\/audio\/announcement.*no such file/s,
      )
      assert.match(await refused(number, { audio: { ringback: '../secret' } }), /\/audio\/ringback/)
      await market.close()
    })
  })
