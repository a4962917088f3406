import type { SoldTerms } from '../../model/cdr.ts'
import type { DomainEvent } from '../../model/events.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import type { Posting } from '../../model/ledger.ts'
import { formatMoney, type Micros } from '../../model/money.ts'
import type { TrackedEvent } from '../../model/tracking.ts'

/** What is told of a report that counts: all of it to whoever made it. */
export function trackedEvent(event: TrackedEvent): DomainEvent {
  const payload = {
    id: event.id,
    call_id: event.callId,
    type: event.type,
    event_id: event.eventId,
    transaction_id: event.transactionId,
    amount: event.amountMicros === null ? null : formatMoney(event.amountMicros),
    currency: event.currency,
    occurred_at: event.occurredAt?.toISOString() ?? null,
    received_at: event.receivedAt.toISOString(),
    reported_by: event.accountId,
    tags: event.tags,
  }
  const { accountId, role } = event
  return {
    id: newId<string>(),
    type: 'call.tracked',
    time: payload.received_at,
    version: 1,
    callId: event.callId,
    payload,
    audience:
      role === 'buyer'
        ? { buyerIds: [accountId], buyerPayloads: new Map([[accountId, payload]]) }
        : role === 'seller'
          ? { sellerId: accountId, sellerPayload: payload }
          : {},
  }
}

/** Of a call's money, what buyer and seller are each told: their own side, as `GET /accounts/{id}/ledger` has it. */
export function postingEvents(
  { buyerId, sellerId }: SoldTerms,
  posting: Posting,
  balanceOf: (id: AccountId) => Micros,
): DomainEvent[] {
  return posting.entries.flatMap(({ accountId, amountMicros }) => {
    if (accountId !== buyerId && accountId !== sellerId) return []
    const payload = {
      id: posting.id,
      kind: posting.kind,
      account_id: accountId,
      amount: formatMoney(amountMicros),
      currency: posting.currency,
      reference: posting.reference,
      call_id: posting.callId,
      balance: formatMoney(balanceOf(accountId)),
      posted_at: posting.postedAt.toISOString(),
    }
    const audience =
      accountId === buyerId
        ? { buyerIds: [accountId], buyerPayloads: new Map([[accountId, payload]]) }
        : { sellerId: accountId, sellerPayload: payload }
    return [
      {
        id: newId<string>(),
        type: 'ledger.posted' as const,
        time: payload.posted_at,
        version: 1 as const,
        callId: posting.callId,
        payload,
        audience,
      },
    ]
  })
}
