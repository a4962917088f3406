import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

const ANY = {
  verticals: [],
  geography: null,
  time_window: null,
  tags: {},
  not_tags: {},
  sellers: null,
  consent: null,
  min_attestation: null,
}

describe('campaigns', () => {
  let api: ApiHarness
  let buyer: Person
  let admin: Person

  before(async () => {
    api = await startApi()
    buyer = await api.person('buyer')
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  it('have defaults, and change one budget or cap at a time', async () => {
    const made = await post(buyer, '/campaigns', {
      name: 'c',
      budget: { daily: '50', total: 900 },
      caps: { concurrent: 3 },
    })
    assert.equal(made.status, 201)
    assert.deepEqual(made.body.budget, { daily: '50.00', total: '900.00' })
    assert.deepEqual([made.body.status, made.body.pacing, made.body.is_default], ['active', 'asap', false])
    const changed = await patch(buyer, `campaigns/${made.body.id}`, {
      budget: { daily: null },
      caps: { hourly: 5 },
      status: 'paused',
    })
    assert.deepEqual(changed.body.budget, { daily: null, total: '900.00' })
    assert.deepEqual(changed.body.caps, { hourly: 5, daily: null, monthly: null, total: null, concurrent: 3 })
  })

  it('name the answers of their targets that end a call, and no others', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c', stop_codes: [603, 404] })
    assert.deepEqual(made.body.stop_codes, [603, 404])
    const cleared = await patch(buyer, `campaigns/${made.body.id}`, { stop_codes: null })
    assert.equal(cleared.body.stop_codes, null)
    for (const stop_codes of [[399], [700], ['603'], 603])
      assert.equal((await post(buyer, 'campaigns', { name: 'c', stop_codes })).status, 422)
  })

  it('take criteria, a schedule and a frequency', async () => {
    const json = {
      name: 'c',
      schedule: {
        start: '22:00',
        end: '06:00',
        days: ['Fri', 'sat'],
        timezone: 'America/Chicago',
        breaks: [{ start: '23:00', end: '00:30' }],
        holidays: ['2026-12-24', '2026-12-24'],
      },
      frequency: { calls: 1, hours: 24 },
      criteria: {
        verticals: ['legal', 'LEGAL'],
        geography: { states: ['tx', 'ON'], zips: ['75001'] },
        time_window: { start: '08:00', end: '24:00' },
      },
    }
    const made = await post(buyer, 'campaigns', json)
    assert.deepEqual(made.body.schedule, {
      start: '22:00',
      end: '06:00',
      days: ['fri', 'sat'],
      timezone: 'America/Chicago',
      breaks: [{ start: '23:00', end: '00:30' }],
      holidays: ['2026-12-24'],
    })
    assert.deepEqual(made.body.criteria.verticals, ['legal'])
    assert.deepEqual(made.body.criteria.geography.states, ['TX', 'ON'])
    assert.equal(made.body.criteria.time_window.end, '24:00')
    const cleared = await patch(buyer, `campaigns/${made.body.id}`, { schedule: null, frequency: null, criteria: {} })
    assert.deepEqual([cleared.body.schedule, cleared.body.frequency], [null, null])
    assert.deepEqual(cleared.body.criteria, ANY)
  })

  it('have a window that opens at all: no break of it, nor all together, may leave nothing, across midnight either', async () => {
    const scheduled = (start: string, end: string, ...breaks: string[]) =>
      post(buyer, 'campaigns', {
        name: 'c',
        schedule: {
          start,
          end,
          breaks: breaks.map((text) => ({ start: text.slice(0, 5), end: text.slice(6) })),
        },
      })
    const whole = '/schedule/breaks'
    assertFault(await scheduled('09:00', '17:00', '08:00-17:00'), `${whole}/0`, 'empty_window')
    assertFault(await scheduled('22:00', '06:00', '23:00-23:30', '21:59-06:00'), `${whole}/1`, 'empty_window')
    assertFault(await scheduled('09:00', '17:00', '12:00-17:00', '09:00-12:00'), whole, 'empty_window')
    assertFault(await scheduled('22:00', '06:00', '01:00-06:30', '21:00-23:00', '23:00-01:00'), whole, 'empty_window')
    assertFault(await scheduled('00:00', '24:00', '18:00-12:00', '12:00-18:00'), whole, 'empty_window')
    for (const [start, end, ...breaks] of [
      ['09:00', '17:00', '12:00-17:00', '09:00-11:59'],
      ['22:00', '06:00', '22:00-05:59'],
      ['22:00', '06:00', '06:00-22:00'],
    ] as const)
      assert.equal((await scheduled(start, end, ...breaks)).status, 201, `${start}-${end} but ${breaks.join(' ')}`)
    assertFault(await scheduled('24:00', '06:00'), '/schedule/start', 'invalid_time')
    assertFault(await scheduled('06:00', '06:00'), '/schedule/end', 'invalid_time')
  })

  it('say which cap or budget contradicts another, also after a change of one of them', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c', caps: { daily: 5 }, budget: { total: '100' } })
    const capped = await patch(buyer, `campaigns/${made.body.id}`, { caps: { hourly: 6 } })
    assertFault(capped, '/caps/hourly', 'overlapping_caps')
    const spent = await patch(buyer, `campaigns/${made.body.id}`, { budget: { daily: '100.01' } })
    assertFault(spent, '/budget/daily', 'overlapping_budgets')
    assert.equal((await patch(buyer, `campaigns/${made.body.id}`, { caps: { hourly: 5 } })).status, 200)
  })

  it('have no budget below one bid', async () => {
    await post(buyer, 'targets', { name: 't', uri: 'sip:a@b.example' })
    const made = await post(buyer, 'campaigns', { name: 'c', budget: { daily: '50' } })
    const campaign_id = made.body.id
    assertFault(await post(buyer, 'bids', { campaign_id, amount: '50.01' }), '/amount', 'above_budget')
    const bid = await post(buyer, 'bids', { campaign_id, amount: '50' })
    assert.equal(bid.status, 201)
    assertFault(await patch(buyer, `bids/${bid.body.id}`, { amount: '51' }), '/amount', 'above_budget')
    const poor = await patch(buyer, `campaigns/${campaign_id}`, { budget: { daily: '49.99' } })
    assertFault(poor, '/budget/daily', 'below_one_bid')
    await post(buyer, 'bids', { campaign_id, amount: '20' })
    assert.equal((await patch(buyer, `campaigns/${campaign_id}`, { budget: { daily: '20' } })).status, 200)
  })

  it('count callers over days, after a sale or an answer, for the buyer, a target or the campaign', async () => {
    const made = await post(buyer, 'campaigns', {
      name: 'c',
      frequency: { calls: 1, days: 30, after: 'converted', per: 'buyer' },
    })
    assert.deepEqual(made.body.frequency, { calls: 1, hours: 720, after: 'converted', per: 'buyer' })
    const changed = await patch(buyer, `campaigns/${made.body.id}`, { frequency: { calls: 2, hours: 3 } })
    assert.deepEqual(changed.body.frequency, { calls: 2, hours: 3, after: 'connected', per: 'campaign' })
  })

  it('are paced evenly along a daily budget', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c', pacing: 'even', budget: { daily: '50' } })
    assert.equal(made.body.pacing, 'even')
    const gone = await patch(buyer, `campaigns/${made.body.id}`, { budget: { daily: null } })
    assertFault(gone, '/budget/daily', 'pacing_without_budget')
    assert.equal((await patch(buyer, `campaigns/${made.body.id}`, { pacing: 'asap' })).body.pacing, 'asap')
  })

  it('turn on what their bids are multiplied by, one at a time', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c' })
    assert.deepEqual(made.body.factors, { performance: false, competition: false })
    const changed = await patch(buyer, `campaigns/${made.body.id}`, { factors: { competition: true } })
    assert.deepEqual(changed.body.factors, { performance: false, competition: true })
    const both = await patch(buyer, `campaigns/${made.body.id}`, { factors: { performance: true } })
    assert.deepEqual(both.body.factors, { performance: true, competition: true })
  })

  it('pay by the call, by conversion or a share of sales; the rate is the operator’s to set', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c' })
    assert.deepEqual(made.body.pricing, { type: 'call' })
    const path = `campaigns/${made.body.id}`
    const bySale = { type: 'conversion', event: 'sale' }
    const changed = await patch(buyer, path, { pricing: bySale })
    assert.deepEqual(changed.body.pricing, { ...bySale, window_hours: 720, rate: null })
    assert.equal((await patch(buyer, path, { pricing: { ...bySale, rate: '0.5' } })).status, 403)
    const rated = await patch(admin, path, { pricing: { ...bySale, rate: '0.25' } })
    assert.equal(rated.body.pricing.rate, '0.25')
    const longer = await patch(buyer, path, { pricing: { ...bySale, window_hours: 48 } })
    assert.deepEqual(longer.body.pricing, { ...bySale, window_hours: 48, rate: '0.25' })
    const other = await patch(buyer, path, { pricing: { type: 'sale_share', share: '0.10' } })
    assert.deepEqual(other.body.pricing, { type: 'sale_share', share: '0.10', window_hours: 720, rate: null })
    assert.deepEqual((await patch(buyer, path, { pricing: { type: 'call' } })).body.pricing, { type: 'call' })
    const figures = await api.request('GET', `${path}/conversions`, { token: buyer.token })
    assert.deepEqual([figures.status, figures.body.calls, figures.body.measured_rate], [200, 0, null])
  })

  it('pay by the minute, in increments, up to so many seconds', async () => {
    const made = await post(buyer, 'campaigns', { name: 'c', pricing: { type: 'minute' } })
    const whole = {
      type: 'minute',
      initial_increment_seconds: 60,
      increment_seconds: 60,
      max_billable_seconds: 3600,
      at_max: 'continue',
    }
    assert.deepEqual(made.body.pricing, whole)
    const path = `campaigns/${made.body.id}`
    const other = { initial_increment_seconds: 30, increment_seconds: 6, max_billable_seconds: 600, at_max: 'end' }
    const changed = await patch(buyer, path, { pricing: { type: 'minute', ...other } })
    assert.deepEqual(changed.body.pricing, { type: 'minute', ...other })
    for (const [field, wrong] of [
      ['initial_increment_seconds', 0],
      ['initial_increment_seconds', 3601],
      ['increment_seconds', 1.5],
      ['increment_seconds', '6'],
      ['max_billable_seconds', 86_401],
      ['max_billable_seconds', 59],
      ['at_max', 'stop'],
    ] as const)
      assertFault(await patch(buyer, path, { pricing: { type: 'minute', [field]: wrong } }), `/pricing/${field}`)
    assert.deepEqual((await patch(buyer, path, { pricing: { type: 'call' } })).body.pricing, { type: 'call' })
  })

  it('by the minute have a budget that the longest call fits into', async () => {
    const person = await api.person('buyer', 'minutes')
    await post(person, 'targets', { name: 't', uri: 'sip:a@b.example' })
    const pricing = { type: 'minute', max_billable_seconds: 1800 }
    const made = await post(person, 'campaigns', { name: 'c', budget: { daily: '20' } })
    await post(person, 'bids', { amount: '1', campaign_id: made.body.id })
    const path = `campaigns/${made.body.id}`
    assertFault(await patch(person, path, { pricing }), '/budget/daily', 'below_one_bid')
    const changed = await patch(person, path, { pricing, budget: { daily: '30' } })
    assert.equal(changed.status, 200)
    assertFault(await patch(person, path, { budget: { daily: '29.99' } }), '/budget/daily', 'below_one_bid')
  })

  it('ask for tags and sellers', async () => {
    const sellers = { allow: [newId<string>()], deny: [newId<string>()] }
    const criteria = { tags: { language: ['es', 'es'], campaign: [] }, not_tags: { device: ['robot'] }, sellers }
    const made = await post(buyer, 'campaigns', { name: 'c', criteria })
    assert.deepEqual(made.body.criteria, { ...ANY, ...criteria, tags: { language: ['es'], campaign: [] } })
    const both = { sellers: { allow: sellers.allow, deny: sellers.allow } }
    assertFault(
      await post(buyer, 'campaigns', { name: 'c', criteria: both }),
      '/criteria/sellers/deny',
      'contradiction',
    )
    for (const wrong of [{ tags: { 'a b': [] } }, { tags: { a: 'x' } }, { sellers: { allow: ['x'] } }])
      assert.equal((await post(buyer, 'campaigns', { name: 'c', criteria: wrong })).status, 422)
  })

  it('refuse what is wrong', () =>
    refusesEach(
      api,
      buyer,
      'campaigns',
      { name: 'c' },
      {
        name: ['', null],
        status: ['on'],
        timezone: ['Nowhere', null],
        budget: [
          { daily: '-1' },
          { weekly: '1' },
          { daily: 'NaN' },
          5,
          null,
          { daily: '0' },
          { total: '0.009' },
          { daily: '10', total: '9.99' },
        ],
        factors: [{ performance: 1 }, { pacing: true }, true],
        pricing: [
          { type: 'day' },
          { type: 'conversion' },
          { type: 'conversion', event: 'refund' },
          { type: 'conversion', event: 'sale', window_hours: 0 },
          { type: 'conversion', event: 'sale', window_hours: 2161 },
          { type: 'sale_share', share: '0' },
          { type: 'sale_share', share: '1.01' },
          { type: 'call', event: 'sale' },
        ],
        pacing: ['even', 'slow'], // Even without a daily budget.
        caps: [
          { daily: -1 },
          { daily: 1.5 },
          { yearly: 1 },
          { daily: '5' },
          { hourly: 6, daily: 5 },
          { daily: 51, monthly: 50 },
          { hourly: 6, total: 5 },
          { concurrent: 6, total: 5 },
        ],
        frequency: [
          { calls: 0, hours: 1 },
          { calls: 1 },
          { calls: 1, hours: 0 },
          { calls: 1, hours: 24, days: 1 },
          { calls: 1, days: 367 },
          { calls: 1, days: 1, after: 'rung' },
          { calls: 1, days: 1, per: 'seller' },
        ],
        schedule: [
          { start: '25:00', end: '26:00' },
          { start: '8:00', end: '9:00' },
          { start: '08:00', end: '08:00' },
          { start: '24:00', end: '08:00' },
          { start: '08:00' },
          { start: '08:00', end: '09:00', days: ['someday'] },
          { start: '08:00', end: '09:00', breaks: [{ start: '07:00', end: '09:00' }] },
          { start: '22:00', end: '02:00', breaks: [{ start: '21:00', end: '02:00' }] },
          { start: '08:00', end: '09:00', breaks: [{ start: '08:10', end: '08:10' }] },
          { start: '08:00', end: '09:00', holidays: ['2026-02-30'] },
        ],
      },
    ))
})
