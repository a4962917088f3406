import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('debugging', () => {
  let api: ApiHarness
  let admin: Person
  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  const ask = (json: object) => api.request('POST', 'debug/compliance/tcpa', { token: admin.token, json })

  it('tells what the hours alone say', async () => {
    const { status, body } = await ask({
      phone_number: '+12125550123',
      time: '2026-03-01T12:00:00Z',
      zip: '75001',
      leg: 'outbound',
    })
    assert.equal(status, 200)
    const promised = ['allowed', 'effect', 'rule', 'source', 'places', 'next_allowed_at']
    assert.deepEqual(Object.keys(body).toSorted(), [...promised, 'evidence', 'version'].toSorted())
    assert.deepEqual(body.places[0], {
      state: 'TX',
      timezone: 'America/Chicago',
      local_time: '2026-03-01T12:00:00.000Z',
      window: '08:00-21:00',
    })
    assert.equal((await ask({ phone_number: '+12125550123' })).body.effect, 'advisory')
    const evidence = { consent_zip: '75001', ivr_zip: '75001', account_zip: '75001' }
    assert.equal((await ask({ phone_number: '+12125550123', ...evidence })).status, 200)
    for (const json of [
      {},
      { phone_number: 'x' },
      { phone_number: '+12125550123', time: 'noon' },
      { phone_number: '+12125550123', zip: '00000' },
      { phone_number: '+12125550123', zip: 75001 },
      { phone_number: '+12125550123', ivr_zip: '00000' },
      { phone_number: '+12125550123', consent_zip: 'x' },
      { phone_number: '+12125550123', leg: 'sideways' },
    ]) {
      assert.equal((await ask(json)).status, 422, JSON.stringify(json))
    }
  })

  it('tells what is known of a number, and of the settings', async () => {
    const good = await api.request('GET', 'debug/validate/phone/+12125550123', { token: admin.token })
    assert.deepEqual(
      [good.body.valid, good.body.e164, good.body.timezones],
      [true, '+12125550123', ['America/Chicago']],
    )
    const bad = await api.request('GET', 'debug/validate/phone/abc', { token: admin.token })
    assert.deepEqual([bad.status, bad.body.valid, bad.body.reason], [200, false, 'not a NANP number'])
    const config = await api.request('GET', 'debug/config', { token: admin.token })
    assert.equal(config.body.database.url, '***')
  })
})
