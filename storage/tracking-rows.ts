import { createHash } from 'node:crypto'
import type { StoredTracking, TrackedEvent, TrackingId } from '../model/tracking.ts'
import { readDateOrNull, readMicrosOrNull } from './columns.ts'
import type { Row } from './postgres.ts'
import { timestamp, timestampOrNull } from './timestamp.ts'

/** An event with what is known of whether it counts: null until the call has been looked up. */
export interface AcceptedEvent {
  readonly event: TrackedEvent
  readonly isChecked: boolean
  /** When it was first seen that the database does not know its call yet, ms; absent: not so far. */
  readonly earlyAtMs?: number
}

/** As the spool keeps it. */
export function spoolTracking({ event, ...known }: AcceptedEvent): string {
  return JSON.stringify({ ...trackingRow(event, null), ...known })
}

export function unspoolTracking(body: string): AcceptedEvent {
  const { isChecked, earlyAtMs, ...row } = JSON.parse(body) as Row
  return { event: readTracking(row), isChecked: isChecked === true, ...(earlyAtMs !== undefined && { earlyAtMs }) }
}

/**
 * By the names of the columns of `tracking_events`. One that is refused does not hold the event's id, so that the same report counts
 * when it comes again and is right: its own is made of the id and of when it came, a UUID of version 8 (RFC 9562 §5.8).
 */
export function trackingRow(event: TrackedEvent, refused: StoredTracking['refused']): Row {
  return {
    id: refused === null ? event.id : refusedId(event),
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

function refusedId({ id, receivedAt }: TrackedEvent): TrackingId {
  const hex = createHash('sha256').update(`refused\n${id}\n${receivedAt.getTime()}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as TrackingId
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
