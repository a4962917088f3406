import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AudioStage } from '../support/audio-stage.ts'
import { Market } from '../support/call-market.ts'
import { Exchange, eventually } from '../support/exchange.ts'
import { tonesIn } from '../support/tones.ts'

const CALLER = 400
const AGENT = 600

interface Recorded {
  readonly id: string
  readonly recordings: readonly { state: string; duration_ms: number; bytes: number; reason: string | null }[]
}

describe('the recordings of calls', function () {
  this.timeout(90_000)
  let folder: string
  let exchange: Exchange | null = null
  const key = `k:${randomBytes(32).toString('hex')}`
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dce-recordings-'))
  })
  afterEach(async () => {
    await exchange?.close()
    exchange = null
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function start(env: Record<string, string> = {}): Promise<Exchange> {
    exchange = await Exchange.start({
      dataDirectory: join(folder, 'data'),
      env: { DCE_MEDIA_RECORDINGS_DIR: join(folder, 'kept'), DCE_MEDIA_RECORDING_KEY: key, ...env },
    })
    return exchange
  }

  const read = (id: string): Promise<Recorded> => exchange!.api.request('GET', `/api/v1/calls/${id}`)

  async function listen(id: string, token: string, headers: Record<string, string> = {}): Promise<Response> {
    const { host, port } = exchange!.process.http
    return fetch(`http://${host}:${port}/api/v1/calls/${id}/recording`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
  }

  /** The secret of an API key of this account. */
  async function keyOf(accountId: string): Promise<string> {
    const made = await exchange!.api.request('POST', `/api/v1/accounts/${accountId}/api-keys`, { name: 'listener' })
    return String(made['secret'])
  }

  /** How long the tone is there in one channel of a WAV file: 0 the caller's, 1 the buyer's. */
  function heardIn(wav: Buffer, channel: 0 | 1, hertz: number): number {
    const samples = Int16Array.from({ length: (wav.length - 44) >> 2 }, (_, i) =>
      wav.readInt16LE(44 + 4 * i + 2 * channel),
    )
    return tonesIn({ rate: 8000, samples }).get(hertz) ?? 0
  }

  async function recordedCall(market: Market, stage: AudioStage) {
    const agent = await stage.agent(AGENT)
    const { account } = await market.standingBid(agent.ua.local)
    const caller = await stage.call(CALLER)
    await caller.answered()
    const { id } = await market.answered()
    await eventually(
      async () => ((await read(id)).recordings[0]?.state === 'recording' ? true : undefined),
      () => 'the call is not being recorded',
    )
    return { agent, caller, id, buyer: account }
  }

  it('are listed, paused, and listened to by those whose call it was, with the key they were made with', async () => {
    await start()
    const market = await Market.open(exchange!, { number: { audio: { record: 'yes' } } })
    const stage = new AudioStage(market)
    let id: string
    let secret: string
    try {
      const call = await recordedCall(market, stage)
      id = call.id
      secret = await keyOf(call.buyer.id)
      assert.equal((await listen(id, secret)).status, 409, 'it goes on')
      await call.caller.hears(AGENT, 1000)
      const pause = (verb: string) => exchange!.api.request('POST', `/api/v1/calls/${id}/recording/${verb}`)
      assert.equal((await pause('pause'))['paused'], true)
      await sleep(1000)
      assert.equal((await pause('resume'))['paused'], false)
      await sleep(600)
      await call.caller.call.hangUp()
      await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
      await assert.rejects(pause('pause'), /not being recorded/)
    } finally {
      await stage.close()
    }
    const [recording] = await eventually(
      async () => {
        const { recordings } = await read(id)
        return recordings[0]?.state === 'kept' ? recordings : undefined
      },
      () => 'the recording is not kept',
    )
    assert.equal(recording!.reason, 'call_ended')
    assert.ok(recording!.duration_ms > 2400 && recording!.bytes > 70_000, JSON.stringify(recording))

    const answer = await listen(id, secret)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'audio/wav')
    const wav = Buffer.from(await answer.arrayBuffer())
    assert.equal(wav.length, Number(answer.headers.get('content-length')))
    assert.equal(wav.toString('latin1', 0, 4), 'RIFF')
    for (const [channel, hertz, other] of [
      [0, CALLER, AGENT],
      [1, AGENT, CALLER],
    ] as const) {
      const heardMs = heardIn(wav, channel, hertz)
      assert.ok(heardMs > 1200, `${heardMs} ms of ${hertz} Hz`)
      assert.ok(heardMs < recording!.duration_ms - 800, `${heardMs} ms: nothing while it was paused`)
      assert.equal(heardIn(wav, channel, other), 0)
    }
    const part = await listen(id, secret, { range: 'bytes=20000-29999' })
    assert.equal(part.status, 206)
    assert.equal(part.headers.get('content-range'), `bytes 20000-29999/${wav.length}`)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), wav.subarray(20_000, 30_000))
    assert.equal((await listen(id, secret, { range: `bytes=${wav.length}-` })).status, 416)

    const stranger = await exchange!.api.create('accounts', { type: 'buyer', name: 'Stranger' })
    assert.equal((await listen(id, await keyOf(stranger.id))).status, 404)

    const file = join(folder, 'kept', `${id}.dcerec`)
    await exchange!.close()
    await start({ DCE_MEDIA_RECORDING_KEY: `k:${randomBytes(32).toString('hex')}` })
    const refused = await listen(id, secret)
    assert.equal(refused.status, 409)
    assert.match(await refused.text(), /not the one it was made with/)
    assert.ok(existsSync(file))
  })

  it('are there up to a kill -9, and say so after the restart', async () => {
    await start()
    const market = await Market.open(exchange!, { number: { audio: { record: 'yes' } } })
    const stage = new AudioStage(market)
    try {
      const { caller, id } = await recordedCall(market, stage)
      await caller.hears(AGENT, 2000)
      await exchange!.process.kill()
      await start()
      const [recording] = (await read(id)).recordings
      assert.equal(recording!.state, 'interrupted')
      assert.ok(recording!.duration_ms > 1000, JSON.stringify(recording))
      const wav = Buffer.from(await (await listen(id, await keyOf(market.seller.id))).arrayBuffer())
      assert.ok(heardIn(wav, 0, CALLER) > 800)
    } finally {
      await stage.close()
      await market.close()
    }
  })
})
