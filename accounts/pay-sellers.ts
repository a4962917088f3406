import type { AccountId, PostingId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { PayoutId, PayoutRun } from '../model/payout.ts'
import { DAY_MS } from '../model/time-zone.ts'
import { addBankingDays, bankDayAt } from './banking-days.ts'
import { createPosting } from './ledger.ts'
import type { PayoutRuns, PayoutTerms } from './needs.ts'

/** ACH moves US dollars and nothing else. */
export const ACH_CURRENCY: Currency = 'USD'

export interface PaySchedule {
  /** How long after its end a statement is not paid yet: disputes come first. */
  readonly holdDays: number
  /** Banking days from the file to the money's arrival. */
  readonly leadDays: number
}

/**
 * Pays the sellers what their closed statements say, less what has left them since. A run that was cut off is gone on with, not begun
 * anew: each seller is in it once, with the money. Null when there is none, and nobody to begin one for.
 */
export async function paySellers(
  runs: PayoutRuns,
  terms: PayoutTerms,
  schedule: PaySchedule,
  now: () => Date,
): Promise<PayoutRun | null> {
  return (await finishPayouts(runs, terms, schedule, now)) ?? beginPayouts(runs, terms, schedule, now)
}

/** Goes on with the run that was cut off; null when none was. */
export async function finishPayouts(
  runs: PayoutRuns,
  terms: PayoutTerms,
  schedule: PaySchedule,
  now: () => Date,
): Promise<PayoutRun | null> {
  const cutOff = await runs.unfinished()
  return cutOff && payAll(runs, cutOff, terms, schedule, now)
}

async function beginPayouts(
  runs: PayoutRuns,
  terms: PayoutTerms,
  schedule: PaySchedule,
  now: () => Date,
): Promise<PayoutRun | null> {
  const at = now()
  const statementsUntil = new Date(at.getTime() - schedule.holdDays * DAY_MS)
  const due = { statementsUntil, effectiveOn: arrival(at, schedule), currency: ACH_CURRENCY }
  if ((await runs.due(due, terms)).length === 0) return null
  return payAll(runs, await runs.begin(due, at), terms, schedule, now)
}

async function payAll(
  runs: PayoutRuns,
  run: PayoutRun,
  terms: PayoutTerms,
  schedule: PaySchedule,
  now: () => Date,
): Promise<PayoutRun> {
  for (const accountId of await runs.due(run, terms)) await runs.pay(run, accountId, terms, now())
  const finishedAt = now()
  const promised = arrival(finishedAt, schedule)
  return runs.finish(run, finishedAt, promised > run.effectiveOn ? promised : run.effectiveOn, terms)
}

function arrival(at: Date, { leadDays }: PaySchedule): string {
  return addBankingDays(bankDayAt(at), leadDays)
}

/** What every posting of a payout is made with. */
interface Moved {
  readonly postingId: PostingId
  readonly amountMicros: Micros
  readonly at: Date
}

/** A payout on its way: the seller has it no more, the bank not yet. */
export function payoutPosting(
  terms: Moved & { readonly payoutId: PayoutId; readonly accountId: AccountId; readonly clearingId: AccountId },
): Posting {
  const { payoutId, accountId, clearingId } = terms
  return moving(terms, accountId, clearingId, ACH_CURRENCY, `payout ${payoutId}`)
}

/** A payout the bank sent back: the seller has the money again, from wherever it was. */
export function returnPosting(
  terms: Moved & {
    readonly payoutId: PayoutId
    readonly code: string
    readonly accountId: AccountId
    readonly fromId: AccountId
  },
): Posting {
  const { payoutId, code, accountId, fromId } = terms
  return moving(terms, fromId, accountId, ACH_CURRENCY, `payout ${payoutId} returned ${code}`)
}

/** The bank has paid what was under way of a run. */
export function settledPosting(
  terms: Moved & {
    readonly run: Pick<PayoutRun, 'id' | 'currency'>
    readonly clearingId: AccountId
    readonly externalId: AccountId
  },
): Posting {
  const { run, clearingId, externalId, postingId } = terms
  return moving(terms, clearingId, externalId, run.currency, `payout run ${run.id} settled ${postingId}`)
}

function moving(
  { postingId, amountMicros, at }: Moved,
  fromId: AccountId,
  toId: AccountId,
  currency: Currency,
  reference: string,
): Posting {
  return createPosting({
    id: postingId,
    kind: 'payout',
    callId: null,
    currency,
    reference,
    entries: [
      { accountId: fromId, amountMicros: -amountMicros },
      { accountId: toId, amountMicros },
    ],
    postedAt: at,
  })
}
