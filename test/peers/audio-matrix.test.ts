import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { Baresip } from '../support/baresip.ts'
import { BrowserPhone, chromiumIsInstalled, keyOf, PhonePage, startChromium } from '../support/browser-phone.ts'
import { Market } from '../support/call-market.ts'
import { eventually, Exchange, requireEmbeddedSip } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { onMediasoup, whyNoMediasoup } from '../support/mediasoup.ts'
import { isInstalled } from '../support/peer-process.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'
import { HEARD_PACKETS, mediaOf, talk, type LegMedia, type Talk } from '../support/talks.ts'
import type { Voice } from '../support/voice.ts'

const CALLERS = ['SIP over UDP', 'SIP over TLS, SRTP', 'browser'] as const
const AGENTS = ['SIP over UDP', 'SIP over TLS, SRTP', 'browser'] as const
type CallerKind = (typeof CALLERS)[number]
type AgentKind = (typeof AGENTS)[number]

const CALLER_HZ: Record<CallerKind, number> = { 'SIP over UDP': 400, 'SIP over TLS, SRTP': 550, browser: 700 }
const AGENT_HZ: Record<AgentKind, number> = { 'SIP over UDP': 1000, 'SIP over TLS, SRTP': 1300, browser: 1600 }

/** Somebody who calls: resolves once the call is up, to how it is hung up. */
interface Caller {
  readonly voice: Voice
  call(number: string): Promise<() => Promise<void>>
}

/** An agent who takes calls to a number of its own. */
interface Agent {
  readonly voice: Voice
  readonly number: string
  /** Before a call: forgets earlier ones. */
  expect(): Promise<void>
  /** Takes the call that is coming, where its phone does not by itself. */
  answer(): Promise<void>
}

interface EngineHere {
  readonly name: string
  /** Null when it can run here; else why not. */
  readonly absent: string | null
  /** What the exchange is told, and what is to be ended after it. */
  start(): Promise<{ env: Record<string, string>; close(): Promise<void> }>
}

