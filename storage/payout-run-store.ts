import type { DueRun, PayoutRuns, PayoutTerms } from '../accounts/needs.ts'
import { newId, type AccountId } from '../model/ids.ts'
import { floorToCent, type Micros } from '../model/money.ts'
import type { Payout, PayoutRun, PayoutId } from '../model/payout.ts'
import { readMicros } from './columns.ts'
import type { PostgresLedger } from './ledger-store.ts'
import { PAYOUT_COLUMNS, readPayout, readRun, RUNS } from './payout-rows.ts'
import type { Postgres, Queries, Row } from './postgres.ts'

/** Bank accounts that money arriving on the day `$2` may go to, and new ones. */
const PAYABLE = `(b.state = 'active' or b.state = 'new' or (b.state = 'prenoted' and b.usable_from <= $2::date))`

/** The latest statement that may be paid. */
const STATEMENT = `select * from invoices o where o.account_id = a.id and o.currency = a.currency and o.until_at <= $1
  order by o.until_at desc limit 1`

/** What has left the account since a statement `i`, in entries beyond `seen`; what has come in since is of the next. A returned payout is back. */
const gone = (
  seen: string,
  upTo = 'e.id',
): string => `select coalesce(sum(e.amount_micros), 0) from ledger_entries e join ledger_postings p on p.id = e.posting_id
  where e.account_id = i.account_id and e.currency = i.currency and e.id >= i.left_from and e.id > ${seen} and e.id <= ${upTo}
    and not (e.id <= i.last_entry and p.posted_at < i.until_at) and (p.kind = 'payout' or e.amount_micros < 0)`

/** Runs of payouts, a seller at a time. */
export class PostgresPayoutRuns implements PayoutRuns {
  readonly #postgres: Postgres
  readonly #ledger: PostgresLedger

  constructor(postgres: Postgres, ledger: PostgresLedger) {
    this.#postgres = postgres
    this.#ledger = ledger
  }

  async unfinished(): Promise<PayoutRun | null> {
    const [row] = await this.#postgres.rows(`${RUNS} where r.state = 'open'`)
    return row ? readRun(row) : null
  }

