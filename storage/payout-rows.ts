import type { Payout, PayoutRun } from '../model/payout.ts'
import { readBankDetails } from './bank-account-store.ts'
import { readMicros } from './columns.ts'
import type { Row } from './postgres.ts'

/** Runs (alias `r`) with what is in them. */
export const RUNS = `select r.id, r.number, r.currency, r.state, r.created_at, r.statements_until, r.effective_on::text, r.finished_at, t.*
  from payout_runs r, lateral (
    select count(*) filter (where amount_micros > 0)::int as payouts, count(*) filter (where amount_micros = 0)::int as prenotes,
      coalesce(sum(amount_micros), 0)::text as amount_micros,
      coalesce(sum(amount_micros) filter (where state = 'settled'), 0)::text as settled_micros,
      coalesce(sum(amount_micros) filter (where state = 'returned'), 0)::text as returned_micros
    from payouts p where p.run_id = r.id
  ) t`

export const PAYOUT_COLUMNS = `id, run_id, entry, account_id, currency, amount_micros, state, holder, holder_type, kind, routing_number,
  number_sealed, last4, created_at, posting_id, settled_at, returned_at, return_code`

export function readRun(row: Row): PayoutRun {
  return {
    id: row['id'],
    number: Number(row['number']),
    currency: row['currency'],
    state: row['state'],
    createdAt: row['created_at'],
    statementsUntil: row['statements_until'],
    effectiveOn: row['effective_on'],
    finishedAt: row['finished_at'],
    totals: {
      payouts: row['payouts'],
      prenotes: row['prenotes'],
      amountMicros: readMicros(row['amount_micros']),
      settledMicros: readMicros(row['settled_micros']),
      returnedMicros: readMicros(row['returned_micros']),
    },
  }
}

export function readPayout(row: Row): Payout {
  return {
    ...readBankDetails(row),
    id: row['id'],
    runId: row['run_id'],
    entry: BigInt(row['entry']),
    accountId: row['account_id'],
    currency: row['currency'],
    amountMicros: readMicros(row['amount_micros']),
    state: row['state'],
    createdAt: row['created_at'],
    postingId: row['posting_id'],
    settledAt: row['settled_at'],
    returnedAt: row['returned_at'],
    returnCode: row['return_code'],
  }
}
