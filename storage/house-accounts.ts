import type { AccountId } from '../model/ids.ts'

/** The house: it keeps what is left of a price after the payout. Its row is made by the first migration. */
export const OPERATOR_ACCOUNT_ID = '00000000-0000-7000-8000-000000000001' as AccountId

/** The world money comes from (deposits) and goes to (payouts). Its row is made by the first migration. */
export const EXTERNAL_ACCOUNT_ID = '00000000-0000-7000-8000-000000000002' as AccountId

/** Where a payout is from its file until the bank has paid it. Its row is made by migration 28. */
export const PAYOUT_CLEARING_ACCOUNT_ID = '00000000-0000-7000-8000-000000000003' as AccountId

/** Accounts of nobody's: what they have is the other side of a party's money. */
export const HOUSE_ACCOUNT_IDS: ReadonlySet<AccountId> = new Set([
  OPERATOR_ACCOUNT_ID,
  EXTERNAL_ACCOUNT_ID,
  PAYOUT_CLEARING_ACCOUNT_ID,
])