const ENGINES: readonly EngineHere[] = [
  { name: 'relay', absent: null, start: async () => ({ env: {}, close: async () => {} }) },
  {
    name: 'rtpengine',
    absent: rtpengineIsInstalled() ? null : 'the program is not installed (Debian: rtpengine-daemon)',
    async start() {
      const program = await RtpengineProcess.start({ rtpPorts: [25_500, 25_999] })
      const env = {
        DCE_MEDIA_ENGINE: 'rtpengine',
        DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${program.port}`,
      }
      return { env, close: () => program.close() }
    },
  },
  {
    name: 'mediasoup',
    absent: whyNoMediasoup(),
    start: async () => ({ env: onMediasoup(), close: async () => {} }),
  },
]

interface Row extends Talk {
  readonly engine: string
  readonly caller: CallerKind
  readonly agent: AgentKind
  readonly media: readonly LegMedia[]
}

describe('audio between every pair of peers', function () {
  this.timeout(120_000)
  const rows: Row[] = []
  let site: PhonePage
  before(async function () {
    if (!chromiumIsInstalled() || !isInstalled('baresip')) return this.skip()
    requireEmbeddedSip(this, 'secure WebSocket, and SRTP keys over TLS')
    site = await PhonePage.serve()
  })
  after(async () => {
    await site?.close()
    if (rows.length > 0) process.stdout.write(tableOf(rows))
    for (const { name, absent } of ENGINES)
      if (absent !== null) process.stdout.write(`      ${name}: not run, since ${absent}\n`)
  })

  for (const engine of ENGINES) {
    describe(`on ${engine.name}`, () => {
      let running: Awaited<ReturnType<EngineHere['start']>>
      let exchange: Exchange
      let browser: Browser
      let market: Market
      const callers = new Map<CallerKind, Caller>()
      const agents = new Map<AgentKind, Agent>()
      const open: { close(): Promise<unknown> }[] = []

      before(async function () {
        this.timeout(120_000)
        if (engine.absent !== null) return this.skip()
        running = await engine.start()
        const env = { DCE_TELEPHONY_TLS_PORT: '0', DCE_TELEPHONY_WSS_PORT: '0', DCE_TELEPHONY_WS_ORIGINS: site.origin }
        exchange = await Exchange.start({ env: { ...env, ...running.env } })
        browser = await startChromium(await keyOf(exchange.process.sip('wss')))
        market = await Market.open(exchange)
        callers.set('SIP over UDP', await scriptedCaller())
        callers.set('SIP over TLS, SRTP', await baresipCaller())
        callers.set('browser', await browserCaller())
        for (const kind of AGENTS) agents.set(kind, await agentOf(kind))
      })
      after(async () => {
        for (const each of open.splice(0).toReversed()) await each.close()
        await browser?.close()
        await market?.close()
        await exchange?.close()
        await running?.close()
      })

      function keep<T extends { close(): Promise<unknown> }>(thing: T): T {
        open.push(thing)
        return thing
      }

      /** A SIP user on the seller's trunk. */
      async function callerUser(): Promise<string> {
        const [trunk] = await exchange.api.listAll<{ id: string }>(`trunks?account_id=${market.seller.id}`)
        const username = `caller${open.length}`
        const user = { account_id: market.seller.id, username, password: PASSWORD, trunk_id: trunk!.id }
        await exchange.api.create('sip-users', user)
        return username
      }

      async function scriptedCaller(): Promise<Caller> {
        const carrier = keep(await createUserAgent({ address: market.address }))
        const ear = keep(await Headset.open(CALLER_HZ['SIP over UDP'], market.address))
        return {
          voice: ear,
          async call(number) {
            const target = exchange.process.sip()
            const call = carrier.call({ to: number, from: '+12125550142', target, sdp: buildSdp(ear) })
            const outcome = await call.outcome
            assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
            ear.speak(readAudioAddress(outcome.sdp)!)
            return () => call.hangUp()
          },
        }
      }

      const trusted = () => join(exchange.process.dataDirectory, 'keys', 'sip-cert.pem')

      async function baresipCaller(): Promise<Caller> {
        const server = exchange.process.sip('tls')
        const username = await callerUser()
        const phone = keep(
          await Baresip.start({
            server,
            transport: 'tls',
            username,
            password: PASSWORD,
            registers: false,
            toneHz: CALLER_HZ['SIP over TLS, SRTP'],
            trusted: trusted(),
            srtp: true,
          }),
        )
        return {
          voice: phone,
          async call(number) {
            const { mark } = phone
            phone.dial(`sip:${number}@${server.host}:${server.port};transport=tls`)
            await phone.waitFor(/Call established/, mark)
            assertSecured(phone.said.slice(mark))
            return async () => phone.hangUp()
          },
        }
      }

      async function browserPhone(username: string, toneHz: number, register: boolean): Promise<BrowserPhone> {
        const { host, port } = exchange.process.sip('wss')
        const options = { url: `wss://${host}:${port}`, username, password: PASSWORD, register, toneHz }
        const phone = keep(await BrowserPhone.open(browser, site.origin, options))
        await phone.event(register ? 'registered' : 'connected')
        return phone
      }

      async function browserCaller(): Promise<Caller> {
        const phone = await browserPhone(await callerUser(), CALLER_HZ.browser, false)
        return {
          voice: phone,
          async call(number) {
            await phone.forget()
            await phone.call(number)
            await phone.event('confirmed')
            return () => phone.hangUp()
          },
        }
      }

      /** An agent with a number, of a trade of its own. */
      async function agentOf(kind: AgentKind): Promise<Agent> {
        const vertical = `${market.vertical}_${agents.size}`
        const number = `${market.number.slice(0, 5)}77${market.number.slice(7, 11)}${agents.size}`
        const terms = { account_id: market.seller.id, number, vertical, reserve_price: '1.00' }
        await exchange.api.create('numbers', terms)
        const { username, user } = await hireAgent({ exchange, vertical })
        if (kind === 'browser') {
          const phone = await browserPhone(username, AGENT_HZ[kind], true)
          const answer = async () => {
            await phone.answer()
            await phone.event('confirmed')
          }
          return { voice: phone, number, expect: () => phone.forget(), answer }
        }
        const secured = kind !== 'SIP over UDP'
        const transport = secured ? 'tls' : 'udp'
        const options = { server: exchange.process.sip(transport), transport, username, password: PASSWORD } as const
        const secure = secured ? { trusted: trusted(), srtp: true } : {}
        const phone = keep(await Baresip.start({ ...options, ...secure, toneHz: AGENT_HZ[kind] }))
        await eventually(
          async () => {
            const path = `/api/v1/sip-users/${user.id}`
            const { bindings } = await exchange.api.request<{ bindings: unknown[] }>('GET', path)
            return bindings.length === 1 ? true : undefined
          },
          () => `it is not registered:\n${phone.said}`,
        )
        let mark = 0
        const expect = async () => {
          mark = phone.mark
        }
        const answer = async () => {
          await phone.waitFor(/Call established/, mark)
          if (secured) assertSecured(phone.said.slice(mark))
        }
        return { voice: phone, number, expect, answer }
      }

      for (const callerKind of CALLERS) {
        for (const agentKind of AGENTS) {
          it(`${callerKind} and ${agentKind} hear each other`, async () => {
            const caller = callers.get(callerKind)!
            const agent = agents.get(agentKind)!
            await agent.expect()
            const [hangUp] = await Promise.all([caller.call(agent.number), agent.answer()])
            const measured = await talk(
              { voice: caller.voice, toneHz: CALLER_HZ[callerKind] },
              { voice: agent.voice, toneHz: AGENT_HZ[agentKind] },
            )
            await hangUp()
            const record = await endedCall(agent.number)
            assert.equal(record.end_reason, 'caller_hung_up')
            const media = mediaOf(record)
            rows.push({ engine: engine.name, caller: callerKind, agent: agentKind, media, ...measured })
            assert.equal(media.length, 2)
            for (const { packets_received, packets_lost } of media) {
              assert.ok(packets_received >= HEARD_PACKETS, `${packets_received} packets`)
              assert.equal(packets_lost, 0, 'nothing is lost on loopback')
            }
          })
        }
      }

      /** The newest call to a number, once it and all others have ended. */
      function endedCall(number: string) {
        const { length } = rows
        return eventually(
          async () => {
            const calls = await exchange.callsTo(number)
            return calls.every(({ state }) => state === 'ended') ? calls[0] : undefined
          },
          () => `the call ${length} to ${number} has not ended:\n${exchange.process.lastLines}`,
        )
      }
    })
  }
})

/** Its audio has keys, and they came over TLS. */
function assertSecured(said: string): void {
  assert.match(said, /^m=audio \d+ RTP\/SAVP /m, said)
  assert.match(said, /^a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:/m)
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ engine, caller, agent, thereMs, backMs, media }) => [
    engine,
    caller,
    agent,
    `${Math.round(thereMs)} ms`,
    `${Math.round(backMs)} ms`,
    media.map(({ packets_lost, packets_received }) => `${packets_lost}/${packets_received}`).join(', '),
    media.map(({ mos_mean }) => mos_mean?.toFixed(2) ?? '–').join(', '),
  ])
  const head = ['engine', 'caller', 'agent', 'to the agent', 'to the caller', 'lost/packets', 'MOS']
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)))
  const row = (cells: readonly string[]) => `      ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' │ ')}\n`
  return `\n${row(head)}${lines.map(row).join('')}      (mouth to ear, the phones' own buffers included)\n`
}
