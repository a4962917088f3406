import type { AccountId, CallId } from './ids.ts'

/** The catalogue of what is announced: in process, over the WebSocket and through Kafka alike. */
export const EVENT_TYPES = [
  'call.received',
  'call.routed',
  'call.ringing',
  'call.answered',
  'call.ended',
  'routing.decision',
  'auction.started',
  'auction.completed',
  'bid.placed',
  'bid.won',
  'compliance.checked',
  'compliance.violated',
  'fraud.scored',
  'ledger.posted',
  'call.tracked',
  'campaign.exhausted',
  'trunk.limited',
  'reachability.changed',
  'account.balance_low',
  'account.paused',
  'account.resumed',
  'webhook.disabled',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

/** How far a call has come: when it has ended, `call.ended` and the records say all of it again. */
export const PROGRESS_EVENTS: ReadonlySet<EventType> = new Set<EventType>([
  'call.received',
  'call.routed',
  'call.ringing',
  'call.answered',
  'routing.decision',
  'auction.started',
  'auction.completed',
  'bid.won',
  'compliance.checked',
])

/** Who may read an event. Nobody else's eyes see it; admins see all. Each party gets the payload meant for it. */
export interface Audience {
  readonly sellerId?: AccountId
  readonly buyerIds?: readonly AccountId[]
  /** What the seller may read in place of the full payload; absent: nothing. */
  readonly sellerPayload?: Readonly<Record<string, unknown>>
  /** What each buyer may read, by account. */
  readonly buyerPayloads?: ReadonlyMap<AccountId, Readonly<Record<string, unknown>>>
}

/** One announcement. `payload` is plain JSON in the API's own words (snake_case, money as strings). */
export interface DomainEvent {
  readonly id: string
  readonly type: EventType
  readonly time: string
  readonly version: 1
  readonly callId: CallId | null
  readonly payload: Readonly<Record<string, unknown>>
  readonly audience: Audience
}

/** An event as the world reads it, over the WebSocket and in Kafka alike: for `accountId`, with the payload meant for it. */
export function eventJson(
  { id, type, time, version, callId }: DomainEvent,
  accountId: AccountId | undefined,
  payload: object,
): string {
  return JSON.stringify({
    id,
    type,
    time,
    version,
    ...(callId ? { call_id: callId } : {}),
    ...(accountId ? { account_id: accountId } : {}),
    payload,
  })
}

/** What an administrator reads of an event, and Kafka carries. */
export function fullEventJson(event: DomainEvent): string {
  return eventJson(event, event.audience.sellerId, event.payload)
}

/** Tells those who listen. Publishing never waits and never throws: a slow listener loses its own place, not the caller's. */
export interface EventBus {
  publish(event: DomainEvent): void
  subscribe(listener: (event: DomainEvent) => void): () => void
  /** Whether anyone listens: payloads of busy events need not be built for nobody. */
  readonly hasListeners: boolean
}