  async begin({ statementsUntil, effectiveOn, currency }: DueRun, at: Date): Promise<PayoutRun> {
    return this.#postgres.transaction(async (tx) => {
      // Two that begin at once begin the same.
      const [counter] = await tx.rows('select last_number from payout_counter for update')
      const [open] = await tx.rows(`${RUNS} where r.state = 'open'`)
      if (open) return readRun(open)
      const id = newId<string>()
      await tx.rows(
        `insert into payout_runs (id, number, currency, state, created_at, statements_until, effective_on)
         values ($1, $2, $3, 'open', $4, $5, $6)`,
        [id, BigInt(counter!['last_number']) + 1n, currency, at, statementsUntil, effectiveOn],
      )
      await tx.rows('update payout_counter set last_number = last_number + 1')
      return readRun((await tx.rows(`${RUNS} where r.id = $1`, [id]))[0]!)
    })
  }

  async due({ statementsUntil, effectiveOn, currency }: DueRun, terms: PayoutTerms): Promise<readonly AccountId[]> {
    const rows = await this.#postgres.rows(
      `select a.id from accounts a join bank_accounts b on b.account_id = a.id
       left join lateral (${STATEMENT}) i on true
       left join account_balances m on m.account_id = a.id and m.currency = a.currency
       where a.type = 'seller' and a.currency = $4 and ${PAYABLE}
         and not exists (select from payouts p join payout_runs r on r.id = p.run_id where p.account_id = a.id and r.state = 'open')
         and ((b.state = 'new' and $3) or (i.id is not null
           and least(m.balance_micros, i.closing_micros + (${gone('0')})) >= greatest($5::bigint, 10000)))
       order by a.id`,
      [statementsUntil, effectiveOn, terms.isPrenoted, currency, terms.minimumMicros],
    )
    return rows.map((row) => row['id'])
  }

  async pay(run: PayoutRun, accountId: AccountId, terms: PayoutTerms, at: Date): Promise<Payout | null> {
    const seen = await this.#countAhead(run, accountId)
    const paid = await this.#postgres.transaction(async (tx) => {
      // The order of locks is that of every posting: the book's version, then balances.
      await tx.rows('select version from book_version for update')
      const [open] = await tx.rows(
        `select 1 from payout_runs r where r.id = $1 and r.state = 'open'
           and not exists (select from payouts p where p.run_id = r.id and p.account_id = $2) for share of r`,
        [run.id, accountId],
      )
      const [bank] = await tx.rows(
        `select b.* from bank_accounts b where b.account_id = $1 and ${PAYABLE} for update`,
        [accountId, run.effectiveOn],
      )
      if (!open || !bank) return null
      if (bank['state'] === 'new' && terms.isPrenoted) return this.#prenote(tx, run, bank, terms, at)
      const amountMicros = seen && (await this.#owed(tx, run, accountId, seen, terms))
      return amountMicros === null ? null : this.#send(tx, run, bank, amountMicros, terms, at)
    })
    if (paid?.posting && paid.version !== null) await this.#ledger.written(paid.version, paid.posting)
    return paid?.payout ?? null
  }

  async finish(run: PayoutRun, at: Date, effectiveOn: string, terms: PayoutTerms): Promise<PayoutRun> {
    await this.#postgres.transaction(async (tx) => {
      const done = await tx.rows(
        `update payout_runs set state = 'ready', finished_at = $2, effective_on = $3 where id = $1 and state = 'open' returning id`,
        [run.id, at, effectiveOn],
      )
      if (done.length === 0) return
      // Banks have these days after the prenote reaches them to refuse it, which is later now than the run was begun for.
      await tx.rows(
        `update bank_accounts b set usable_from = $2, updated_at = $3 from payouts p
         where p.run_id = $1 and p.state = 'prenote' and p.account_id = b.account_id and b.state = 'prenoted' and b.usable_from < $2::date`,
        [run.id, terms.usableFrom(effectiveOn), at],
      )
    })
    return readRun((await this.#postgres.rows(`${RUNS} where r.id = $1`, [run.id]))[0]!)
  }

  /** What a busy month holds is counted before anybody is kept waiting for a lock. */
  async #countAhead(run: PayoutRun, accountId: AccountId): Promise<Row | null> {
    const [row] = await this.#postgres.rows(
      `with last as (select coalesce(max(id), 0) as id from ledger_entries where account_id = $2 and currency = $3)
       select i.id, i.closing_micros + (${gone('0', '(select id from last)')}) as owed, (select id from last) as seen
       from accounts a, lateral (${STATEMENT}) i where a.id = $2`,
      [run.statementsUntil, accountId, run.currency],
    )
    return row ?? null
  }

  async #owed(
    tx: Queries,
    run: PayoutRun,
    accountId: AccountId,
    seen: Row,
    { minimumMicros, mostMicros }: PayoutTerms,
  ): Promise<Micros | null> {
    const [balance] = await tx.rows(
      'select balance_micros from account_balances where account_id = $1 and currency = $2 for update',
      [accountId, run.currency],
    )
    const [since] = await tx.rows(`select (${gone('$2')}) as micros from invoices i where i.id = $1`, [
      seen['id'],
      seen['seen'],
    ])
    const owed = readMicros(seen['owed']) + readMicros(since!['micros'])
    const has = readMicros(balance?.['balance_micros'] ?? 0)
    const least = [owed, has, mostMicros].reduce((one, other) => (other < one ? other : one))
    const amount = least > 0n ? floorToCent(least) : 0n
    return amount > 0n && amount >= minimumMicros ? amount : null
  }

  async #prenote(tx: Queries, run: PayoutRun, bank: Row, terms: PayoutTerms, at: Date) {
    await tx.rows(
      `update bank_accounts set state = 'prenoted', usable_from = $2, updated_at = $3 where account_id = $1`,
      [bank['account_id'], terms.usableFrom(run.effectiveOn), at],
    )
    const payout = await insertPayout(tx, run, bank, { id: newId(), amountMicros: 0n, postingId: null }, at)
    return { payout, posting: null, version: null }
  }

  async #send(tx: Queries, run: PayoutRun, bank: Row, amountMicros: Micros, terms: PayoutTerms, at: Date) {
    const id = newId<PayoutId>()
    const posting = terms.createPosting({ id, accountId: bank['account_id'], amountMicros })
    const { version } = await this.#ledger.postIn(tx, posting, (balanceOf) => terms.announce(posting, balanceOf))
    await tx.rows(
      `update bank_accounts set state = 'active', usable_from = null, updated_at = $2 where account_id = $1 and state <> 'active'`,
      [bank['account_id'], at],
    )
    const payout = await insertPayout(tx, run, bank, { id, amountMicros, postingId: posting.id }, at)
    return { payout, posting, version }
  }
}

async function insertPayout(
  tx: Queries,
  run: PayoutRun,
  bank: Row,
  { id, amountMicros, postingId }: Pick<Payout, 'id' | 'amountMicros' | 'postingId'>,
  at: Date,
): Promise<Payout> {
  const [row] = await tx.rows(
    `with counted as (update payout_counter set last_entry = last_entry + 1 returning last_entry)
     insert into payouts (id, run_id, entry, account_id, currency, amount_micros, state, holder, holder_type, kind,
       routing_number, number_sealed, last4, created_at, posting_id)
     select $1, $2, last_entry, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 from counted
     returning ${PAYOUT_COLUMNS}`,
    [
      id,
      run.id,
      bank['account_id'],
      run.currency,
      amountMicros,
      amountMicros > 0n ? 'sent' : 'prenote',
      bank['holder'],
      bank['holder_type'],
      bank['kind'],
      bank['routing_number'],
      bank['number_sealed'],
      bank['last4'],
      at,
      postingId,
    ],
  )
  return readPayout(row!)
}
