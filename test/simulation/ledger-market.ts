import { createPosting } from '../../accounts/ledger.ts'
import type { TakePayment } from '../../api/needs.ts'
import type { Account } from '../../model/account.ts'
import { newId, type AccountId, type PostingId } from '../../model/ids.ts'
import { CENT } from '../../model/money.ts'
import type { Increments } from '../../model/per-minute.ts'
import { EXTERNAL_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { anAccount } from '../support/market.ts'
import type { Dice } from './dice.ts'
import type { Minutes } from './second-ledger.ts'

export const cents = (count: number): bigint => BigInt(count) * CENT
export const NAMES = 'USD buyer 1,USD buyer 2,USD buyer 3,EUR buyer 1,EUR buyer 2,JPY buyer 1,'
  .concat('USD seller 1,USD seller 2,EUR seller 1,JPY seller 1')
  .split(',')

export const TAKE: TakePayment = {
  createPosting: ({ paymentId, currency }, accountId, deltaMicros, count) =>
    createPosting({
      id: newId<PostingId>(),
      kind: 'deposit',
      callId: null,
      currency,
      reference: `stripe ${paymentId} ${count}`,
      entries: [
        { accountId, amountMicros: deltaMicros },
        { accountId: EXTERNAL_ACCOUNT_ID, amountMicros: -deltaMicros },
      ],
      postedAt: new Date(),
    }),
  announce: () => [],
}

export function someAccounts(dice: Dice): Map<string, Account> {
  return new Map(
    NAMES.map((name) => [
      name,
      anAccount(newId<AccountId>(), {
        type: name.includes('buyer') ? 'buyer' : 'seller',
        currency: name.slice(0, 3),
        creditLimitMicros: name.includes('buyer') ? cents(dice.roll(5_000)) : 0n,
      }),
    ]),
  )
}

/** A price of minutes, as the second ledger is told it. */
export function naively(of: Increments & { readonly rateMicros: bigint }, most: number): Minutes {
  return { cents: Number(of.rateMicros / CENT), first: of.initialSeconds, next: of.incrementSeconds, most }
}
