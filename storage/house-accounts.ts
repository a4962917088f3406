import type { AccountId } from '../model/ids.ts'

/** The house: it keeps what is left of a price after the payout. Its row is made by the first migration. */
export const OPERATOR_ACCOUNT_ID = '00000000-0000-7000-8000-000000000001' as AccountId

/** The world money comes from (deposits) and goes to (payouts). Its row is made by the first migration. */
export const EXTERNAL_ACCOUNT_ID = '00000000-0000-7000-8000-000000000002' as AccountId
