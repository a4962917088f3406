import Pdf from 'pdfkit'
import type { Account } from '../model/account.ts'
import type { Invoice } from '../model/invoice.ts'
import type { PostingKind } from '../model/ledger.ts'
import { formatMoney, type Micros } from '../model/money.ts'

const MARGIN = 56
const LABELS: Readonly<Record<PostingKind, string>> = {
  call: 'Calls',
  conversion: 'Calls paid by conversion',
  correction: 'Corrections and disputes',
  deposit: 'Deposits',
  payout: 'Payouts',
}

/** An invoice, or a seller's statement, as a page of PDF: what it comes to by kind; the lines are the CSV's. */
export async function drawInvoice(invoice: Invoice, account: Account, house: string): Promise<Buffer> {
  const title = `${account.type === 'seller' ? 'Statement' : 'Invoice'} ${invoice.number}`
  // Its standard fonts know Western European letters only; others come out as question marks rather than as nonsense.
  const say = (text: string): string => text.replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/g, '?')
  const page = new Pdf({ size: 'LETTER', margin: MARGIN, info: { Title: title, Author: say(house) } })
  const chunks: Buffer[] = []
  page.on('data', (chunk: Buffer) => chunks.push(chunk))
  const done = new Promise<void>((resolve, reject) => {
    page.on('end', resolve)
    page.on('error', reject)
  })
  const width = page.page.width - 2 * MARGIN
  const row = (label: string, count: string, amount: string): void => {
    const y = page.y
    page.text(label, MARGIN, y, { width: width / 2 })
    const below = page.y
    page.text(count, MARGIN + width / 2, y, { width: width / 4, align: 'right' })
    page.text(amount, MARGIN + (3 * width) / 4, y, { width: width / 4, align: 'right' })
    page.y = Math.max(below, page.y)
    page.moveDown(0.4)
  }
  const money = (micros: Micros): string => `${formatMoney(micros)} ${invoice.currency}`
  const day = (moment: Date): string =>
    moment.toLocaleDateString('en-US', { dateStyle: 'long', timeZone: account.timezone })

  page.font('Helvetica-Bold').fontSize(20).text(title)
  page.font('Helvetica').fontSize(10).moveDown()
  page.text(`From: ${say(house)}`)
  page.text(`For: ${say(account.name)}`)
  page.text(`Period: ${day(invoice.from)} to ${day(new Date(invoice.until.getTime() - 1))} (${account.timezone})`)
  page.text(`Issued: ${day(invoice.issuedAt)}`)
  page.moveDown(2)
  page.font('Helvetica-Bold')
  row('', 'Entries', 'Amount')
  page.font('Helvetica')
  row('Balance at the beginning', '', money(invoice.openingMicros))
  for (const kind of Object.keys(LABELS) as PostingKind[]) {
    const total = invoice.totals[kind]
    if (total) row(LABELS[kind], String(total.count), money(total.amountMicros))
  }
  page.font('Helvetica-Bold')
  row('Balance at the end', '', money(invoice.closingMicros))
  page.end()
  await done
  return Buffer.concat(chunks)
}
