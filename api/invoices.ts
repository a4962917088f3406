import { z } from 'zod'
import type { Account } from '../model/account.ts'
import type { AccountId, InvoiceId } from '../model/ids.ts'
import type { Invoice, InvoiceLine } from '../model/invoice.ts'
import { formatMoney } from '../model/money.ts'
import { csvText } from './csv.ts'
import { endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { drawInvoice } from './invoice-pdf.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import * as s from './schemas.ts'

const Total = z.strictObject({ count: z.int(), amount: s.printedMoney() })
const InvoiceAnswer = z.strictObject({
  id: s.printedId(),
  number: z.int(),
  account_id: s.printedId(),
  currency: z.string(),
  period: z.string(),
  from: s.printedTime(),
  until: s.printedTime(),
  issued_at: s.printedTime(),
  opening_balance: s.printedMoney(),
  closing_balance: s.printedMoney(),
  totals: z.strictObject({
    call: Total.optional(),
    correction: Total.optional(),
    deposit: Total.optional(),
    payout: Total.optional(),
  }),
})

/** Closed months: a buyer's invoices, a seller's statements, line by line as CSV, on a page as PDF. */
export function invoiceEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit
  const common = { method: 'get', tag: 'invoices', who: EVERYONE } as const

  async function find(caller: Caller, id: string): Promise<{ invoice: Invoice; account: Account }> {
    const invoice = await stores.invoices.find(id as InvoiceId)
    if (!invoice || !maySee(caller, invoice.accountId)) throw notFound('invoice')
    return { invoice, account: (await stores.accounts.find(invoice.accountId))! }
  }

  return [
    endpoint({
      ...common,
      path: '/accounts/{id}/invoices',
      summary: 'List the account’s closed months, the latest first',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(InvoiceAnswer) },
      async handle({ caller, params, query }) {
        const id = params['id'] as AccountId
        if (!maySee(caller, id) || !(await stores.accounts.find(id))) throw notFound('account')
        const list = `invoices ${id}`
        const page = await stores.invoices.list(id, kit.cursors.request(list, query))
        return { status: 200, body: kit.cursors.answer(list, page, view) }
      },
    }),
    endpoint({
      ...common,
      path: '/invoices/{id}',
      summary: 'Read an invoice',
      answers: { 200: InvoiceAnswer },
      async handle({ caller, params }) {
        return { status: 200, body: view((await find(caller, params['id']!)).invoice) }
      },
    }),
    endpoint({
      ...common,
      path: '/invoices/{id}/csv',
      summary: 'Every line of an invoice',
      answers: { 200: 'RFC 4180, the first line names the columns' },
      otherTypes: ['text/csv'],
      async handle({ caller, params }) {
        const { invoice, account } = await find(caller, params['id']!)
        const batches = stores.invoices.lines(invoice)[Symbol.asyncIterator]()
        const first = await batches.next() // A database that is away is a 503, not a table that breaks off.
        const headers = attachment(invoice, account, 'csv')
        const chunks = csvChunks(invoice, first, batches)
        return { status: 200, stream: { type: 'text/csv; charset=utf-8', length: null, chunks }, headers }
      },
    }),
    endpoint({
      ...common,
      path: '/invoices/{id}/pdf',
      summary: 'An invoice on a page',
      answers: { 200: 'The page' },
      otherTypes: ['application/pdf'],
      async handle({ caller, params }) {
        const { invoice, account } = await find(caller, params['id']!)
        const house = await stores.accounts.find(kit.house.operatorId)
        const bytes = await drawInvoice(invoice, account, house?.name ?? '')
        const headers = attachment(invoice, account, 'pdf')
        return { status: 200, content: { type: 'application/pdf', bytes }, headers }
      },
    }),
  ]
}

function attachment({ number, period }: Invoice, { type }: Account, extension: string): Record<string, string> {
  const name = `${type === 'seller' ? 'statement' : 'invoice'}-${number}-${period}.${extension}`
  return { 'content-disposition': `attachment; filename="${name}"` }
}

function view(invoice: Invoice): z.input<typeof InvoiceAnswer> {
  return {
    id: invoice.id,
    number: invoice.number,
    account_id: invoice.accountId,
    currency: invoice.currency,
    period: invoice.period,
    from: s.printTime(invoice.from),
    until: s.printTime(invoice.until),
    issued_at: s.printTime(invoice.issuedAt),
    opening_balance: s.printMoney(invoice.openingMicros),
    closing_balance: s.printMoney(invoice.closingMicros),
    totals: Object.fromEntries(
      Object.entries(invoice.totals).map(([kind, { count, amountMicros }]) => [
        kind,
        { count, amount: s.printMoney(amountMicros) },
      ]),
    ),
  }
}

const HEADER = 'posted_at,kind,amount,currency,reference,call_id,from,to,billable_ms,billed_seconds,per_minute\r\n'

/** The table, a batch of lines at a time: a busy month has a million. */
async function* csvChunks(
  invoice: Invoice,
  first: IteratorResult<readonly InvoiceLine[]>,
  rest: AsyncIterator<readonly InvoiceLine[]>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(HEADER)
  for (let batch = first; !batch.done; batch = await rest.next())
    yield Buffer.from(batch.value.map((line) => csvLine(line, invoice)).join(''))
}

function csvLine(line: InvoiceLine, { currency }: Invoice): string {
  return `${[
    line.postedAt.toISOString(),
    line.kind,
    formatMoney(line.amountMicros),
    currency,
    csvText(line.reference),
    line.callId ?? '',
    csvText(line.from ?? ''),
    csvText(line.to ?? ''),
    line.billableMs === null ? '' : String(Math.floor(line.billableMs)),
    line.minutes ? String(line.minutes.seconds) : '',
    line.minutes ? formatMoney(line.minutes.rateMicros) : '',
  ].join(',')}\r\n`
}
