import type { InvoiceIssuer } from '../accounts/needs.ts'
import type { InvoiceStore, Page, PageRequest } from '../api/needs.ts'
import { newId, type AccountId, type InvoiceId } from '../model/ids.ts'
import type { BillingMonth, Invoice, InvoiceLine, UnbilledAccount } from '../model/invoice.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import { readBilled } from './leg-rows.ts'
import type { Postgres, Queries, Row } from './postgres.ts'

/** Lines of an invoice read at a time. */
const LINES_AT_ONCE = 1000

/** The entries of an invoice ($1 account, $2 currency) that looked at those up to $7, given what the one before it left. */
const INCLUDED = `e.account_id = $1 and e.currency = $2 and e.id >= $3 and p.posted_at < $4
  and not (e.id <= $5 and p.posted_at < $6) and e.id <= $7`

/** The invoice before: no entry, no time. */
const NONE_BEFORE = { closing_micros: '0', last_entry: '0', left_from: '0', until_at: new Date(0) }

/** Closed months of accounts. */
export class PostgresInvoices implements InvoiceStore, InvoiceIssuer {
  readonly #postgres: Postgres

  constructor(postgres: Postgres) {
    this.#postgres = postgres
  }

  async unbilled(): Promise<UnbilledAccount[]> {
    const rows = await this.#postgres.rows(
      `select b.account_id, b.currency, a.timezone, last.until_at,
              (select min(p.posted_at) from ledger_entries e join ledger_postings p on p.id = e.posting_id
               where e.account_id = b.account_id and e.currency = b.currency and e.id >= coalesce(last.left_from, 0)
                 and not (e.id <= coalesce(last.last_entry, 0) and p.posted_at < last.until_at)) as first_at
       from account_balances b join accounts a on a.id = b.account_id and a.type in ('buyer', 'seller')
       left join lateral (
         select i.until_at, i.left_from, i.last_entry from invoices i
         where i.account_id = b.account_id and i.currency = b.currency order by i.until_at desc limit 1
       ) last on true`,
      [],
    )
    return rows
      .filter((row) => row['first_at'] !== null)
      .map((row) => ({
        accountId: row['account_id'],
        currency: row['currency'],
        timezone: row['timezone'],
        // What came late, after its month was closed, belongs to the month that follows.
        since: new Date(Math.max(row['first_at'].getTime(), row['until_at']?.getTime() ?? 0)),
      }))
  }

  async issue(
    { accountId, currency }: Pick<UnbilledAccount, 'accountId' | 'currency'>,
    month: BillingMonth,
    issuedAt: Date,
  ): Promise<Invoice | null> {
    return this.#postgres.transaction(async (tx) => {
      // One at a time through the house.
      const [counter] = await tx.rows('select last_number from invoice_counter for update')
      const last = await lastEntry(tx, accountId, currency)
      const [before = NONE_BEFORE] = await tx.rows(
        `select closing_micros, last_entry, left_from, until_at from invoices
         where account_id = $1 and currency = $2 order by until_at desc limit 1`,
        [accountId, currency],
      )
      if (before['until_at'] > month.from) return null // Another process was first, or the account has moved to another zone.
      const { left_from: from, last_entry: lastBefore, until_at: untilBefore } = before
      const bounds = [accountId, currency, from, month.until, lastBefore, untilBefore, last]
      const totals = await tx.rows(
        `select p.kind, count(*)::int as count, sum(e.amount_micros)::text as micros
         from ledger_entries e join ledger_postings p on p.id = e.posting_id where ${INCLUDED} group by 1 order by 1`,
        bounds,
      )
      if (totals.length === 0) return null
      const [left] = await tx.rows(
        `select min(e.id) as first from ledger_entries e join ledger_postings p on p.id = e.posting_id
         where e.account_id = $1 and e.currency = $2 and e.id >= $3 and e.id <= $4 and p.posted_at >= $5`,
        [accountId, currency, from, last, month.until],
      )
      const opening = readMicros(before['closing_micros'])
      const closing = totals.reduce((sum, { micros }) => sum + readMicros(micros), opening)
      const [row] = await tx.rows(
        `insert into invoices (id, number, account_id, currency, period, from_at, until_at, issued_at,
           opening_micros, closing_micros, totals, last_entry, left_from)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning *`,
        [
          newId(),
          BigInt(counter!['last_number']) + 1n,
          accountId,
          currency,
          month.period,
          month.from,
          month.until,
          issuedAt,
          opening,
          closing,
          JSON.stringify(Object.fromEntries(totals.map(({ kind, count, micros }) => [kind, { count, micros }]))),
          last,
          left!['first'] ?? BigInt(last) + 1n,
        ],
      )
      await tx.rows('update invoice_counter set last_number = last_number + 1')
      return readInvoice(row!)
    })
  }

  async find(id: InvoiceId): Promise<Invoice | null> {
    const [row] = await this.#postgres.rows('select * from invoices where id = $1', [id])
    return row ? readInvoice(row) : null
  }

  async list(accountId: AccountId, page: PageRequest): Promise<Page<Invoice>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `select * from invoices
       where account_id = $1 and ($2::timestamptz is null or (until_at, id) < ($2, $3::uuid))
       order by until_at desc, id desc limit $4`,
      [accountId, after && new Date(after.ms), after && after.key, pageLimit(page) + 1],
    )
    return pageOf(rows, page, readInvoice, (row) => ({ ms: row['until_at'].getTime(), key: row['id'] }))
  }

  async *lines({ id, accountId, currency, until }: Invoice): AsyncGenerator<readonly InvoiceLine[]> {
    const [bounds] = await this.#postgres.rows(
      `select i.last_entry, b.left_from, b.last_entry as before_entry, b.until_at as before_until
       from invoices i left join lateral (
         select left_from, last_entry, until_at from invoices o
         where o.account_id = i.account_id and o.currency = i.currency and o.until_at < i.until_at
         order by o.until_at desc limit 1
       ) b on true where i.id = $1`,
      [id],
    )
    const { last_entry: last, left_from: from, before_entry: beforeEntry, before_until: beforeUntil } = bounds!
    let next = from ?? NONE_BEFORE.left_from
    for (;;) {
      const rows = await this.#postgres.rows(
        `select e.id as entry_id, p.posted_at, p.kind, e.amount_micros, p.reference, p.call_id,
                c.ani, c.dnis, c.billable_ms,
                (select leg -> 'minutes' from jsonb_array_elements(c.legs) leg where leg ? 'minutes' limit 1)
                  -> case when c.buyer_id = e.account_id then 'price' else 'payout' end as minutes
         from ledger_entries e join ledger_postings p on p.id = e.posting_id left join calls c on c.id = p.call_id
         where ${INCLUDED} order by e.id limit ${LINES_AT_ONCE}`,
        [
          accountId,
          currency,
          next,
          until,
          beforeEntry ?? NONE_BEFORE.last_entry,
          beforeUntil ?? NONE_BEFORE.until_at,
          last,
        ],
      )
      if (rows.length > 0) yield rows.map(readLine)
      if (rows.length < LINES_AT_ONCE) return
      next = BigInt(rows.at(-1)!['entry_id']) + 1n
    }
  }
}

