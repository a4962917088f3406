import { eventJson, fullEventJson, type DomainEvent } from '../model/events.ts'
import type { AccountId } from '../model/ids.ts'
import { OPERATOR_ACCOUNT_ID } from './house-accounts.ts'
import type { Queries, Row } from './postgres.ts'
import { storableJson } from './record-rows.ts'

/** Who may be sent an event. */
export type IsWanted = (accountId: AccountId, event: DomainEvent) => boolean

const ANYBODY: IsWanted = () => true

/** What each party to an event would be sent, as it may read it; the operator all of it. The database keeps what is subscribed to. */
export function webhookRows(event: DomainEvent, isWanted: IsWanted = ANYBODY): Row[] {
  const { audience } = event
  const rows: Row[] = []
  const add = (accountId: AccountId, body: () => string): void => {
    if (isWanted(accountId, event))
      rows.push({ account_id: accountId, event_id: event.id, type: event.type, body: body() })
  }
  add(OPERATOR_ACCOUNT_ID, () => fullEventJson(event))
  const { sellerId, sellerPayload } = audience
  if (sellerId && sellerPayload) add(sellerId, () => eventJson(event, sellerId, sellerPayload))
  for (const [buyerId, payload] of audience.buyerPayloads ?? []) add(buyerId, () => eventJson(event, buyerId, payload))
  return rows
}

/** Has events sent to whoever subscribed, in the transaction of what they tell of. */
export async function queueWebhooks(tx: Queries, events: readonly DomainEvent[]): Promise<void> {
  const webhooks = events.flatMap((event) => webhookRows(event))
  if (webhooks.length > 0) await tx.rows('select write_followups($1, $2)', [storableJson({ webhooks }), ''])
}
