import assert from 'node:assert/strict'
import { createCompliance, type Compliance } from '../../compliance/compliance.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import { ListLoader } from '../../gateway/do-not-call/list-loader.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import type { MemoryStores } from '../support/memory-stores.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'
import { zip } from '../storage/suppression/zip.ts'

/** The API over a real database, and compliance fed by it as in a gateway. */
describe('lists of numbers over the API', () => {
  let storage: TestStorage
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  let compliance: Compliance
  let loader: ListLoader

  before(async () => {
    compliance = createCompliance(
      { places: loadPlaces(), clock: Date },
      { tcpaEnabled: false, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
    )
    const quiet = { info() {}, warn() {} }
    loader = new ListLoader({ lists: compliance.suppression, schedule: { after: () => () => {} }, log: quiet })
    storage = await openTestStorage({
      onBookChange(change) {
        compliance.apply(change)
        loader.apply(change)
      },
    })
    loader.open(storage)
    await storage.book.load((change) => compliance.apply(change))
    await loader.start()
    const stores = Object.assign(storage.stores, { postings: [] }) as unknown as MemoryStores
    api = await startApi({ stores, compliance, listLoaded: (id) => loader.loaded(id) })
    admin = await api.person('operator')
    buyer = await api.person('buyer')
  })
  after(async () => {
    await api.api.close()
    await loader.close()
    await storage.close()
  })

  const ask = (method: string, path: string, json?: object) =>
    api.request(method, path, { token: admin.token, ...(json ? { json } : {}) })
  const send = (query: string, body: string | Uint8Array, type = 'text/plain') =>
    api.request('POST', `dnc/import?${query}`, { token: admin.token, body, headers: { 'content-type': type } })
  const rulesAgainst = (ani: string) =>
    compliance
      .screen({ ani: ani as PhoneNumber, zip: null, trafficType: 'outbound', atMs: api.clock.now() })
      .checks.filter(({ effect }) => effect !== 'allow')
      .map(({ rule }) => rule)

  it('are made, imported into, asked of the next call, changed number by number, and deleted', async () => {
    const made = await ask('POST', 'dnc/lists', { name: 'ftc', kind: 'national', source: 'FTC, SAN 1-2' })
    assert.equal(made.status, 201)
    assert.deepEqual(
      [made.body.expires_after_days, made.body.when_expired, made.body.expired, made.body.numbers],
      [31, 'refuse', true, 0],
    )
    assert.deepEqual(rulesAgainst('+12125550100'), ['national-do-not-call:unknown'])
    const day = new Date(api.clock.now() - 86_400_000).toISOString()
    const told = await send(`list=ftc&version_date=${day}`, '202,5551234\n305,5550100\nx\n')
    assert.equal(told.status, 200)
    assert.deepEqual(told.body, {
      list: 'ftc',
      mode: 'replace',
      added: 2,
      removed: 0,
      numbers: 2,
      lines: 3,
      invalid: [{ line: 3, value: 'x' }],
      invalid_omitted: 0,
    })
    assert.deepEqual([rulesAgainst('+12125550100'), rulesAgainst('+12025551234')], [[], ['national-do-not-call']])
    const found = await ask('GET', 'dnc/2025551234')
    assert.deepEqual(found.body.entries, [
      { number: '+12025551234', list: 'ftc', reason: 'national list: FTC, SAN 1-2', added_at: day },
    ])

    const added = await ask('POST', 'dnc', { number: '+14155550123', list: 'ftc' })
    assert.deepEqual([added.status, rulesAgainst('+14155550123')], [201, ['national-do-not-call']])
    assert.equal((await ask('POST', 'dnc', { number: '+14155550123', list: 'ftc' })).status, 200)
    assert.equal((await ask('DELETE', 'dnc/+14155550123?list=ftc')).status, 204)
    assert.equal((await ask('DELETE', 'dnc/+14155550123?list=ftc')).status, 404)
    assert.deepEqual(rulesAgainst('+14155550123'), [])

    const history = await ask('GET', `dnc/lists/${made.body.id}/imports`)
    assert.deepEqual(
      history.body.data.map((each: { mode: string; added: number; removed: number }) => [
        each.mode,
        each.added,
        each.removed,
      ]),
      [
        ['change', 0, 1],
        ['change', 0, 0],
        ['change', 1, 0],
        ['replace', 2, 0],
      ],
    )
    assert.equal((await ask('DELETE', `dnc/lists/${made.body.id}`)).status, 204)
    assert.deepEqual(rulesAgainst('+12025551234'), [])
    assert.equal((await ask('GET', `dnc/lists/${made.body.id}/imports`)).body.data.length, 4)
  })

  it('take archives and changes, and leave the list alone for a file that is none', async () => {
    await ask('POST', 'dnc/lists', { name: 'known', kind: 'litigator', source: 'a vendor' })
    const archive = zip({ '1.txt': '202,5551234\n', '2.txt': '<l><n>3055550100</n></l>' })
    assert.equal((await send('list=known', archive, 'application/zip')).body.numbers, 2)
    assert.deepEqual(rulesAgainst('+13055550100'), ['litigator'])
    const changes = await send('list=known&mode=change', '202,5551234,D\n202,5559999,A')
    assert.deepEqual([changes.body.added, changes.body.removed], [1, 1])
    const refused = await send('list=known', archive.subarray(0, 60), 'application/zip')
    assert.deepEqual([refused.status, refused.body.errors[0].code], [422, 'import_refused'])
    assert.equal((await send('list=known', 'nothing\nof\nuse')).status, 422)
    assert.equal((await send('list=known', '2025550000', 'application/pdf')).status, 415)
    assert.equal(compliance.suppression.find('known')!.list.numbers, 2)
  })

  it('are refused with the field that is wrong', async () => {
    const pointerOf = async (body: object) => {
      const { status, body: problem } = await ask('POST', 'dnc/lists', body)
      return [status, problem.errors?.[0]?.pointer]
    }
    const good = { name: 'n', kind: 'national', source: 's' }
    assert.deepEqual(await pointerOf({ ...good, name: 'Has Space' }), [422, '/name'])
    assert.deepEqual(await pointerOf({ ...good, name: 'internal' }), [422, '/name'])
    assert.deepEqual(await pointerOf({ ...good, kind: 'x' }), [422, '/kind'])
    assert.deepEqual(await pointerOf({ ...good, kind: 'state' }), [422, '/state'])
    assert.deepEqual(await pointerOf({ ...good, state: 'TX' }), [422, '/state'])
    assert.deepEqual(await pointerOf({ ...good, kind: 'buyer' }), [422, '/account_id'])
    assert.deepEqual(await pointerOf({ ...good, account_id: buyer.account.id }), [422, '/account_id'])
    assert.deepEqual(await pointerOf({ ...good, expires_after_days: 0 }), [422, '/expires_after_days'])
    assert.equal((await ask('POST', 'dnc/lists', { ...good, name: 'known' })).status, 409)
    await ask('POST', 'dnc/lists', { ...good, name: 'dated' })
    assert.equal((await send('list=dated', '2025551234')).body.errors[0].pointer, '/query/version_date')
    const tomorrow = new Date(api.clock.now() + 86_400_000).toISOString()
    assert.equal((await send(`list=dated&version_date=${tomorrow}`, '2025551234')).status, 422)
    assert.equal((await send('list=none', '2025551234')).status, 422)
    assert.equal((await ask('GET', 'dnc?list=dated')).body.errors[0].code, 'not_listable')
    const forbidden = await api.request('GET', 'dnc/lists', { token: buyer.token })
    assert.equal(forbidden.status, 403)
  })

  it('keep only their buyer out when they are a buyer’s own', async () => {
    const list = { name: 'theirs', kind: 'buyer', source: 'the buyer', account_id: buyer.account.id }
    assert.equal((await ask('POST', 'dnc/lists', list)).status, 201)
    assert.equal((await send('list=theirs', '2065550100\n')).body.mode, 'add')
    const verdict = compliance.screen({
      ani: '+12065550100' as PhoneNumber,
      zip: null,
      trafficType: 'inbound',
      atMs: api.clock.now(),
    })
    assert.deepEqual(
      [verdict.allowed, verdict.exclusions],
      [true, [{ buyers: [buyer.account.id], campaigns: [], reason: 'buyer_do_not_call' }]],
    )
  })

  it('are what a rule may name, as long as they are there', async () => {
    const rule = (lists: string[]) => ({
      name: 'own list',
      source: 'a contract',
      effect: 'block',
      terms: { type: 'dnc', lists },
    })
    const refused = await ask('POST', 'compliance/rules', rule(['known', 'nowhere']))
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, '/terms/lists/1'])
    assert.equal((await ask('POST', 'compliance/rules', rule(['internal', 'known']))).status, 201)
    const { id } = compliance.suppression.find('known')!.list
    assert.equal((await ask('DELETE', `dnc/lists/${id}`)).status, 409)
    assert.ok(compliance.suppression.find('known'))
  })

  it('may be kept by somebody else, whose keys are never shown again', async () => {
    const lookup = { url: 'https://scrub.example/v1/{national}', headers: { 'x-api-key': 'secret' }, pointer: '/dnc' }
    const list = { name: 'scrub', kind: 'litigator', source: 'a service', lookup }
    const made = await ask('POST', 'dnc/lists', list)
    assert.deepEqual(made.body.lookup, {
      url: lookup.url,
      headers: ['x-api-key'],
      pointer: '/dnc',
      listed: [true],
      clear: [false],
      deadline_ms: 500,
      when_away: 'refuse',
    })
    const { id } = made.body
    const changed = await ask('PATCH', `dnc/lists/${id}`, { lookup: { ...lookup, when_away: 'warn' } })
    assert.deepEqual([changed.body.lookup.when_away, changed.body.version], ['warn', 2])
    assert.deepEqual(compliance.suppression.outside[0]!.list.lookup!.headers, { 'x-api-key': 'secret' })
    assert.equal((await send('list=scrub', '2025551234')).body.errors[0].code, 'not_importable')
    assert.equal((await ask('POST', 'dnc', { number: '+12025551234', list: 'scrub' })).status, 422)
    const codeOf = async (changes: object, more: object = {}) => {
      const told = await ask('POST', 'dnc/lists', { ...list, name: 'x', ...more, lookup: { ...lookup, ...changes } })
      return told.body.errors?.[0]?.pointer
    }
    assert.equal(await codeOf({ url: 'ftp://scrub.example/{number}' }), '/lookup/url')
    assert.equal(await codeOf({ url: 'https://scrub.example/' }), '/lookup/url')
    assert.equal(await codeOf({ url: 'https://{number}.example/' }), '/lookup/url')
    assert.equal(await codeOf({ url: 'http://127.0.0.1/{number}' }), '/lookup/url')
    assert.equal(await codeOf({ pointer: 'dnc' }), '/lookup/pointer')
    assert.equal(await codeOf({ deadline_ms: 60_000 }), '/lookup/deadline_ms')
    assert.equal(await codeOf({}, { kind: 'buyer', account_id: buyer.account.id }), '/lookup')
    assert.equal((await ask('DELETE', `dnc/lists/${id}`)).status, 204)
  })
})
