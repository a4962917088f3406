import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

type Json = Record<string, unknown>

describe('bids', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  let owner: Person
  let target: string
  before(async () => {
    owner = await api.person('buyer', 'bidder')
    target = (await post(owner, 'targets', { name: 't', uri: 'sip:a@b.example' })).body.id as string
  })

  it('stand on the only target, in the default campaign', async () => {
    const first = await post(owner, 'bids', { amount: 2.5 })
    const second = await post(owner, 'bids', { amount: '2.500001', billable_after: 30 })
    assert.equal(first.body.target_id, target)
    assert.equal(first.body.campaign_id, second.body.campaign_id)
    assert.deepEqual([first.body.amount, second.body.amount], ['2.50', '2.500001'])
    assert.deepEqual(first.body.criteria, {
      verticals: [],
      geography: null,
      time_window: null,
      tags: {},
      not_tags: {},
      sellers: null,
      consent: null,
      min_attestation: null,
    })
    const campaign = await api.request('GET', `campaigns/${first.body.campaign_id}`, { token: owner.token })
    assert.equal(campaign.body.is_default, true)
  })

  it('say which currency their money is in: their account’s', async () => {
    const account = await post(admin, 'accounts', { type: 'buyer', name: 'Calls de Paris', currency: 'EUR' })
    await post(admin, 'targets', { account_id: account.body.id, name: 't', uri: 'sip:a@b.example' })
    const made = await post(admin, 'bids', { account_id: account.body.id, amount: '3' })
    const changed = await patch(admin, `bids/${made.body.id}`, { amount: '4' })
    const read = await api.request('GET', `bids/${made.body.id}`, { token: admin.token })
    const list = await api.request('GET', `bids?account_id=${account.body.id}`, { token: admin.token })
    const campaign = await api.request('GET', `campaigns/${made.body.campaign_id}`, { token: admin.token })
    const currencies = [made.body, changed.body, read.body, list.body.data[0], campaign.body].map(
      (thing) => thing.currency,
    )
    assert.deepEqual(currencies, ['EUR', 'EUR', 'EUR', 'EUR', 'EUR'])
  })

  it('need a target named when there is none, or a choice', async () => {
    const none = await api.person('buyer', 'targetless')
    assertFault(await post(none, 'bids', { amount: '1' }), '/target_id', 'required')
    await post(none, 'targets', { name: 'a', uri: 'sip:a@b.example' })
    await post(none, 'targets', { name: 'b', uri: 'sip:b@b.example' })
    assertFault(await post(none, 'bids', { amount: '1' }), '/target_id', 'required')
  })

  it('refuse every amount that is none, and anything else that is wrong', () =>
    refusesEach(
      api,
      owner,
      'bids',
      { amount: '1' },
      {
        amount: [
          '-1',
          -1,
          'NaN',
          '1e309',
          'Infinity',
          `0.${'1'.repeat(40)}`,
          '0',
          0,
          '0.009999',
          '0.0000001',
          null,
          '',
          [],
          {},
          true,
          '1000000001',
          '01234567890.00',
        ],
        billable_after: [-1, 3601, 0.5, '30', null],
        max_concurrent_calls: [0, -1, 1.5],
        status: ['gone'],
        target_id: ['x', newId(), null],
        campaign_id: ['x', newId()],
        criteria: [
          { verticals: 'legal' },
          { colour: 'red' },
          null,
          { verticals: Array(201).fill('x') },
          { min_attestation: 'D' },
        ],
        nonsense: [1],
      },
    ))

  it('refuse the same as raw JSON numbers, at the amount', async () => {
    for (const raw of ['-1', '1e309', `0.1${'0'.repeat(40)}1`, '0.0001', '1e-7', '123456789012345678901234567890']) {
      const reply = await api.request('POST', 'bids', {
        token: owner.token,
        body: `{"amount":${raw}}`,
        headers: { 'content-type': 'application/json' },
      })
      assertFault(reply, '/amount')
    }
  })

  const bid = (geography: Json) => post(owner, 'bids', { amount: '1', criteria: { geography } })

  it('take a radius only around a centre that can be found', async () => {
    assertFault(await bid({ radius_miles: 25 }), '/criteria/geography/radius_miles', 'radius_without_center')
    assertFault(await bid({ center: '75001' }), '/criteria/geography/radius_miles', 'required')
    assertFault(await bid({ center: '00000', radius_miles: 5 }), '/criteria/geography/center', 'unknown_zip')
    assertFault(await bid({ zip: '00000', radius_miles: 5 }), '/criteria/geography/zip', 'unknown_zip')
    assertFault(await bid({ center: { lat: 91, lon: 0 }, radius_miles: 5 }), '/criteria/geography/center/lat')
    assertFault(await bid({ center: '75001', zip: '75001', radius_miles: 5 }), '/criteria/geography/zip')
    assertFault(await bid({ center: '75001', radius_miles: 0 }), '/criteria/geography/radius_miles')
    assertFault(await bid({ states: ['ZZ'] }), '/criteria/geography/states/0')
    assertFault(await bid({ zips: ['7500'] }), '/criteria/geography/zips/0')
    for (const geography of [
      { center: '75001', radius_miles: 5 },
      { zip: '75001', radius_miles: 5 },
    ]) {
      const made = await bid(geography)
      assert.deepEqual(made.body.criteria.geography.center, { lat: 32.96, lon: -96.84 })
    }
  })

  it('read a window in the account’s zone unless told', async () => {
    await patch(admin, `accounts/${owner.account.id}`, { timezone: 'America/Denver' })
    const made = await post(owner, 'bids', {
      amount: '1',
      criteria: { time_window: { start: '20:00', end: '02:00' } },
    })
    assert.equal(made.body.criteria.time_window.timezone, 'America/Denver')
    const changed = await patch(owner, `bids/${made.body.id}`, {
      criteria: { time_window: { start: '09:00', end: '17:00' } },
    })
    assert.equal(changed.body.criteria.time_window.timezone, 'America/Denver')
  })

  it('for a call that is unknown are 404, for one whose auction is over 409', async () => {
    assert.equal((await post(owner, 'bids', { amount: '1', call_id: newId() })).status, 404)
    const call = sampleCall(seller.account.id)
    api.stores.callRecords.set(call.id, call)
    const reply = await post(owner, 'bids', { amount: '1', call_id: call.id })
    assert.deepEqual([reply.status, reply.body.code], [409, 'auction_closed'])
    assertFault(await post(owner, 'bids', { amount: '1', call_id: 'x' }), '/call_id')
  })

  it('for a call are taken while its auction is open, and taken back when it closed before they were written', async () => {
    const call = sampleCall(seller.account.id)
    api.live.openFor.add(call.id)
    const made = await post(owner, 'bids', { amount: '1', call_id: call.id })
    assert.deepEqual([made.status, made.body.call_id], [201, call.id])
    const create = api.stores.bids.create.bind(api.stores.bids)
    api.stores.bids.create = (draft) => {
      api.live.openFor.clear()
      return create(draft)
    }
    const late = await post(owner, 'bids', { amount: '7.77', call_id: call.id })
    api.stores.bids.create = create
    assert.deepEqual([late.status, late.body.code], [409, 'auction_closed'])
    const list = await api.request('GET', 'bids', { token: owner.token })
    assert.ok(!list.body.data.some(({ amount }: { amount: string }) => amount === '7.77'))
  })

  it('may ask for a signed caller, and take that back', async () => {
    const made = await post(owner, 'bids', { amount: '1', criteria: { min_attestation: 'A' } })
    assert.equal(made.body.criteria.min_attestation, 'A')
    const changed = await patch(owner, `bids/${made.body.id}`, { criteria: { min_attestation: null } })
    assert.equal(changed.body.criteria.min_attestation, null)
    assertFault(
      await post(owner, 'bids', { amount: '1', criteria: { min_attestation: 'a+' } }),
      '/criteria/min_attestation',
    )
  })

  it('have modifiers by place, hour and tag', async () => {
    const modifiers = { zips: { '75001': '1.2' }, states: { TX: 0.5 }, hours: { '13': 0 }, tags: { 'language= ES': 2 } }
    const made = await post(owner, 'bids', { amount: '1', modifiers })
    assert.deepEqual(made.body.modifiers, {
      zips: { '75001': '1.200' },
      states: { TX: '0.500' },
      hours: { '13': '0.000' },
      tags: { 'language=es': '2.000' },
      timezone: 'America/New_York',
    })
    assert.equal((await patch(owner, `bids/${made.body.id}`, { modifiers: null })).body.modifiers, null)
    for (const wrong of [
      { zips: { '7500': 1 } },
      { zips: { '75001': '2.001' } },
      { zips: { '75001': '0.0001' } },
      { states: { tx: -1 } },
      { hours: { '24': 1 } },
      { tags: { language: 1 } },
      { days: {} },
    ])
      assert.equal((await post(owner, 'bids', { amount: '1', modifiers: wrong })).status, 422, JSON.stringify(wrong))
  })

  it('take modifiers by the line, and say which line is wrong', async () => {
    const made = await post(owner, 'bids', { amount: '1' })
    const send = (text: string) =>
      api.request('POST', `bids/${made.body.id}/modifiers`, {
        token: owner.token,
        body: text,
        headers: { 'content-type': 'text/csv' },
      })
    const reply = await send('kind,value,factor\r\nzip,75001,1.25\n"tag","device=mobile","0.5"\n\nhour,9,2\n')
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body.modifiers, {
      zips: { '75001': '1.250' },
      states: {},
      hours: { '9': '2.000' },
      tags: { 'device=mobile': '0.500' },
      timezone: 'America/New_York',
    })
    for (const [text, pointer] of [
      ['zip,75001,1\nzip,75001,1', '/lines/2'],
      ['zip,75001,3', '/lines/1'],
      ['city,Austin,1', '/lines/1'],
      ['state,TX', '/lines/1'],
      ['hour,24,1', '/lines/1'],
      [Array.from({ length: 10_001 }, (_, i) => `zip,${String(i).padStart(5, '0')},1`).join('\n'), '/lines'],
    ] as const)
      assertFault(await send(text), pointer)
    const stranger = await api.person('buyer', 'stranger')
    const path = `bids/${made.body.id}/modifiers`
    const theirs = await api.request('POST', path, {
      token: stranger.token,
      body: '',
      headers: { 'content-type': 'text/csv' },
    })
    assert.equal(theirs.status, 404)
  })

  it('change amount, status and criteria alone', async () => {
    const made = await post(owner, 'bids', { amount: '1', criteria: { verticals: ['legal'] } })
    const changed = await patch(owner, `bids/${made.body.id}`, { amount: '3', status: 'paused' })
    assert.deepEqual(
      [changed.body.amount, changed.body.status, changed.body.criteria.verticals],
      ['3.00', 'paused', ['legal']],
    )
    for (const json of [
      { amount: '-1' },
      { target_id: newId() },
      { campaign_id: newId() },
      { call_id: newId() },
      { account_id: newId() },
    ]) {
      assert.equal((await patch(owner, `bids/${made.body.id}`, json)).status, 422, JSON.stringify(json))
    }
  })

  it('of an administrator are for whom the target belongs to', async () => {
    const made = await post(admin, 'bids', { amount: '1', target_id: target })
    assert.equal(made.body.account_id, owner.account.id)
    const named = await post(admin, 'bids', { amount: '1', account_id: owner.account.id })
    assert.equal(named.body.target_id, target)
    assertFault(await post(admin, 'bids', { amount: '1' }), '/account_id', 'required')
    assertFault(await post(admin, 'bids', { amount: '1', target_id: newId() }), '/target_id')
  })

  it('are announced', async () => {
    const heard: string[] = []
    const stop = api.bus.subscribe((event) => heard.push(`${event.type} ${String(event.payload['amount'])}`))
    await post(owner, 'bids', { amount: '4.44' })
    stop()
    assert.deepEqual(heard, ['bid.placed 4.44'])
  })
})
