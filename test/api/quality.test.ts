import assert from 'node:assert/strict'
import type { TargetQuality } from '../../model/outcome.ts'
import type { QualityWindow } from '../../model/quality-window.ts'
import { newId } from '../../model/ids.ts'
import { startApi, type ApiHarness } from '../support/api-harness.ts'

const WINDOW: QualityWindow = {
  seconds: 300,
  attempts: 3,
  answered: 1,
  effective: 2,
  asr: 1 / 3,
  ner: 2 / 3,
  acdSeconds: 12.3456,
  pddMs: null,
}

const RANKING = {
  quality: '1.234',
  measured: true,
  attempts: 63.08,
  answer_rate: 0.667,
  conversion_rate: 0.5,
  short_rate: 0,
  complaint_rate: null,
}

describe('quality', () => {
  let api: ApiHarness
  const asked: string[] = []
  before(async () => {
    const windows = (kind: string) => (id: string) => (
      asked.push(`${kind} ${id}`),
      [WINDOW, { ...WINDOW, seconds: 3600 }]
    )
    const ranking: TargetQuality = {
      thousandths: 1234,
      isMeasured: true,
      attempts: 63.08,
      answerRate: 2 / 3,
      conversionRate: 0.5,
      shortRate: 0,
      complaintRate: null,
    }
    api = await startApi({
      outcomes: { learn: () => {}, of: () => ranking },
      quality: { ofTrunk: windows('trunk'), ofTarget: windows('target') },
    })
  })
  after(() => api.api.close())

  for (const [kind, type, body] of [
    ['trunk', 'seller', { name: 'T', direction: 'inbound', addresses: ['192.0.2.1'] }],
    ['target', 'buyer', { name: 'T', uri: 'sip:sales@buyer.example' }],
  ] as const) {
    it(`of a ${kind} is read by its owner and by administrators, and by nobody else`, async () => {
      const owner = await api.person(type)
      const stranger = await api.person(type)
      const other = await api.person(type === 'seller' ? 'buyer' : 'seller')
      const admin = await api.person('operator')
      const { body: made } = await api.request('POST', `${kind}s`, { token: owner.token, json: body })
      const read = (token: string, id = made.id) => api.request('GET', `${kind}s/${id}/quality`, { token })
      for (const { token } of [owner, admin]) {
        const reply = await read(token)
        assert.equal(reply.status, 200)
        const rest = { attempts: 3, answered: 1, effective: 2, asr: 0.333, ner: 0.667, acd: 12.346, pdd_ms: null }
        const [minutes, hour] = [300, 3600].map((seconds) => ({ seconds, ...rest }))
        const ranking = kind === 'target' && { ranking: RANKING }
        assert.deepEqual(reply.body, { id: made.id, windows: [minutes, hour], ...ranking })
        const list = await api.request('GET', `${kind}s`, { token })
        assert.deepEqual(list.body.data.find((each: { id: string }) => each.id === made.id).quality, hour)
        assert.equal(asked.at(-1), `${kind} ${made.id}`)
      }
      assert.equal((await read(stranger.token)).status, 404)
      assert.equal((await read(other.token)).status, 403)
      assert.equal((await read(admin.token, newId())).status, 404)
    })
  }
})
