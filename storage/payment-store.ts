import type { AnnouncePosting, Page, PageRequest, PaymentStore, TakePayment } from '../api/needs.ts'
import type { AccountId } from '../model/ids.ts'
import { creditMicros, withNews, type Payment, type PaymentFacts, type PaymentNews } from '../model/payment.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor } from './cursor.ts'
import type { PostgresLedger } from './ledger-store.ts'
import type { Postgres, Queries, Row } from './postgres.ts'

/** As providers name payments. */
const PAYMENT_KEY = /^[\w-]{1,100}$/

/** What payment providers have told, and what the ledger has of it: changed together. */
export class PostgresPayments implements PaymentStore {
  readonly #postgres: Postgres
  readonly #ledger: PostgresLedger

  constructor(postgres: Postgres, ledger: PostgresLedger) {
    this.#postgres = postgres
    this.#ledger = ledger
  }

  async take(provider: string, news: PaymentNews, at: Date, terms: TakePayment): Promise<Payment> {
    const taken = await this.#postgres.transaction(async (tx) => {
      await tx.rows(
        `insert into payments (provider, payment_id, currency, created_at, updated_at) values ($1, $2, $3, $4, $4)
         on conflict do nothing`,
        [provider, news.paymentId, news.currency, at],
      )
      // All that is told of a payment is taken in one after another.
      const [row] = await tx.rows('select * from payments where provider = $1 and payment_id = $2 for update', [
        provider,
        news.paymentId,
      ])
      const before = readPayment(row!)
      const accountId = before.accountId ?? (news.kind === 'paid' ? news.accountId : null)
      const isOurCurrency = news.currency === before.currency
      const facts = isOurCurrency ? withNews(before, news) : before
      const fault =
        before.fault ?? (isOurCurrency ? await this.#fault(tx, accountId, before.currency) : otherCurrency(news))
      // Once something is wrong with it a person has to look: nothing more moves by itself.
      const delta = accountId === null || fault !== null ? 0n : creditMicros(facts) - before.postedMicros
      const posting = delta === 0n ? null : terms.createPosting(before, accountId!, delta, Number(row!['postings']) + 1)
      const announce: AnnouncePosting = (balanceOf) => terms.announce(posting!, balanceOf)
      const version = posting && (await this.#ledger.postIn(tx, posting, announce)).version
      const [after] = await tx.rows(
        `update payments set account_id = $3, paid_micros = $4, refunds = $5, disputes = $6, posted_micros = posted_micros + $7,
           postings = postings + $8, fault = $9, updated_at = $10
         where provider = $1 and payment_id = $2 returning *`,
        [
          provider,
          news.paymentId,
          fault === UNKNOWN ? null : accountId,
          facts.paidMicros,
          factsJson(facts.refunds),
          factsJson(facts.disputes),
          delta,
          posting ? 1 : 0,
          fault,
          at,
        ],
      )
      return { payment: readPayment(after!), posting, version }
    })
    const { payment, posting, version } = taken
    if (posting && version !== null) await this.#ledger.written(version, posting)
    return payment
  }

  async list(accountId: AccountId, page: PageRequest): Promise<Page<Payment>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, PAYMENT_KEY)
    const rows = await this.#postgres.rows(
      `select * from payments
       where account_id = $1 and ($2::timestamptz is null or (created_at, payment_id) < ($2, $3))
       order by created_at desc, payment_id desc limit $4`,
      [accountId, after && new Date(after.ms), after && after.key, pageLimit(page) + 1],
    )
    return pageOf(rows, page, readPayment, (row) => ({ ms: row['created_at'].getTime(), key: row['payment_id'] }))
  }

  async #fault(tx: Queries, accountId: AccountId | null, currency: string): Promise<string | null> {
    if (accountId === null) return null
    const [account] = await tx.rows('select type, currency from accounts where id = $1', [accountId])
    if (account?.['type'] !== 'buyer') return UNKNOWN
    // An account is kept in one currency, and nothing is converted.
    return account['currency'] === currency
      ? null
      : `paid in ${currency}; the account is kept in ${account['currency']}`
  }
}

const UNKNOWN = 'its account is no buyer’s'

function otherCurrency({ kind, currency }: PaymentNews): string {
  return `a ${kind} in ${currency}, which is not what was paid in`
}

function factsJson(facts: Readonly<Record<string, { readonly micros: bigint }>>): string {
  const entries = Object.entries(facts).map(([id, fact]) => [id, { ...fact, micros: fact.micros.toString() }])
  return JSON.stringify(Object.fromEntries(entries))
}

function readFacts<F extends { readonly micros: bigint }>(stored: Row): Record<string, F> {
  return Object.fromEntries(
    Object.entries<Row>(stored).map(([id, fact]) => [
      id,
      { ...fact, micros: readMicros(fact['micros']) } as unknown as F,
    ]),
  )
}

function readPayment(row: Row): Payment {
  return {
    provider: row['provider'],
    paymentId: row['payment_id'],
    accountId: row['account_id'],
    currency: row['currency'],
    paidMicros: readMicros(row['paid_micros']),
    refunds: readFacts<PaymentFacts['refunds'][string]>(row['refunds']),
    disputes: readFacts<PaymentFacts['disputes'][string]>(row['disputes']),
    postedMicros: readMicros(row['posted_micros']),
    fault: row['fault'],
    createdAt: row['created_at'],
  }
}
