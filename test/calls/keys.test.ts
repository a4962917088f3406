import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { AudioStage } from '../support/audio-stage.ts'
import { Market } from '../support/call-market.ts'
import { eventually, startExchange, type Exchange } from '../support/exchange.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'

const CALLER = 400
const AGENT = 600
const ENDED = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' }

interface PhonesWith {
  readonly callerHasKeys: boolean
  readonly agentHasKeys: boolean
}

for (const engine of ['relay', 'rtpengine'] as const)
  describe(`the keys of a call (${engine})`, function () {
    this.timeout(40_000)
    let exchange: Exchange
    let rtpengine: RtpengineProcess | null = null
    before(async function () {
      if (engine === 'rtpengine' && !rtpengineIsInstalled()) return this.skip()
      if (engine === 'rtpengine') rtpengine = await RtpengineProcess.start({ rtpPorts: [26_500, 26_699] })
      const env = {
        DCE_MEDIA_ENGINE: engine,
        ...(rtpengine && { DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${rtpengine.port}` }),
      }
      exchange = await startExchange(this, { env })
    })
    after(async () => {
      await exchange?.close()
      await rtpengine?.close()
    })

    type Stage = Awaited<ReturnType<typeof talk>>

    async function talk(market: Market, stage: AudioStage, { callerHasKeys, agentHasKeys }: PhonesWith) {
      const agent = await stage.agent(AGENT, { hasKeys: agentHasKeys })
      await market.standingBid(agent.ua.local, { bid: { billable_after: 0 } })
      const caller = await stage.call(CALLER, { hasKeys: callerHasKeys })
      await caller.answered()
      await Promise.all([agent.hears(CALLER, 200), caller.hears(AGENT, 200)])
      const infos = { caller: [] as SipMessage[], agent: [] as SipMessage[] }
      caller.call.on('request', (request) => infos.caller.push(request))
      agent.call.on('request', (request) => infos.agent.push(request))
      return { agent, caller, infos }
    }

    async function talking(phones: PhonesWith, body: (stage: Stage) => Promise<void>): Promise<void> {
      const market = await Market.open(exchange)
      const stage = new AudioStage(market)
      try {
        const told = await talk(market, stage, phones)
        await body(told)
        await told.caller.call.hangUp()
        await market.ended(ENDED)
      } finally {
        await stage.close()
      }
    }

    const heard = (who: Stage['agent'] | Stage['caller'], digits: string): Promise<unknown> =>
      eventually(
        () => Promise.resolve(who.headset.digits === digits || undefined),
        () => `digits ${digits}: heard ${who.headset.digits}`,
      )

    const signals = (requests: readonly SipMessage[]): string[] =>
      requests.map(({ method, body }) => `${method} ${/Signal=(.)/.exec(body)?.[1] ?? ''}`)

    for (const callerHasKeys of [false, true])
      it(`told by INFO reach an agent who knows RFC 4733, in order${callerHasKeys ? ', though the caller could, too' : ''}`, async () => {
        await talking({ callerHasKeys, agentHasKeys: true }, async ({ agent, caller, infos }) => {
          const statuses = await Promise.all(Array.from('12A#*2', (digit) => caller.tell(digit)))
          assert.deepEqual([...new Set(statuses)], [200])
          await heard(agent, '12A#*2')
          assert.deepEqual(infos.agent, [], 'and in one way alone')
        })
      })

    it('pressed as RFC 4733 has it reach an agent without as INFO, once each', async () => {
      await talking({ callerHasKeys: true, agentHasKeys: false }, async ({ agent, caller, infos }) => {
        for (const digit of '5D#') caller.press(digit)
        await eventually(
          () => Promise.resolve(infos.agent.length >= 3 || undefined),
          () => `three keys: ${signals(infos.agent).join()}`,
        )
        assert.deepEqual(signals(infos.agent), ['INFO 5', 'INFO D', 'INFO #'])
        assert.match(infos.agent[0]!.body, /^Signal=5\r\nDuration=160\r\n$/)
        assert.equal(infos.agent[0]!.get('content-type'), 'application/dtmf-relay')
        // rtpengine passes them all the same; a phone ignores numbers it has not agreed to (RFC 3550 §5.1).
        if (engine === 'relay') assert.equal(agent.headset.digits, '')
      })
    })

    it('of the agent reach a caller without RFC 4733 as INFO', async () => {
      await talking({ callerHasKeys: false, agentHasKeys: true }, async ({ agent, infos }) => {
        agent.press('7')
        await eventually(
          () => Promise.resolve(infos.caller.length > 0 || undefined),
          () => 'an INFO for the caller',
        )
        assert.deepEqual(signals(infos.caller), ['INFO 7'])
      })
    })

    it('told both ways are one each', async function () {
      if (engine === 'rtpengine') return this.skip() // In test/media/rtpengine/keys.test.ts.
      await talking({ callerHasKeys: true, agentHasKeys: true }, async ({ agent, caller, infos }) => {
        for (const digit of '33') {
          const before = agent.headset.digits
          const told = caller.tell(digit)
          caller.press(digit)
          assert.equal(await told, 200)
          await heard(agent, `${before}${digit}`)
        }
        // A key of the other way, so that what was on its way would have come before it.
        await caller.tell('9')
        await heard(agent, '339')
        assert.deepEqual(infos.agent, [])
      })
    })
  })
