import { z } from 'zod'
import type { Account } from '../model/account.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type AccountId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { Kit } from './kit.ts'
import * as s from './schemas.ts'

/** One side of a posting, as its account reads it. */
export const PostingAnswer = z.strictObject({
  id: s.printedId(),
  kind: z.enum(['deposit', 'payout', 'call', 'correction', 'conversion']),
  account_id: s.printedId(),
  amount: s.printedMoney(),
  currency: z.string(),
  reference: z.string(),
  call_id: s.printedId().nullable(),
  balance: s.printedMoney(),
  posted_at: s.printedTime(),
})

export function viewPosting(
  accountId: AccountId,
  posting: Posting,
  amount: Micros,
  balance: Micros,
): z.input<typeof PostingAnswer> {
  return {
    id: posting.id,
    kind: posting.kind,
    account_id: accountId,
    amount: s.printMoney(amount),
    currency: posting.currency,
    reference: posting.reference,
    call_id: posting.callId,
    balance: s.printMoney(balance),
    posted_at: s.printTime(posting.postedAt),
  }
}

/** What an account is told of money that has moved. */
export function postingEvent(
  kit: Pick<Kit, 'clock'>,
  account: Pick<Account, 'id' | 'type'>,
  payload: z.input<typeof PostingAnswer>,
): DomainEvent {
  const buyer = account.type === 'buyer'
  return {
    id: newId<string>(kit.clock),
    type: 'ledger.posted',
    time: payload.posted_at,
    version: 1,
    callId: null,
    payload,
    audience: buyer
      ? { buyerIds: [account.id], buyerPayloads: new Map([[account.id, payload]]) }
      : { sellerId: account.id, sellerPayload: payload },
  }
}
