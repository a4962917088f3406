import assert from 'node:assert/strict'
import { SuppressionLists } from '../../compliance/suppression-lists.ts'
import { MAX_RULES } from '../../model/compliance-rule.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('states of emergency', () => {
  let api: ApiHarness
  let admin: Person
  let rules = 0
  before(async () => {
    api = await startApi({
      compliance: {
        tryRule: () => () => null,
        ruleCount: () => rules,
        consentRoom: () => 1,
        suppression: new SuppressionLists(),
      },
    })
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  const ask = (method: string, path: string, json?: object, person = admin) =>
    api.request(method, path, { token: person.token, ...(json ? { json } : {}) })
  const on = (json: object) => ask('POST', 'compliance/emergencies', { source: 'a proclamation', ...json })
  const listed = async () =>
    (await ask('GET', 'compliance/emergencies')).body.data.map((one: { state: string }) => one.state)

  it('are switched on for a list of states, changed, and switched off one by one', async () => {
    const made = await on({ states: ['LA', 'NY', 'LA'], valid_until: '2026-12-01T06:00:00Z' })
    assert.equal(made.status, 200, JSON.stringify(made.body))
    assert.equal(made.body.data.length, 2)
    const [louisiana] = made.body.data
    assert.deepEqual(
      [louisiana.state, louisiana.legs, louisiana.consent_exempts, louisiana.valid_until],
      ['LA', ['transfer', 'outbound'], false, '2026-12-01T06:00:00.000Z'],
    )
    assert.match(louisiana.changed_by, /^user /)
    assert.deepEqual((await listed()).toSorted(), ['LA', 'NY'])

    const changed = await on({ states: ['NY'], consent_exempts: true, legs: [] })
    assert.deepEqual([changed.body.data[0].consent_exempts, changed.body.data[0].valid_until], [true, null])
    assert.deepEqual((await listed()).toSorted(), ['LA', 'NY'], 'one switch a state')

    assert.equal((await ask('DELETE', 'compliance/emergencies/LA')).status, 204)
    assert.deepEqual(await listed(), ['NY'])
    assert.equal((await ask('DELETE', 'compliance/emergencies/LA')).status, 404)
  })

  it('are compliance rules of the operator’s, seen among them', async () => {
    const [{ rule_id: id }] = (await on({ states: ['TX'] })).body.data
    const rule = (await ask('GET', `compliance/rules/${id}`)).body
    assert.deepEqual([rule.name, rule.effect, rule.priority], ['state of emergency: TX', 'block', 1000])
    assert.deepEqual([rule.scope.states, rule.scope.legs], [['TX'], ['transfer', 'outbound']])
    assert.ok(Object.values(rule.terms.days).every((hours) => hours === null))
    await ask('POST', 'compliance/rules', { name: 'TX', source: 'x', effect: 'warn', terms: rule.terms })
    assert.ok((await listed()).includes('TX'))
    assert.equal((await listed()).length, 2, 'another rule is none')
  })

  it('are refused when they name no state, end before they begin, or are one too many', async () => {
    for (const json of [
      { states: [] },
      { states: ['Texas'] },
      { states: ['TX'], legs: ['sideways'] },
      { states: ['TX'], valid_from: '2026-12-02T00:00:00Z', valid_until: '2026-12-01T00:00:00Z' },
    ])
      assert.equal((await on(json)).status, 422, JSON.stringify(json))
    rules = MAX_RULES
    assert.equal((await on({ states: ['CA'] })).status, 409)
    assert.equal((await on({ states: ['TX'] })).status, 200, 'it is there already')
  })

  it('are administrators’ alone', async () => {
    const buyer = await api.person('buyer')
    assert.equal((await ask('GET', 'compliance/emergencies', undefined, buyer)).status, 403)
    assert.equal((await ask('POST', 'compliance/emergencies', {}, buyer)).status, 403)
    assert.equal((await ask('DELETE', 'compliance/emergencies/TX', undefined, buyer)).status, 403)
  })
})
