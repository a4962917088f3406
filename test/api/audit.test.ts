import assert from 'node:assert/strict'
import { commitmentOf } from '../../compliance/audit/chain.ts'
import type { AuditLine } from '../../model/audit.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

const CALL = '01900000-0000-7000-8000-000000000001'
const LINE: AuditLine = {
  seq: 7n,
  callId: CALL,
  atMicros: 1_763_000_000_123_456n,
  number: '+12125550123',
  inputs: '{"leg": "transfer"}',
  checks: '[{"rule": "calling-hours:US"}]',
  salt: '5a170000-0000-4000-8000-000000000001',
  commitment: null,
}

describe('the audit over the API', () => {
  let api: ApiHarness
  let admin: Person
  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  it('shows a call’s checks to administrators, to the microsecond, with or without a proof, erased or not', async () => {
    const path = `audit/${CALL}`
    assert.equal((await api.request('GET', path, { token: admin.token })).status, 404)
    const erased = { ...LINE, commitment: commitmentOf(LINE), number: null, inputs: null, checks: null, salt: null }
    const block = {
      no: 1,
      lastSeq: 7n,
      lines: 1,
      root: Buffer.alloc(32),
      previous: Buffer.alloc(32),
      hash: Buffer.alloc(32, 1),
      sealedAt: new Date(0),
      keyId: 'k',
      signature: Buffer.alloc(64),
    }
    api.stores.audit.ofCall = async () => [
      { line: LINE, block, beside: [LINE] },
      { line: erased, block: null, beside: [] },
    ]
    const { body } = await api.request('GET', path, { token: admin.token })
    const [first, second] = body.data
    assert.deepEqual(
      [first.seq, first.at, first.inputs.leg, first.checks[0].rule, first.erased],
      ['7', '2025-11-13T02:13:20.123456Z', 'transfer', 'calling-hours:US', false],
    )
    assert.deepEqual([first.proof.index, first.proof.size, first.proof.beside], [0, 1, []])
    assert.deepEqual([second.number, second.checks, second.erased, second.proof], [null, null, true, null])
    const html = await api.request('GET', `${path}?format=html`, { token: admin.token })
    assert.match(html.headers.get('content-type')!, /^text\/html/)
    assert.match(html.headers.get('content-security-policy')!, /default-src 'none'/)
    const text = await api.request('GET', `${path}?format=text`, { token: admin.token })
    assert.match(text.headers.get('content-type')!, /^text\/plain/)
    for (const page of [html.body, text.body]) assert.match(page, /calling-hours:US/)
    assert.equal((await api.request('GET', `${path}?format=pdf`, { token: admin.token })).status, 422)
    const buyer = await api.person('buyer')
    for (const each of [path, 'audit'])
      assert.equal((await api.request('GET', each, { token: buyer.token })).status, 403)
  })

  it('sends the lines of a time, one of JSON each', async () => {
    api.stores.audit.export = async function* (from, until) {
      assert.equal(until.getTime() - from.getTime(), 3_600_000)
      yield LINE
      yield { ...LINE, seq: 8n }
    }
    const query = 'from=2026-11-01T00:00:00Z&until=2026-11-01T01:00:00Z'
    const answer = await fetch(`${api.url}/api/v1/audit?${query}`, {
      headers: { authorization: `Bearer ${admin.token}` },
    })
    assert.equal(answer.headers.get('content-type'), 'application/x-ndjson')
    const lines = (await answer.text()).trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).seq),
      ['7', '8'],
    )
    const upsideDown = 'from=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z'
    const refused = await api.request('GET', `audit?${upsideDown}`, { token: admin.token })
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, '/query/until'])
  })
})
