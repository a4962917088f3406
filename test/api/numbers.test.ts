import assert from 'node:assert/strict'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('numbers', () => {
  let api: ApiHarness
  let seller: Person

  before(async () => {
    api = await startApi()
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  it('have the contract’s defaults', async () => {
    const made = await post(seller, 'numbers', { number: '(800) 555-0101', vertical: 'Home_Services' })
    const { id: _id, created_at: _created, updated_at: _updated, account_id: _account, ...rest } = made.body
    assert.deepEqual(rest, {
      number: '+18005550101',
      vertical: 'home_services',
      reserve_price: '0.00',
      price_rule: 'second',
      soft_floor: null,
      routing: { strategy: 'auction', buyers: [], skills: [] },
      payout: { type: 'share', value: '0.80' },
      max_billable_after: 120,
      currency: 'USD',
      live_bidding_ms: 0,
      bidder_deadline_ms: null,
      traffic_type: 'inbound',
      tags: {},
      audio: null,
      menu: null,
      version: 1,
    })
  })

  it('belong to one account', async () => {
    const reply = await post(seller, 'numbers', { number: '+18005550101', vertical: 'legal' })
    assert.deepEqual([reply.status, reply.body.errors[0].pointer], [409, '/number'])
  })

  it('have a soft floor no lower than their reserve', async () => {
    const terms = { number: '+18005550109', vertical: 'legal', reserve_price: '2' }
    assertFault(
      await post(seller, 'numbers', { ...terms, soft_floor: '1.99' }),
      '/soft_floor',
      'soft_floor_below_reserve',
    )
    const made = await post(seller, 'numbers', { ...terms, soft_floor: '5' })
    assert.equal(made.body.soft_floor, '5.00')
    const raised = await patch(seller, `numbers/${made.body.id}`, { reserve_price: '6' })
    assertFault(raised, '/reserve_price', 'soft_floor_below_reserve')
    assert.equal((await patch(seller, `numbers/${made.body.id}`, { soft_floor: null })).body.soft_floor, null)
  })

  it('have a strategy, with the lists that it goes by and no other', async () => {
    const buyer = await api.person('buyer')
    const made = await post(seller, 'numbers', {
      number: '+18005550110',
      vertical: 'legal',
      routing: { strategy: 'priority', buyers: [{ account_id: buyer.account.id, weight: 7 }] },
    })
    const buyers = [{ account_id: buyer.account.id, priority: 1, weight: 7 }]
    assert.deepEqual(made.body.routing, { strategy: 'priority', buyers, skills: [] })
    const change = async (routing: Json | null) => patch(seller, `numbers/${made.body.id}`, { routing })
    const refusals: [Json, string, string][] = [
      [{ strategy: 'priority' }, '/routing/buyers', 'required'],
      [{ strategy: 'skill' }, '/routing/skills', 'required'],
      [{ strategy: 'auction', skills: ['a'] }, '/routing/skills', 'not_allowed'],
      [{ strategy: 'round_robin', buyers }, '/routing/buyers', 'not_allowed'],
      [{ strategy: 'priority', buyers: [...buyers, ...buyers] }, '/routing/buyers/1/account_id', 'duplicate'],
      [
        { strategy: 'priority', buyers: [{ account_id: seller.account.id }] },
        '/routing/buyers/0/account_id',
        'not_found',
      ],
    ]
    for (const [routing, pointer, code] of refusals) assertFault(await change(routing), pointer, code)
    for (const routing of [
      { strategy: 'random' },
      { strategy: 'skill', skills: ['a b'] },
      { strategy: 'priority', buyers: [{ ...buyers[0], priority: 0 }] },
      { strategy: 'priority', buyers: [{ ...buyers[0], weight: 1.5 }] },
    ])
      assert.equal((await change(routing)).status, 422)
    const skilled = await change({ strategy: 'skill', skills: ['language', 'language'] })
    assert.deepEqual(skilled.body.routing, { strategy: 'skill', buyers: [], skills: ['language'] })
    assert.equal((await change(null)).body.routing.strategy, 'auction')
  })

  it('pay by the minute, in increments', async () => {
    const made = await api.request('POST', 'numbers', {
      token: seller.token,
      json: {
        number: '+18005550177',
        vertical: 'legal',
        payout: { type: 'minute', value: '0.4', increment_seconds: 6 },
      },
    })
    const payout = { type: 'minute', value: '0.40', initial_increment_seconds: 60, increment_seconds: 6 }
    assert.deepEqual(made.body.payout, payout)
    for (const [field, wrong] of [
      ['value', '-1'],
      ['increment_seconds', 0],
      ['initial_increment_seconds', 3601],
    ] as const) {
      const json = { payout: { ...payout, [field]: wrong } }
      const reply = await api.request('PATCH', `numbers/${made.body.id}`, { token: seller.token, json })
      assertFault(reply, `/payout/${field}`)
    }
  })

  it('take a fixed payout, and change', async () => {
    const made = await post(seller, 'numbers', {
      number: '+18005550102',
      vertical: 'legal',
      payout: { type: 'fixed', value: 12.5 },
      tags: { source: 'tv' },
    })
    assert.deepEqual(made.body.payout, { type: 'fixed', value: '12.50' })
    const changed = await patch(seller, `numbers/${made.body.id}`, { reserve_price: '3', price_rule: 'first' })
    assert.deepEqual(
      [changed.body.reserve_price, changed.body.price_rule, changed.body.tags],
      ['3.00', 'first', { source: 'tv' }],
    )
    assertFault(
      await patch(seller, `numbers/${made.body.id}`, { number: '+18005550103' }),
      '/number',
      'unknown_property',
    )
  })

  it('refuse what is wrong', () =>
    refusesEach(
      api,
      seller,
      'numbers',
      { number: '+18005550199', vertical: 'legal' },
      {
        number: ['', '123', '+1', 'sip:a@b', '+1800555019x', 18005550199, null],
        vertical: ['', 'two\nlines', 'x'.repeat(65), null, '-x', '<b>'],
        reserve_price: ['-0.01', 'free', '1.1234567'],
        price_rule: ['third'],
        payout: [
          { type: 'share', value: '1.01' },
          { type: 'share', value: -1 },
          { type: 'fixed', value: '-1' },
          { type: 'share' },
          { type: 'half', value: 1 },
          '0.8',
          { type: 'share', value: '0.8', cap: 1 },
        ],
        max_billable_after: [-1, 3601, 1.5, '120'],
        live_bidding_ms: [-1, 2001],
        traffic_type: ['sideways'],
        tags: [
          { 'a b': 'x' },
          { a: 1 },
          { a: 'x'.repeat(257) },
          [],
          Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])),
        ],
      },
    ))
})
