import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('do-not-call lists', () => {
  let api: ApiHarness
  let admin: Person
  before(async () => {
    api = await startApi({ settings: { importLimitBytes: 2_000_000 } })
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  const ask = (method: string, path: string, json?: object) =>
    api.request(method, path, { token: admin.token, ...(json ? { json } : {}) })
  const importText = (body: string | Uint8Array, query = 'list=internal', type = 'text/plain') =>
    api.request('POST', `dnc/import?${query}`, { token: admin.token, body, headers: { 'content-type': type } })

  it('add, look up and remove a number', async () => {
    const added = await ask('POST', 'dnc', { number: '(212) 555-0123', list: 'internal', reason: 'asked by mail' })
    assert.equal(added.status, 201)
    assert.deepEqual(
      [added.body.number, added.body.list, added.body.reason],
      ['+12125550123', 'internal', 'asked by mail'],
    )
    const again = await ask('POST', 'dnc', { number: '+12125550123', list: 'internal', reason: 'again' })
    assert.deepEqual([again.status, again.body.reason], [200, 'asked by mail'])
    await ask('POST', 'dnc', { number: '+12125550123', list: 'blocked' })
    const found = await ask('GET', 'dnc/2125550123')
    assert.deepEqual([found.body.listed, found.body.entries.length], [true, 2])
    assert.equal((await ask('DELETE', 'dnc/+12125550123?list=blocked')).status, 204)
    assert.equal((await ask('DELETE', 'dnc/+12125550123?list=blocked')).status, 404)
    assert.equal((await ask('DELETE', 'dnc/+12125550123')).status, 204)
    const gone = await ask('GET', 'dnc/+12125550123')
    assert.deepEqual([gone.status, gone.body.listed, gone.body.entries], [200, false, []])
  })

  it('refuse what is no number, list or reason', async () => {
    for (const json of [
      { number: 'x', list: 'internal' },
      { number: '+1', list: 'internal' },
      { number: 2125550123, list: 'internal' },
      { number: '+12125550123' },
      { number: '+12125550123', list: 'national' },
      { number: '+12125550123', list: 'internal', reason: '' },
      { number: '+12125550123', list: 'internal', why: 'x' },
    ]) {
      assert.equal((await ask('POST', 'dnc', json)).status, 422, JSON.stringify(json))
    }
    assert.equal((await ask('GET', 'dnc/xyz')).status, 422)
    assert.equal((await ask('GET', 'dnc?list=national')).status, 422)
  })

  it('import a text with a number a line, in any line ending', async () => {
    const { status, body } = await importText(
      '+13055550101\r\n3055550102\n\n  305-555-0103  \r(305) 555-0101\nnonsense\n+1',
    )
    assert.equal(status, 200)
    assert.deepEqual(body, {
      list: 'internal',
      added: 3,
      already_listed: 1,
      invalid: [
        { line: 6, value: 'nonsense' },
        { line: 7, value: '+1' },
      ],
      invalid_omitted: 0,
    })
    const { body: again } = await importText('+13055550101\n+13055550104')
    assert.deepEqual([again.added, again.already_listed], [1, 1])
  })

  it('import the first column of a CSV, its heading and byte order mark aside', async () => {
    const csv = '\uFEFFphone,name\n"+13055550201","Doe, Jane"\n3055550202,x\n"305 555 0203"\n'
    const { body } = await importText(csv, 'list=blocked', 'text/csv; charset=utf-8')
    assert.deepEqual([body.added, body.invalid], [3, []])
  })

  it('import JSON', async () => {
    const { status, body } = await ask('POST', 'dnc/import', {
      list: 'internal',
      numbers: ['+13055550301', 'x', '+13055550301'],
    })
    assert.equal(status, 200)
    assert.deepEqual([body.added, body.already_listed, body.invalid], [1, 1, [{ line: 2, value: 'x' }]])
    for (const json of [
      { list: 'internal' },
      { list: 'internal', numbers: [] },
      { list: 'x', numbers: ['1'] },
      { numbers: ['1'] },
      { list: 'internal', numbers: [1] },
    ]) {
      assert.equal((await ask('POST', 'dnc/import', json)).status, 422, JSON.stringify(json))
    }
  })

  it('import tens of thousands of numbers in one request', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `+1213${String(2_000_000 + i).padStart(7, '0')}`)
    const { body } = await importText(lines.join('\n'))
    assert.deepEqual([body.added, body.already_listed, body.invalid], [60_000, 0, []])
  })

  it('show a thousand bad lines and count the rest', async () => {
    const { body } = await importText('no number\n'.repeat(1500))
    // The first line, without a digit, passes for a heading.
    assert.deepEqual([body.invalid.length, body.invalid_omitted], [1000, 499])
  })

  it('refuse an import that is too long, has no list, or is of another type', async () => {
    const long = await importText('+13055550401\n'.repeat(200_000))
    assert.deepEqual([long.status, long.body.code], [413, 'body_too_large'])
    assert.equal((await importText('+13055550401', '')).status, 422)
    assert.equal((await importText('+13055550401', 'list=other')).status, 422)
    assert.equal((await importText('+13055550401', 'list=internal', 'application/pdf')).status, 415)
    assert.equal((await importText(Uint8Array.of(0x33, 0xff, 0xfe))).status, 400)
    assert.equal((await ask('POST', 'dnc/import', undefined)).status, 415)
  })

  it('cut a line without an end', async () => {
    const { status, body } = await importText('1'.repeat(1_500_000))
    assert.equal(status, 200)
    assert.deepEqual([body.added, body.invalid.length, body.invalid[0].value.length], [0, 1, 100])
  })

  it('list newest first, page by page', async () => {
    const first = await ask('GET', 'dnc?list=blocked&limit=2')
    assert.equal(first.body.data.length, 2)
    const second = await ask('GET', `dnc?list=blocked&limit=2&cursor=${first.body.next_cursor}`)
    assert.deepEqual([second.body.data.length, second.body.next_cursor], [1, null])
    const other = await ask('GET', `dnc?limit=2&cursor=${first.body.next_cursor}`)
    assert.equal(other.status, 422)
  })
})