/**
 * The account's last entry, below which there are no others to come: their ids are taken under the lock of its balance. That lock is
 * held for one look, not until all is counted, which takes seconds for a busy month: the writer of calls waits for it, and for no more
 * than two.
 */
async function lastEntry(tx: Queries, accountId: AccountId, currency: string): Promise<string> {
  await tx.rows('savepoint looking')
  await tx.rows('select 1 from account_balances where account_id = $1 and currency = $2 for update', [
    accountId,
    currency,
  ])
  const [row] = await tx.rows('select max(id) as last from ledger_entries where account_id = $1 and currency = $2', [
    accountId,
    currency,
  ])
  await tx.rows('rollback to savepoint looking') // Gives the lock back.
  return row!['last'] ?? '0'
}

function readInvoice(row: Row): Invoice {
  return {
    id: row['id'],
    number: Number(row['number']),
    accountId: row['account_id'],
    currency: row['currency'],
    period: row['period'],
    from: row['from_at'],
    until: row['until_at'],
    issuedAt: row['issued_at'],
    openingMicros: readMicros(row['opening_micros']),
    closingMicros: readMicros(row['closing_micros']),
    totals: Object.fromEntries(
      Object.entries<Row>(row['totals']).map(([kind, { count, micros }]) => [
        kind,
        { count, amountMicros: readMicros(micros) },
      ]),
    ),
  }
}

function readLine(row: Row): InvoiceLine {
  return {
    postedAt: row['posted_at'],
    kind: row['kind'],
    amountMicros: readMicros(row['amount_micros']),
    reference: row['reference'],
    callId: row['call_id'],
    from: row['ani'],
    to: row['dnis'],
    billableMs: row['billable_ms'] === null ? null : Number(row['billable_ms']),
    minutes: readBilled(row['minutes']),
  }
}
