import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers } from '../../sipp/agents/answerers.ts'
import { placeCall } from '../../sipp/agents/callers.ts'
import { createRtpThread } from '../../sipp/agents/rtp-thread.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, eventually, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { tonesIn } from '../support/tones.ts'

const DCE = join(import.meta.dirname, '../../gateway/dce.js')

describe('a recorded call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let folder: string
  let env: Record<string, string>
  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'dce-recorded-'))
    env = {
      DCE_MEDIA_RECORD: 'true',
      DCE_MEDIA_RECORDINGS_DIR: folder,
      DCE_MEDIA_RECORDING_KEY: `2026:${randomBytes(32).toString('base64')}`,
    }
    exchange = await startExchange(this, { env })
  })
  after(async () => {
    await exchange?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is on the disk under its id, and dce recording opens it with the key and with no other', async () => {
    const market = await Market.open(exchange)
    const media = createRtpThread()
    const caller = await createUserAgent({ address: market.address })
    const buyer = await createUserAgent()
    try {
      buyer.on('call', answers({ media }))
      await market.standingBid(buyer.local)
      const call = { from: '+12125550142', to: market.number, target: exchange.process.sip() }
      const report = await placeCall(caller, call, { media, hangUpAfterMs: 2000 })
      assert.equal(report.outcome.kind, 'answered', JSON.stringify(report.outcome))
      const record = await market.ended({
        outcome: 'answered',
        sip_status: 200,
        hung_up_by: 'caller',
        end_reason: 'caller_hung_up',
      })
      const name = `${record.id}.dcerec`
      await eventually(
        () => Promise.resolve(readdirSync(folder).includes(name) || undefined),
        () => `only ${readdirSync(folder).join()}`,
      )
      const dce = (words: string[], change: object = {}): { status: number | null; stdout: string; stderr: string } =>
        spawnSync(process.execPath, [DCE, 'recording', ...words], {
          env: { ...process.env, ...env, ...change },
          encoding: 'utf8',
        })
      const listed = dce(['list'])
      assert.match(listed.stdout, new RegExp(`${name}.*key 2026\\n1 recordings`), listed.stderr)
      const other = { DCE_MEDIA_RECORDING_KEY: `2026:${randomBytes(32).toString('hex')}` }
      const refused = dce(['decrypt', join(folder, name), join(folder, 'out.wav')], other)
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /dce recording: the recording key “2026” is not the one it was made with/)
      const opened = dce(['decrypt', join(folder, name), join(folder, 'out.wav')])
      assert.equal(opened.status, 0, opened.stderr)
      const wav = readFileSync(join(folder, 'out.wav'))
      for (const channel of [0, 1]) {
        const samples = Int16Array.from({ length: (wav.length - 44) >> 2 }, (_, i) =>
          wav.readInt16LE(44 + 4 * i + 2 * channel),
        )
        const heardMs = [...tonesIn({ rate: 8000, samples }).values()].reduce((sum, ms) => sum + ms, 0)
        assert(heardMs > 1500, `${heardMs} ms of tone in channel ${channel}`)
      }
    } finally {
      await Promise.all([caller.close(), buyer.close()])
      await media.close()
    }
  })

  it('needs a key: the start says so', () => {
    const { status, stderr } = spawnSync(process.execPath, [DCE, 'start'], {
      env: { ...process.env, DCE_MEDIA_RECORD: 'true', DCE_DATA_DIR: folder, DCE_MEDIA_RECORDING_KEY: 'k:short' },
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.equal(status, 1)
    assert.match(stderr, /media\.recording_key/)
    assert.doesNotMatch(stderr, /short/)
  })
})
