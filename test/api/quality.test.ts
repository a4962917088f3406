import assert from 'node:assert/strict'
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

describe('quality', () => {
  let api: ApiHarness
  const asked: string[] = []
  before(async () => {
    const windows = (kind: string) => (id: string) => (
      asked.push(`${kind} ${id}`),
      [WINDOW, { ...WINDOW, seconds: 3600 }]
    )
    api = await startApi({ quality: { ofTrunk: windows('trunk'), ofTarget: windows('target') } })
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
        assert.deepEqual(reply.body, { id: made.id, windows: [minutes, hour] })
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
