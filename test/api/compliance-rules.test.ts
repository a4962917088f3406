import assert from 'node:assert/strict'
import { SuppressionLists } from '../../compliance/suppression-lists.ts'
import type { RuleId } from '../../model/ids.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

const RULE = {
  name: 'Nobody in Texas',
  source: 'house policy',
  effect: 'block',
  terms: { type: 'geography', against: 'in', states: ['TX'] },
}

describe('compliance rules', () => {
  let api: ApiHarness
  let admin: Person
  let count = 0
  const answers: (boolean | null)[] = []
  before(async () => {
    api = await startApi({
      compliance: {
        tryRule: () => () => answers.shift() ?? null,
        ruleCount: () => count,
        consentRoom: () => 1,
        suppression: new SuppressionLists(),
      },
    })
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  const ask = (method: string, path: string, json?: object, person = admin) =>
    api.request(method, path, { token: person.token, ...(json ? { json } : {}) })

  it('are made, read, changed and deleted, by administrators alone', async () => {
    const made = await ask('POST', 'compliance/rules', RULE)
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { id, scope, priority, enabled, changed_by } = made.body
    assert.deepEqual([priority, enabled, scope.buyers], [0, true, []])
    assert.match(changed_by, /^user /)
    assert.deepEqual((await ask('GET', `compliance/rules/${id}`)).body.terms, RULE.terms)
    const changed = await ask('PATCH', `compliance/rules/${id}`, { enabled: false, valid_from: '2026-12-01T00:00:00Z' })
    assert.deepEqual([changed.body.enabled, changed.body.valid_from], [false, '2026-12-01T00:00:00.000Z'])
    assert.deepEqual(changed.body.terms, RULE.terms)
    const buyer = await api.person('buyer')
    for (const [method, path] of [
      ['GET', 'compliance/rules'],
      ['POST', 'compliance/rules'],
      ['PATCH', `compliance/rules/${id}`],
      ['DELETE', `compliance/rules/${id}`],
      ['GET', `compliance/rules/${id}/history`],
      ['POST', 'compliance/rules/dry-run'],
    ] as const)
      assert.equal(
        (await ask(method, path, method === 'GET' || method === 'DELETE' ? undefined : {}, buyer)).status,
        403,
      )
    assert.equal((await ask('DELETE', `compliance/rules/${id}`)).status, 204)
    assert.equal((await ask('GET', `compliance/rules/${id}`)).status, 404)
  })

  it('are printed as they may be sent again', async () => {
    for (const terms of [
      { type: 'calling_hours', hours: '09:00-20:00', days: { sat: '10:00-17:00', sun: null }, holidays: false },
      { type: 'dnc', lists: ['internal', 'blocked'] },
      { type: 'consent', max_age_hours: 72, needs_certificate: true },
      { type: 'attestation', minimum: 'B', missing: true },
      { type: 'frequency', calls: 3, hours: 24, per: 'vertical' },
      { type: 'expression', expression: '"FL" in states && calls_24h >= 3' },
    ]) {
      const made = await ask('POST', 'compliance/rules', { ...RULE, terms })
      assert.equal(made.status, 201, JSON.stringify(made.body))
      const again = await ask('POST', 'compliance/rules', { ...RULE, terms: made.body.terms })
      assert.deepEqual(again.body.terms, made.body.terms)
    }
  })

  it('are refused with the field that is wrong', async () => {
    for (const [change, pointer] of [
      [{ name: '' }, '/name'],
      [{ source: undefined }, '/source'],
      [{ effect: 'maybe' }, '/effect'],
      [{ priority: 1001 }, '/priority'],
      [{ valid_from: '2026-12-02T00:00:00Z', valid_until: '2026-12-01T00:00:00Z' }, '/valid_until'],
      [{ scope: { states: ['Texas'] } }, '/scope/states/0'],
      [{ scope: { buyers: ['x'] } }, '/scope/buyers/0'],
      [{ scope: { planets: [] } }, '/scope/planets'],
      [{ terms: { type: 'weather' } }, '/terms/type'],
      [{ terms: { type: 'geography', against: 'in', states: [] } }, '/terms/states'],
      [{ terms: { type: 'calling_hours', hours: '20:00-09:00' } }, '/terms/hours'],
      [{ terms: { type: 'calling_hours', hours: null, days: { mon: '9-5' } } }, '/terms/days/mon'],
      [{ terms: { type: 'frequency', calls: 0, hours: 24 } }, '/terms/calls'],
      [{ terms: { type: 'frequency', calls: 3, hours: 1000 } }, '/terms/hours'],
      [{ terms: { type: 'expression', expression: 'caller' } }, '/terms/expression'],
      [{ terms: { type: 'expression', expression: 'caller.matches("x")' } }, '/terms/expression'],
    ] as const) {
      const { status, body } = await ask('POST', 'compliance/rules', { ...RULE, ...change })
      assert.equal(status, 422, JSON.stringify(change))
      assert.ok(
        body.errors.some((each: { pointer: string }) => each.pointer === pointer),
        `${pointer} in ${JSON.stringify(body.errors)}`,
      )
    }
    count = 1_000
    assert.equal((await ask('POST', 'compliance/rules', RULE)).status, 409)
    count = 0
  })

  it('are tried out on yesterday’s calls', async () => {
    const now = Date.now()
    api.stores.screenedCalls = async function* (from, until) {
      assert.equal(until.getTime() - from.getTime(), 86_400_000)
      for (const [i, said] of ([true, true, false, null] as const).entries()) {
        answers.push(said)
        yield {
          id: `00000000-0000-7000-8000-00000000000${i}` as never,
          isAnswered: i === 1,
          request: { ani: null, zip: null, trafficType: 'inbound', atMs: now - 1000 + i },
        }
      }
    }
    const { status, body } = await ask('POST', 'compliance/rules/dry-run', { rule: RULE })
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(
      [body.calls, body.in_scope, body.against, body.against_sold, body.truncated, body.examples.length],
      [4, 3, 2, 1, false, 2],
    )
    for (const [change, pointer] of [
      [{ from: '2026-11-02T00:00:00Z', until: '2026-11-01T00:00:00Z' }, '/until'],
      [{ from: '2026-09-01T00:00:00Z', until: '2026-11-01T00:00:00Z' }, '/from'],
      [{ rule: { ...RULE, effect: 'x' } }, '/rule/effect'],
    ] as const) {
      const refused = await ask('POST', 'compliance/rules/dry-run', { rule: RULE, ...change })
      assert.equal(refused.status, 422)
      assert.equal(refused.body.errors[0].pointer, pointer)
    }
  })

  it('have a history, also when they are gone', async () => {
    const id = '01900000-0000-7000-8000-000000000001'
    assert.equal((await ask('GET', `compliance/rules/${id}/history`)).status, 404)
    const at = new Date()
    api.stores.ruleHistory = async (asked: RuleId) => {
      assert.equal(asked, id)
      return [{ deed: 'deleted', at, version: 3, changedBy: 'user 1', rule: { name: 'x' } }]
    }
    const { body } = await ask('GET', `compliance/rules/${id}/history`)
    assert.deepEqual(body.data, [
      { deed: 'deleted', at: at.toISOString(), version: 3, changed_by: 'user 1', rule: { name: 'x' } },
    ])
  })
})
