import type { FundsStore } from '../accounts/needs.ts'
import type { DomainEvent } from '../model/events.ts'
import type { FundsChange } from '../model/funds.ts'
import { readMicros, readMicrosOrNull } from './columns.ts'
import { keepEvents } from './outbox.ts'
import type { Postgres, Row } from './postgres.ts'

/** Buyers told in one turn: more have to wait for the next. */
export const FUNDS_TURN = 500
/** Whoever looks holds this lock of the database: two processes do not tell the same. */
const FUNDS_LOCK = 4_801_002

/** What accounts/funds.ts says of a buyer, for all of them at once: those for whom it is not what was said before. */
const CHANGED = `
  select * from (
    select a.id, a.currency, a.credit_limit_micros, a.low_balance_micros, coalesce(b.balance_micros, 0) as balance_micros, f.state as before,
      case when coalesce(b.balance_micros, 0) + a.credit_limit_micros < 10000 then 'paused'
           when coalesce(b.balance_micros, 0) + a.credit_limit_micros < a.low_balance_micros then 'low'
           else 'ok' end as after
    from accounts a
    left join account_balances b on b.account_id = a.id and b.currency = a.currency
    left join account_funds f on f.account_id = a.id
    where a.type = 'buyer' and a.status = 'active'
  ) judged where before is distinct from after limit ${FUNDS_TURN}`

/** Looks at the ledger itself, so that no crash and no second process says a crossing twice, or not at all. */
export class PostgresFunds implements FundsStore {
  readonly #postgres: Postgres

  constructor(postgres: Postgres) {
    this.#postgres = postgres
  }

  async update(
    at: Date,
    announce: (change: FundsChange, at: Date) => readonly DomainEvent[],
  ): Promise<readonly DomainEvent[]> {
    return this.#postgres.transaction(async (tx) => {
      const [lock] = await tx.rows('select pg_try_advisory_xact_lock($1) as locked', [FUNDS_LOCK])
      if (lock!['locked'] !== true) return []
      const rows = await tx.rows(CHANGED)
      if (rows.length === 0) return []
      await tx.rows(
        `insert into account_funds (account_id, state, changed_at)
         select id, state, $3 from unnest($1::uuid[], $2::text[]) as changed(id, state)
         on conflict (account_id) do update set state = excluded.state, changed_at = excluded.changed_at`,
        [rows.map((row) => row['id']), rows.map((row) => row['after']), at],
      )
      const events = rows.flatMap((row) => announce(readChange(row), at))
      await keepEvents(tx, events)
      return events
    })
  }
}

function readChange(row: Row): FundsChange {
  return {
    account: {
      id: row['id'],
      currency: row['currency'],
      creditLimitMicros: readMicros(row['credit_limit_micros']),
      lowBalanceMicros: readMicrosOrNull(row['low_balance_micros']),
    },
    balanceMicros: readMicros(row['balance_micros']),
    before: row['before'],
    after: row['after'],
  }
}
