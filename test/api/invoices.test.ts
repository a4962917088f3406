import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import type { Invoice, InvoiceLine } from '../../model/invoice.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('invoices over the API', () => {
  let api: ApiHarness
  let buyer: Person
  let stranger: Person
  let invoice: Invoice

  before(async () => {
    api = await startApi()
    buyer = await api.person('buyer')
    await api.stores.accounts.update(buyer.account.id, { name: 'Łódź & Söhne' }, null)
    stranger = await api.person('buyer', 'stranger')
    invoice = {
      id: newId(),
      number: 12,
      accountId: buyer.account.id,
      currency: 'USD',
      period: '2026-10',
      from: new Date('2026-10-01T04:00:00Z'),
      until: new Date('2026-11-01T04:00:00Z'),
      issuedAt: new Date('2026-11-01T05:10:00Z'),
      openingMicros: 100_000_000n,
      closingMicros: 95_000_000n,
      totals: { call: { count: 2, amountMicros: -5_000_000n } },
    }
    const line: InvoiceLine = {
      postedAt: new Date('2026-10-05T12:00:00Z'),
      kind: 'call',
      amountMicros: -2_500_000n,
      reference: 'call',
      callId: newId(),
      from: '+12125550123',
      to: '+18005550100',
      billableMs: 65_000.7,
      minutes: { rateMicros: 1_250_000n, seconds: 120 },
    }
    const note = {
      ...line,
      kind: 'correction' as const,
      from: null,
      to: null,
      billableMs: null,
      callId: null,
      minutes: null,
    }
    const lines = [line, { ...note, reference: '=SUM(A1), "x"' }, { ...note, reference: '-1+2' }]
    api.stores.invoiceRecords.set(invoice.id, { invoice, lines })
  })
  after(() => api.api.close())

  const get = (person: Person, path: string) => api.request('GET', path, { token: person.token })

  it('are listed and read', async () => {
    const { body: list } = await get(buyer, `accounts/${buyer.account.id}/invoices`)
    const { status, body } = await get(buyer, `invoices/${invoice.id}`)
    assert.equal(status, 200)
    assert.deepEqual(list.data, [body])
    assert.deepEqual(
      [body.number, body.period, body.opening_balance, body.closing_balance, body.totals],
      [12, '2026-10', '100.00', '95.00', { call: { count: 2, amount: '-5.00' } }],
    )
  })

  it('are a table that no spreadsheet runs', async () => {
    const { status, headers, body } = await get(buyer, `invoices/${invoice.id}/csv`)
    assert.deepEqual([status, headers.get('content-type')], [200, 'text/csv; charset=utf-8'])
    assert.equal(headers.get('content-disposition'), 'attachment; filename="invoice-12-2026-10.csv"')
    const [header, call, formula, minus, end] = (body as string).split('\r\n')
    assert.equal(
      header,
      'posted_at,kind,amount,currency,reference,call_id,from,to,billable_ms,billed_seconds,per_minute',
    )
    assert.match(
      call!,
      /^2026-10-05T12:00:00\.000Z,call,-2\.50,USD,call,[0-9a-f-]{36},\+12125550123,\+18005550100,65000,120,1\.25$/,
    )
    assert.match(formula!, /,USD,"'=SUM\(A1\), ""x""",,,,,,$/)
    assert.match(minus!, /,USD,'-1\+2,,,,,,$/)
    assert.equal(end, '')
  })

  it('are a page', async () => {
    const url = `${api.url}/api/v1/invoices/${invoice.id}/pdf`
    const response = await fetch(url, { headers: { authorization: `Bearer ${buyer.token}` } })
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/pdf'])
    const bytes = Buffer.from(await response.arrayBuffer())
    assert.equal(bytes.subarray(0, 5).toString(), '%PDF-')
    assert.match(bytes.subarray(-8).toString(), /%%EOF/)
  })

  it('are nobody else’s', async () => {
    for (const path of ['', '/csv', '/pdf'])
      assert.equal((await get(stranger, `invoices/${invoice.id}${path}`)).status, 404)
    assert.equal((await get(stranger, `accounts/${buyer.account.id}/invoices`)).status, 404)
    assert.equal((await get(stranger, `invoices/${newId()}`)).status, 404)
  })
})
