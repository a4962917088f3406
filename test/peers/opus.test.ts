import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { Browser } from 'playwright-core'
import { exportWav } from '../../media/recording/export-wav.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { BrowserPhone, chromiumIsInstalled, PhonePage, startChromium } from '../support/browser-phone.ts'
import { Market } from '../support/call-market.ts'
import { eventually, requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { Headset } from '../support/headset.ts'
import { hireAgent, PASSWORD } from '../support/registered-phone.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../support/rtpengine.ts'
import { talk } from '../support/talks.ts'
import { readWav, tonesIn } from '../support/tones.ts'

const OPUS_ALONE = ['audio/opus', 'audio/telephone-event']
const BOTH_OPUS = ['inbound-rtp audio/opus', 'outbound-rtp audio/opus'] as const
const KEY: MasterKey = { id: 'k1', key: randomBytes(32) }
const ANSWERED = { outcome: 'answered', sip_status: 200 }

describe('a browser with Opus alone and a phone with G.711 alone, through rtpengine', function () {
  this.timeout(120_000)
  let program: RtpengineProcess
  let exchange: Exchange
  let site: PhonePage
  let browser: Browser
  let url: string
  const closing: (() => Promise<unknown>)[] = []

  before(async function () {
    if (!chromiumIsInstalled() || !rtpengineIsInstalled()) return this.skip()
    requireEmbeddedSip(this, 'secure WebSocket')
    site = await PhonePage.serve()
    program = await RtpengineProcess.start({ rtpPorts: [25_000, 25_399] })
    exchange = await startExchange(this, {
      env: {
        DCE_TELEPHONY_WSS_PORT: '0',
        DCE_TELEPHONY_WS_ORIGINS: site.origin,
        DCE_MEDIA_ENGINE: 'rtpengine',
        DCE_MEDIA_RTPENGINE_ADDRESSES: `127.0.0.1:${program.port}`,
        DCE_MEDIA_RECORD: 'true',
        DCE_MEDIA_RECORDING_KEY: `${KEY.id}:${Buffer.from(KEY.key).toString('base64')}`,
      },
    })
    const { host, port } = exchange.process.sip('wss')
    url = `wss://${host}:${port}`
    browser = await startChromium(await keyOf(host, port))
  })
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })
  after(async () => {
    await browser?.close()
    await site?.close()
    await exchange?.close()
    await program?.close()
  })

  async function page(username: string, register: boolean, toneHz: number): Promise<BrowserPhone> {
    const options = { url, username, password: PASSWORD, register, toneHz, codecs: OPUS_ALONE }
    const phone = await BrowserPhone.open(browser, site.origin, options)
    closing.push(() => phone.close())
    await phone.event(register ? 'registered' : 'connected')
    return phone
  }

  it('hear each other when the page calls, and are recorded', async () => {
    const market = await Market.open(exchange)
    const [trunk] = await exchange.api.listAll<{ id: string }>(`trunks?account_id=${market.seller.id}`)
    const username = `web-${market.vertical.replace('_', '-')}`
    const person = { account_id: market.seller.id, username, password: PASSWORD, trunk_id: trunk!.id }
    await exchange.api.create('sip-users', person)
    const caller = await page(username, false, 600)
    const headset = await Headset.open(450)
    const desk = await createUserAgent()
    closing.push(
      () => desk.close(),
      () => headset.close(),
    )
    await market.standingBid(desk.local)
    const rung = new Promise<IncomingCall>((resolve) => desk.once('call', resolve))
    await caller.call(market.number)
    const agent = await rung
    assert.match(agent.remoteSdp, /^m=audio \d+ RTP\/AVP \d+ 0 8 .*\r$/m)
    agent.accept(inItsNumbers(buildSdp(headset), agent.remoteSdp))
    await caller.event('confirmed')
    await agent.acked
    headset.speak(readAudioAddress(agent.remoteSdp)!)
    await talk({ voice: caller, toneHz: 600 }, { voice: headset, toneHz: 450 })
    assert.deepEqual(await caller.codecs(), BOTH_OPUS)
    await caller.hangUp()
    await market.ended({ ...ANSWERED, end_reason: 'caller_hung_up' })
    const [left, right] = await recordedTones()
    assert.ok((left.get(600) ?? 0) >= 200, `the caller: ${JSON.stringify([...left])}`)
    assert.ok((right.get(450) ?? 0) >= 200, `the buyer: ${JSON.stringify([...right])}`)
  })

  /** What the only recording so far has: the caller left, the buyer right. */
  async function recordedTones(): Promise<[Map<number, number>, Map<number, number>]> {
    const folder = join(exchange.process.dataDirectory, 'recordings')
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.dcerec'))
    assert.ok(file)
    const out = join(folder, 'out.wav')
    await eventually(
      async () => {
        await rm(out, { force: true })
        return (await exportWav(join(folder, file), [KEY], out)).isComplete ? true : undefined
      },
      () => 'the recording has no end',
    )
    const wav = await readFile(out)
    const { rate, samples } = readWav(wav)
    const right = Int16Array.from(samples, (_, i) => wav.readInt16LE(46 + 4 * i))
    return [tonesIn({ rate, samples }), tonesIn({ rate, samples: right })]
  }

  it('hear each other when the page is called, keys pressed there included', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const agent = await page(username, true, 600)
    const headset = await Headset.open(450)
    const carrier = await createUserAgent({ address: market.address })
    closing.push(
      () => carrier.close(),
      () => headset.close(),
    )
    const target = exchange.process.sip()
    const call = carrier.call({ to: market.number, from: '+12125550142', target, sdp: buildSdp(headset) })
    await agent.answer()
    const outcome = await call.outcome
    assert.ok(outcome.kind === 'answered', JSON.stringify(outcome))
    headset.speak(readAudioAddress(outcome.sdp)!)
    await talk({ voice: headset, toneHz: 450 }, { voice: agent, toneHz: 600 })
    // Chromium sends the first codec it is offered, whatever it has left for what it gets.
    assert.ok((await agent.codecs()).includes(BOTH_OPUS[0]))
    await agent.press('7')
    await eventually(
      () => Promise.resolve(headset.digits.includes('7') ? true : undefined),
      () => `the phone heard the digits '${headset.digits}'`,
    )
    await agent.hangUp()
    await market.ended({ ...ANSWERED, end_reason: 'buyer_hung_up' })
  })
})

/** A description with telephone-events under the number that another one has for them at 8000 Hz. */
function inItsNumbers(sdp: string, other: string): string {
  const number = /^a=rtpmap:(\d+) telephone-event\/8000/m.exec(other)?.[1]
  return number === undefined ? sdp : sdp.replaceAll('101', number)
}

/** The SHA-256 of the public key a TLS server shows, as Chromium wants it. */
async function keyOf(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const key = socket.getPeerX509Certificate()!.publicKey.export({ type: 'spki', format: 'der' })
  socket.destroy()
  return createHash('sha256').update(key).digest('base64')
}
