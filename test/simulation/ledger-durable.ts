import type { Balances } from '../../accounts/holds.ts'
import type { TakePayment } from '../../api/needs.ts'
import type { Account } from '../../model/account.ts'
import type { BookChange } from '../../model/book.ts'
import type { CallRecord, SoldTerms } from '../../model/cdr.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Hold, Posting } from '../../model/ledger.ts'
import type { Currency, Micros } from '../../model/money.ts'
import { creditMicros, NO_FACTS, withNews, type Payment, type PaymentNews } from '../../model/payment.ts'
import { EXTERNAL_ACCOUNT_ID, OPERATOR_ACCOUNT_ID, PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { Postgres } from '../../storage/postgres.ts'
import { verifyLedger } from '../../storage/verify-ledger.ts'
import { endedRecord, soldRecord } from '../support/records.ts'
import { openTestStorage, silentLog } from '../support/storage.ts'

const VERIFY_LIMIT_MS = 600_000

type Stored = Parameters<Balances['load']>[0] extends Iterable<infer Each> ? Each : never

/** Where what happened is written, as the gateway's process sees it: it outlives that process. */
export interface Durable {
  readonly clearingId: AccountId
  /** What other accounts' postings bring, as they come. */
  readonly changes: BookChange[]
  sold(call: CallRecord, hold: Hold, terms: SoldTerms): Promise<void>
  ended(call: CallRecord, posting: Posting | null): Promise<void>
  post(posting: Posting): Promise<void>
  take(news: PaymentNews, terms: TakePayment): Promise<void>
  balances(): Promise<readonly Stored[]>
  openHolds(): Promise<readonly Hold[]>
  /** Whatever the store itself finds wrong with its ledger. */
  faults(): Promise<readonly string[]>
  close(): Promise<void>
}

/** The embedded PostgreSQL, the one writer of a gateway, and the stores. */
export async function openOnPostgres(accounts: readonly Account[]): Promise<Durable> {
  const changes: BookChange[] = []
  const storage = await openTestStorage({ onBookChange: (change) => void changes.push(change) })
  const { stores, writer, queries, recovery } = storage
  // As patient as `dce ledger verify`: of a million postings no one asks within a request.
  const patient = new Postgres((queries as Postgres).options, silentLog, VERIFY_LIMIT_MS)
  for (const { id, type, currency, creditLimitMicros } of accounts)
    await queries.rows(
      `insert into accounts (id, type, name, status, currency, timezone, credit_limit_micros, created_at, updated_at)
       values ($1, $2, 'x', 'active', $3, 'UTC', $4, now(), now()) on conflict do nothing`,
      [id, type, currency, creditLimitMicros],
    )
  await storage.book.load(() => {})
  return {
    clearingId: EXTERNAL_ACCOUNT_ID,
    changes,
    sold: (call, hold, terms) => writer.write(soldRecord(call, { auction: null, hold, terms })),
    ended: (call, posting) => writer.write({ ...endedRecord(call), call, audit: null, posting }),
    post: async (posting) => void (await stores.ledger.post(posting)),
    take: async (news, terms) => void (await stores.payments.take('stripe', news, new Date(), terms)),
    async balances() {
      const rows = await queries.rows('select account_id, currency, balance_micros from account_balances')
      return rows.map((row) => ({
        accountId: row['account_id'],
        currency: row['currency'],
        balanceMicros: BigInt(row['balance_micros']),
      }))
    },
    openHolds: async () => (await recovery.openCalls()).flatMap(({ sale }) => sale?.hold ?? []),
    async faults() {
      const { totals, unbalanced, duplicateCalls, faults } = await verifyLedger(patient)
      const sums = totals
        .filter(({ sumMicros }) => sumMicros !== 0n)
        .map(({ currency }) => `${currency} does not sum to 0`)
      return [...sums, ...unbalanced, ...duplicateCalls, ...faults]
    },
    async close() {
      await patient.close()
      await storage.close()
    },
  }
}

/** The same promises kept in maps: for many more events than a disk takes in minutes. */
export function openInMemory(): Durable {
  const changes: BookChange[] = []
  const postings = new Set<string>()
  const sums = new Map<string, Stored & { balanceMicros: Micros }>()
  const open = new Map<string, Hold>()
  const ended = new Set<string>()
  const payments = new Map<string, Payment & { postings: number }>()

  /** At most one posting of a call, and of an account's reference. */
  function isNew(posting: Posting): boolean {
    const owner = posting.entries.find(({ accountId }) => !HOUSE.has(accountId))?.accountId
    const key = posting.callId ?? `${posting.kind} ${owner} ${posting.reference}`
    if (postings.has(key)) return false
    postings.add(key)
    return true
  }
  function move({ currency, entries }: Posting): void {
    for (const { accountId, amountMicros } of entries) {
      const key = `${accountId} ${currency}`
      const balanceMicros = (sums.get(key)?.balanceMicros ?? 0n) + amountMicros
      sums.set(key, { accountId, currency, balanceMicros })
    }
  }
  async function post(posting: Posting): Promise<void> {
    if (!isNew(posting)) return
    move(posting)
    changes.push({ kind: 'posting', posting })
  }
  return {
    clearingId: PAYOUT_CLEARING_ACCOUNT_ID,
    changes,
    async sold({ id }, hold) {
      if (!ended.has(id)) open.set(id, hold)
    },
    async ended({ id }, posting) {
      open.delete(id)
      ended.add(id)
      if (posting && isNew(posting)) move(posting)
    },
    post,
    async take(news, terms) {
      const { paymentId, currency } = news
      const fresh = { ...NO_FACTS, provider: 'stripe', paymentId, accountId: null, currency }
      const payment = payments.get(paymentId) ?? {
        ...fresh,
        postedMicros: 0n,
        fault: null,
        createdAt: new Date(0),
        postings: 0,
      }
      const accountId = news.kind === 'paid' ? news.accountId : payment.accountId
      const facts = withNews(payment, news)
      const delta = accountId === null ? 0n : creditMicros(facts) - payment.postedMicros
      const count = payment.postings + (delta === 0n ? 0 : 1)
      const postedMicros = payment.postedMicros + delta
      payments.set(paymentId, { ...payment, ...facts, accountId, postedMicros, postings: count })
      if (delta !== 0n) await post(terms.createPosting(payment, accountId!, delta, count))
    },
    balances: async () => [...sums.values()],
    openHolds: async () => [...open.values()],
    async faults() {
      const totals = new Map<Currency, Micros>()
      for (const { currency, balanceMicros } of sums.values())
        totals.set(currency, (totals.get(currency) ?? 0n) + balanceMicros)
      return [...totals].filter(([, sum]) => sum !== 0n).map(([currency]) => `${currency} does not sum to 0`)
    },
    close: async () => {},
  }
}

const HOUSE: ReadonlySet<AccountId> = new Set([OPERATOR_ACCOUNT_ID, EXTERNAL_ACCOUNT_ID, PAYOUT_CLEARING_ACCOUNT_ID])
