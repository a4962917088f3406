import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

describe('analytics', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  let seller: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
    seller = await api.person('seller')
    const stranger = await api.person('seller', 'stranger')
    const receivedAt = new Date(api.clock.now() - 60_000)
    const ringingAt = new Date(receivedAt.getTime() + 250)
    const sold = { buyerId: buyer.account.id, receivedAt, ringingAt, answeredAt: receivedAt }
    const missed = {
      receivedAt,
      ringingAt: null,
      answeredAt: null,
      outcome: 'no_sale' as const,
      vertical: '=1+1',
      durationMs: 0,
      billableMs: 0,
      priceMicros: 0n,
      payoutMicros: 0n,
    }
    for (const call of [
      sampleCall(seller.account.id, sold),
      sampleCall(seller.account.id, { ...sold, billableMs: 0, durationMs: 5000, priceMicros: 0n, payoutMicros: 0n }),
      sampleCall(seller.account.id, missed),
      sampleCall(stranger.account.id, missed),
    ])
      api.stores.callRecords.set(call.id, call)
    api.live.calls.push(sampleCall(seller.account.id, { state: 'answered', outcome: null, endedAt: null }))
  })
  after(() => api.api.close())

  const get = (person: Person, path: string) => api.request('GET', path, { token: person.token })
  const since = (days: number): string => new Date(api.clock.now() - days * 86_400_000).toISOString()

  it('count what is one’s own, and tell of the other side’s money nothing', async () => {
    const read = async (person: Person) => (await get(person, `reports/vertical?from=${since(1)}`)).body.data
    const ofSeller = (await read(seller)).find(({ key }: { key: string }) => key === 'home_services')
    assert.deepEqual(ofSeller, {
      key: 'home_services',
      currency: 'USD',
      calls: 2,
      answered: 2,
      billed: 1,
      asr: 1,
      ner: 1,
      conversion: 0.5,
      acd_seconds: 35,
      pdd_ms: 250,
      revenue: null,
      payout: '2.00',
      margin: null,
      revenue_per_call: '1.00',
      disputed: 0,
      credited: null,
      clawed_back: '0.00',
      minutes: 1.17,
      revenue_per_minute: '1.714',
    })
    const [ofBuyer, ...none] = await read(buyer)
    assert.deepEqual(none, [])
    assert.deepEqual([ofBuyer.revenue, ofBuyer.payout, ofBuyer.margin], ['2.50', null, null])
    const ofAdmin = await read(admin)
    assert.deepEqual(
      [ofAdmin[0].margin, ofAdmin[1].calls, ofAdmin[1].asr, ofAdmin[1].acd_seconds],
      ['0.50', 2, 0, null],
    )
  })

  it('count by nobody whose name is not told', async () => {
    for (const by of ['buyer', 'campaign', 'target'])
      assert.equal((await get(seller, `reports/${by}?from=${since(1)}`)).status, 404)
    for (const by of ['seller', 'number'])
      assert.equal((await get(buyer, `reports/${by}?from=${since(1)}`)).status, 404)
    assert.equal((await get(admin, `reports/colour?from=${since(1)}`)).status, 404)
    assert.equal((await get(admin, `reports/seller?from=${since(1)}`)).body.data.length, 2)
  })

  it('are a dashboard: what is up, the last hour and day, and the day before', async () => {
    const { status, body } = await get(admin, 'analytics/dashboard')
    assert.equal(status, 200)
    assert.deepEqual([body.live_calls, body.last_hour.figures[0].calls, body.last_day.figures[0].calls], [1, 4, 4])
    assert.deepEqual(body.day_before.figures, [])
    assert.equal((await get(buyer, 'analytics/dashboard')).body.live_calls, 0)
  })

  it('are a series, and a table that no spreadsheet runs', async () => {
    const { body } = await get(seller, `analytics/timeseries?from=${since(0.5)}&interval=minute`)
    assert.equal(body.data.length, 1)
    assert.equal(body.data[0].calls, 3)
    const csv = await get(seller, `reports/vertical?from=${since(1)}&format=csv`)
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
    const [header, ...lines] = (csv.body as string).trimEnd().split('\r\n')
    assert.match(header!, /^key,currency,calls,answered,/)
    assert.ok(lines.includes("'=1+1,USD,1,0,0,0,0,,,,,0.00,,0.00,0,,0.00,0,"), lines.join('\n'))
  })

  it('are refused of no time, of one that is too long, and of one that is none', async () => {
    const fault = async (path: string) => {
      const { status, body } = await get(admin, path)
      return [status, body.errors?.[0]?.pointer]
    }
    assert.deepEqual(await fault('reports/seller'), [422, '/query/from'])
    assert.deepEqual(await fault(`reports/seller?from=${since(94)}`), [422, '/query/from'])
    assert.deepEqual(await fault(`reports/seller?from=${since(1)}&until=${since(2)}`), [422, '/query/until'])
    assert.deepEqual(await fault('reports/seller?from=yesterday'), [422, '/query/from'])
    assert.deepEqual(await fault(`analytics/timeseries?from=${since(2)}&interval=minute`), [422, '/query/from'])
    assert.deepEqual(await fault(`analytics/timeseries?from=${since(2)}&interval=week`), [422, '/query/interval'])
    assert.deepEqual(await fault(`analytics/timeseries?from=${since(2)}&timezone=Mars`), [422, '/query/timezone'])
  })
})
