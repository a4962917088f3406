import { eventJson, fullEventJson, type DomainEvent } from '../model/events.ts'
import type { AccountId } from '../model/ids.ts'
import { OPERATOR_ACCOUNT_ID } from './house-accounts.ts'
import type { Row } from './postgres.ts'

/** Who wants which events sent. */
export interface WebhookSubscriptions {
  /** Nobody wants any. */
  readonly isEmpty: boolean
  isWanted(accountId: AccountId, event: DomainEvent): boolean
}

const ANYBODY: WebhookSubscriptions = { isEmpty: false, isWanted: () => true }

/** What each party to an event would be sent, as it may read it; the operator all of it. The database keeps what is subscribed to. */
export function webhookRows(event: DomainEvent, subscriptions = ANYBODY): Row[] {
  const { audience } = event
  const rows: Row[] = []
  const add = (accountId: AccountId, body: () => string): void => {
    if (subscriptions.isWanted(accountId, event))
      rows.push({ account_id: accountId, event_id: event.id, type: event.type, body: body() })
  }
  add(OPERATOR_ACCOUNT_ID, () => fullEventJson(event))
  const { sellerId, sellerPayload } = audience
  if (sellerId && sellerPayload) add(sellerId, () => eventJson(event, sellerId, sellerPayload))
  for (const [buyerId, payload] of audience.buyerPayloads ?? []) add(buyerId, () => eventJson(event, buyerId, payload))
  return rows
}
