import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { startApi, type ApiHarness, type Person, type Reply } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

type Json = Record<string, unknown>

/** The answer is 422 with exactly this pointer (first). */
function assertFault(reply: Reply, pointer: string, code?: string): void {
  assert.equal(reply.status, 422, JSON.stringify(reply.body))
  assert.equal(reply.body.errors[0].pointer, pointer, JSON.stringify(reply.body))
  if (code) assert.equal(reply.body.errors[0].code, code)
}

describe('resources', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let buyer: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    seller = await api.person('seller')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  /** Every wrong value of a field is refused at its pointer. */
  async function refusesEach(person: Person, path: string, good: Json, wrong: Json): Promise<void> {
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values as unknown[]) {
        const reply = await post(person, path, { ...good, [field]: value })
        assert.equal(reply.status, 422, `${field}: ${JSON.stringify(value)} → ${JSON.stringify(reply.body)}`)
        const pointer = reply.body.errors[0].pointer as string
        assert.ok(pointer.startsWith(`/${field}`), `${field}: ${JSON.stringify(value)} → ${pointer}`)
      }
    }
  }

  describe('accounts', () => {
    it('open with defaults, and a user who can log in with the right role', async () => {
      for (const [type, path] of [
        ['buyer', 'bids'],
        ['seller', 'trunks'],
        ['operator', 'dnc'],
      ] as const) {
        const email = `${type}-new@example.com`
        const made = await post(admin, 'accounts', { type, name: ' New ', email, password: 'correct horse' })
        assert.equal(made.status, 201)
        assert.equal(made.headers.get('location'), `/api/v1/accounts/${made.body.id}`)
        const { name, status, currency, timezone, credit_limit, balance, available } = made.body
        assert.deepEqual(
          { name, status, currency, timezone, credit_limit, balance, available },
          {
            name: 'New',
            status: 'active',
            currency: 'USD',
            timezone: 'America/New_York',
            credit_limit: '0.00',
            balance: '0.00',
            available: '0.00',
          },
        )
        assert.ok(!JSON.stringify(made.body).includes('password'))
        const login = await api.request('POST', 'auth/login', { json: { email, password: 'correct horse' } })
        assert.equal((await api.request('GET', path, { token: login.body.access_token })).status, 200)
      }
    })

    it('refuse what is wrong', () =>
      refusesEach(
        admin,
        'accounts',
        { type: 'buyer', name: 'x' },
        {
          type: ['external', 'admin', null],
          name: ['', ' ', 'x'.repeat(201), 'a\u0000b', 'a\nb', 1, '\ud800'],
          email: ['x', 'a@b', 1],
          currency: ['XXXX', 'usdollar', '', 840],
          timezone: ['Mars/Olympus', '+05:00', 'EST5EDT; drop', '', 5],
          credit_limit: ['-1', '1.1234567', 'NaN', '10000000000000', {}, true],
          status: ['gone'],
          balance: ['1.00'],
        },
      ))

    it('need an email for a password, and a password of eight characters', async () => {
      assertFault(await post(admin, 'accounts', { type: 'buyer', name: 'x', password: 'correct horse' }), '/email')
      const short = { type: 'buyer', name: 'x', email: 'short@example.com', password: '1234567' }
      assertFault(await post(admin, 'accounts', short), '/password')
    })

    it('never share a login, and leave nothing half-made', async () => {
      const before = (await api.request('GET', 'accounts?limit=1000', { token: admin.token })).body.data.length
      const reply = await post(admin, 'accounts', {
        type: 'buyer',
        name: 'x',
        email: 'Buyer-New@example.com',
        password: 'correct horse',
      })
      assert.deepEqual([reply.status, reply.body.errors[0].pointer], [409, '/email'])
      const after = (await api.request('GET', 'accounts?limit=1000', { token: admin.token })).body.data.length
      assert.equal(after, before)
    })

    it('keep their type, their currency and their login', async () => {
      assertFault(
        await patch(admin, `accounts/${buyer.account.id}`, { currency: 'EUR' }),
        '/currency',
        'unknown_property',
      )
      assertFault(await patch(admin, `accounts/${buyer.account.id}`, { type: 'seller' }), '/type', 'unknown_property')
      const house = await patch(admin, `accounts/${api.house.operatorId}`, { status: 'closed' })
      assert.equal(house.status, 409)
    })

    it('change what is given and nothing else', async () => {
      const reply = await patch(admin, `accounts/${buyer.account.id}`, { credit_limit: 250, timezone: 'US/Eastern' })
      assert.deepEqual(
        [reply.body.credit_limit, reply.body.timezone, reply.body.name],
        ['250.00', 'US/Eastern', 'buyer'],
      )
      assert.equal(reply.headers.get('etag'), `"${reply.body.version}"`)
    })
  })

  describe('money', () => {
    it('comes in once per reference and goes out as far as there is', async () => {
      const { account } = await api.person('buyer', 'payer')
      const path = `accounts/${account.id}`
      const first = await post(admin, `${path}/deposits`, { amount: '100.50', reference: 'wire 1' })
      assert.equal(first.status, 201)
      assert.deepEqual([first.body.kind, first.body.amount, first.body.balance], ['deposit', '100.50', '100.50'])
      const again = await post(admin, `${path}/deposits`, { amount: '100.50', reference: 'wire 1' })
      assert.deepEqual([again.status, again.body.id, again.body.balance], [200, first.body.id, '100.50'])
      const other = await post(admin, `${path}/deposits`, { amount: '7', reference: 'wire 1' })
      assert.deepEqual([other.status, other.body.errors[0].pointer], [409, '/reference'])

      api.held.set(account.id, 60_000_000n)
      const much = await post(admin, `${path}/payouts`, { amount: '40.51', reference: 'out 1' })
      assert.deepEqual([much.status, much.body.code], [409, 'insufficient_funds'])
      assert.match(much.body.detail, /40\.50/)
      const out = await post(admin, `${path}/payouts`, { amount: '40.50', reference: 'out 1' })
      assert.deepEqual([out.status, out.body.amount, out.body.balance], [201, '-40.50', '60.00'])
      const repeat = await post(admin, `${path}/payouts`, { amount: '40.50', reference: 'out 1' })
      assert.deepEqual([repeat.status, repeat.body.id], [200, out.body.id])

      const ledger = await api.request('GET', `${path}/ledger`, { token: admin.token })
      const lines = ledger.body.data.map((entry: Json) => [entry['kind'], entry['amount'], entry['balance']])
      assert.deepEqual(lines, [
        ['payout', '-40.50', '60.00'],
        ['deposit', '100.50', '100.50'],
      ])
      const read = await api.request('GET', path, { token: admin.token })
      assert.deepEqual([read.body.balance, read.body.held, read.body.available], ['60.00', '60.00', '0.00'])
    })

    it('cannot be paid out twice by asking at once', async () => {
      const { account } = await api.person('seller', 'racer')
      await post(admin, `accounts/${account.id}/deposits`, { amount: '10', reference: 'in' })
      const replies = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          post(admin, `accounts/${account.id}/payouts`, { amount: '10', reference: `out ${i}` }),
        ),
      )
      assert.deepEqual(
        replies.map(({ status }) => status).toSorted((a, b) => a - b),
        [201, 409, 409, 409, 409],
      )
    })

    it('adds up to nothing over all accounts', () => {
      const sum = api.stores.postings
        .flatMap(({ entries }) => entries)
        .reduce((total, { amountMicros }) => total + amountMicros, 0n)
      assert.equal(sum, 0n)
    })

    it('is refused when it is none', () =>
      refusesEach(
        admin,
        `accounts/${buyer.account.id}/deposits`,
        { amount: '1', reference: 'r' },
        {
          amount: [
            '0',
            0,
            '-1',
            -1,
            '1e3',
            'NaN',
            '',
            ' 1',
            '0x10',
            '1,000',
            null,
            `0.${'1'.repeat(40)}`,
            '99999999999',
          ],
          reference: ['', 'x'.repeat(201), null],
        },
      ))

    it('has no door to the world outside', async () => {
      const reply = await post(admin, `accounts/${api.house.externalId}/deposits`, { amount: '1', reference: 'r' })
      assert.equal(reply.status, 409)
    })
  })

  describe('trunks', () => {
    const good = { name: 'carrier', direction: 'inbound', addresses: ['192.0.2.0/24', '2001:db8::1'] }

    it('keep their password to themselves', async () => {
      const made = await post(seller, 'trunks', {
        ...good,
        username: 'u',
        password: 'secret',
        max_cps: 10,
        max_concurrent_calls: 100,
        strip_prefix: '9',
      })
      assert.equal(made.status, 201)
      assert.equal(made.body.has_password, true)
      assert.ok(!JSON.stringify(made.body).includes('secret'))
      assert.equal((await api.stores.trunks.find(made.body.id))?.password, 'secret')
      const changed = await patch(seller, `trunks/${made.body.id}`, { username: null, password: null })
      assert.equal(changed.body.has_password, false)
      assertFault(await patch(seller, `trunks/${made.body.id}`, { addresses: [] }), '/addresses', 'required')
    })

    it('refuse what is wrong', () =>
      refusesEach(seller, 'trunks', good, {
        addresses: [
          ['x'],
          ['192.0.2.256'],
          ['0.0.0.0/0'],
          ['::/0'],
          ['10.0.0.0/33'],
          ['10.0.0.0/8/8'],
          ['fe80::1%eth0'],
          ['10.0.0.1/'],
          [],
          'x',
          Array(257).fill('192.0.2.1'),
        ],
        max_cps: [0, -1, 1.5, '10', 1e9],
        max_concurrent_calls: [0, -1, 1.5, '10'],
        strip_prefix: ['', 'abc', '1'.repeat(17)],
        direction: ['both', 'outbound', null],
        host: ['carrier.example'],
        name: [''],
        account_id: [buyer.account.id, admin.account.id, 'x', newId()],
      }))

    it('ask for a username and a password together', async () => {
      assertFault(await post(seller, 'trunks', { ...good, password: 'alone' }), '/username', 'required')
      assertFault(await post(seller, 'trunks', { ...good, username: 'alone' }), '/password', 'required')
    })

    it('outbound are the house’s, and need a host', async () => {
      const outbound = { account_id: admin.account.id, name: 'out', direction: 'outbound' }
      assertFault(await post(admin, 'trunks', outbound), '/host', 'required')
      for (const host of ['a b', 'host:0', 'host:65536', '-x', 'http://x', '[::g]'])
        assertFault(await post(admin, 'trunks', { ...outbound, host }), '/host')
      assert.equal((await post(admin, 'trunks', { ...outbound, host: 'carrier.example:5080' })).status, 201)
      assert.equal((await post(admin, 'trunks', { ...outbound, host: '[2001:db8::1]:5060' })).status, 201)
      assertFault(
        await post(admin, 'trunks', { ...outbound, account_id: seller.account.id, host: 'x.example' }),
        '/direction',
      )
    })
  })

  describe('numbers', () => {
    it('have the contract’s defaults', async () => {
      const made = await post(seller, 'numbers', { number: '(800) 555-0101', vertical: 'Home_Services' })
      const { id: _id, created_at: _created, updated_at: _updated, account_id: _account, ...rest } = made.body
      assert.deepEqual(rest, {
        number: '+18005550101',
        vertical: 'home_services',
        reserve_price: '0.00',
        price_rule: 'second',
        payout: { type: 'share', value: '0.80' },
        max_billable_after: 120,
        live_bidding_ms: 0,
        traffic_type: 'inbound',
        tags: {},
        version: 1,
      })
    })

    it('belong to one account', async () => {
      const reply = await post(seller, 'numbers', { number: '+18005550101', vertical: 'legal' })
      assert.deepEqual([reply.status, reply.body.errors[0].pointer], [409, '/number'])
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

  describe('targets', () => {
    it('ring a SIP URI or a number', async () => {
      for (const [uri, kept] of [
        ['sip:sales@buyer.example', 'sip:sales@buyer.example'],
        ['sips:10.0.0.1:5061;transport=tls', 'sips:10.0.0.1:5061;transport=tls'],
        ['sip:+12125550123@[2001:db8::1]:5080;user=phone;lr', 'sip:+12125550123@[2001:db8::1]:5080;user=phone;lr'],
        ['212-555-0123', '+12125550123'],
      ]) {
        const made = await post(buyer, 'targets', { name: 't', uri })
        assert.deepEqual([made.status, made.body.uri], [201, kept], uri)
      }
    })

    it('refuse what is wrong', () =>
      refusesEach(
        buyer,
        'targets',
        { name: 't', uri: 'sip:a@b.example' },
        {
          uri: [
            '',
            'x',
            'http://x',
            'sip:',
            'sip:@b',
            'sip:a@',
            'sip:a b@c',
            'sip:a@b\r\nX: y',
            'sip:a@b:0',
            'sip:a@b:99999',
            'sip:a:pw@b',
            'sip:a@b?subject=x',
            '<sip:a@b>',
            'sip:a@b_c',
            '+1',
            `sip:${'a'.repeat(300)}@b`,
            null,
            5,
          ],
          ring_timeout: [0, 181, 1.5, '30', null],
          max_concurrent_calls: [0, -1, 'many'],
          account_id: [seller.account.id],
        },
      ))

    it('stay while bids need them', async () => {
      const owner = await api.person('buyer', 'keeper')
      const target = await post(owner, 'targets', { name: 't', uri: 'sip:a@b.example' })
      const bid = await post(owner, 'bids', { amount: '1' })
      const path = `targets/${target.body.id}`
      assert.equal((await api.request('DELETE', path, { token: owner.token })).status, 409)
      assert.equal((await api.request('DELETE', `bids/${bid.body.id}`, { token: owner.token })).status, 204)
      assert.equal((await api.request('DELETE', path, { token: owner.token })).status, 204)
      assert.equal((await api.request('GET', path, { token: owner.token })).status, 404)
    })
  })

  describe('campaigns', () => {
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

    it('take criteria, a schedule and a frequency', async () => {
      const json = {
        name: 'c',
        schedule: { start: '22:00', end: '06:00', days: ['Fri', 'sat'], timezone: 'America/Chicago' },
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
      })
      assert.deepEqual(made.body.criteria.verticals, ['legal'])
      assert.deepEqual(made.body.criteria.geography.states, ['TX', 'ON'])
      assert.equal(made.body.criteria.time_window.end, '24:00')
      const cleared = await patch(buyer, `campaigns/${made.body.id}`, { schedule: null, frequency: null, criteria: {} })
      assert.deepEqual([cleared.body.schedule, cleared.body.frequency], [null, null])
      assert.deepEqual(cleared.body.criteria, { verticals: [], geography: null, time_window: null })
    })

    it('refuse what is wrong', () =>
      refusesEach(
        buyer,
        'campaigns',
        { name: 'c' },
        {
          name: ['', null],
          status: ['on'],
          timezone: ['Nowhere', null],
          budget: [{ daily: '-1' }, { weekly: '1' }, { daily: 'NaN' }, 5, null],
          pacing: ['even', 'slow'],
          caps: [{ daily: -1 }, { daily: 1.5 }, { yearly: 1 }, { daily: '5' }],
          frequency: [{ calls: 0, hours: 1 }, { calls: 1 }, { calls: 1, hours: 0 }],
          schedule: [
            { start: '25:00', end: '26:00' },
            { start: '8:00', end: '9:00' },
            { start: '08:00', end: '08:00' },
            { start: '24:00', end: '08:00' },
            { start: '08:00' },
            { start: '08:00', end: '09:00', days: ['someday'] },
          ],
        },
      ))
  })

  describe('bids', () => {
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
      assert.deepEqual(first.body.criteria, { verticals: [], geography: null, time_window: null })
      const campaign = await api.request('GET', `campaigns/${first.body.campaign_id}`, { token: owner.token })
      assert.equal(campaign.body.is_default, true)
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
          criteria: [{ verticals: 'legal' }, { colour: 'red' }, null, { verticals: Array(201).fill('x') }],
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
})
