import type { StoredTracking, TrackedEvent } from '../model/tracking.ts'
import { readDateOrNull, readMicrosOrNull } from './columns.ts'
import type { Row } from './postgres.ts'
import { timestamp, timestampOrNull } from './timestamp.ts'

/** An event with what is known of whether it counts: null until the call has been looked up. */
export interface AcceptedEvent {
  readonly event: TrackedEvent
  readonly isChecked: boolean
}

/** As the spool keeps it. */
export function spoolTracking({ event, isChecked }: AcceptedEvent): string {
  return JSON.stringify({ ...trackingRow(event, null), isChecked })
}

export function unspoolTracking(body: string): AcceptedEvent {
  const { isChecked, ...row } = JSON.parse(body) as Row
  return { event: readTracking(row), isChecked: isChecked === true }
}

/** By the names of the columns of `tracking_events`. */
export function trackingRow(event: TrackedEvent, refused: StoredTracking['refused']): Row {
  return {
    id: event.id,
    call_id: event.callId,
    account_id: event.accountId,
    role: event.role,
    type: event.type,
    event_id: event.eventId,
    transaction_id: event.transactionId,
    amount_micros: event.amountMicros?.toString() ?? null,
    currency: event.currency,
    occurred_at: timestampOrNull(event.occurredAt),
    received_at: timestamp(event.receivedAt),
    tags: event.tags,
    refused,
  }
}

export function readTracking(row: Row): StoredTracking {
  return {
    id: row['id'],
    callId: row['call_id'],
    accountId: row['account_id'],
    role: row['role'],
    type: row['type'],
    eventId: row['event_id'],
    transactionId: row['transaction_id'],
    amountMicros: readMicrosOrNull(row['amount_micros']),
    currency: row['currency'],
    occurredAt: readDateOrNull(row['occurred_at']),
    receivedAt: new Date(row['received_at']),
    tags: row['tags'],
    refused: row['refused'],
  }
}
