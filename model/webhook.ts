import type { Stored } from './account.ts'
import type { EventType } from './events.ts'
import type { AccountId, Id } from './ids.ts'

export type WebhookId = Id<'webhook'>

/** Events that can be sent to webhooks. */
export const WEBHOOK_EVENTS = [
  'call.received',
  'call.routed',
  'call.ringing',
  'call.answered',
  'call.ended',
  'call.tracked',
  'auction.started',
  'auction.completed',
  'bid.won',
  'compliance.violated',
  'ledger.posted',
  'campaign.exhausted',
  'reachability.changed',
  'account.balance_low',
  'account.paused',
  'account.resumed',
  'webhook.disabled',
] as const satisfies readonly EventType[]
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

export const WEBHOOK_STATUSES = ['active', 'paused', 'disabled'] as const

/** Where an account has its events sent to. */
export interface Webhook extends Stored {
  readonly id: WebhookId
  readonly accountId: AccountId
  readonly url: string
  readonly eventTypes: readonly WebhookEvent[]
  readonly description: string
  /** `disabled`: by the exchange, after it had failed for too long. */
  readonly status: (typeof WEBHOOK_STATUSES)[number]
  /** What messages are signed with: 32 bytes, base64. */
  readonly secret: string
  readonly disabledReason: string | null
}

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** An event on its way to a webhook, or there, or given up. */
export interface WebhookDelivery {
  readonly webhookId: WebhookId
  readonly eventId: string
  readonly type: string
  readonly state: DeliveryState
  readonly createdAt: Date
  /** Of a pending one: when it is tried next. */
  readonly dueAt: Date
  readonly attempts: number
  readonly endedAt: Date | null
  /** Of the last attempt: the HTTP status, or why there was none. */
  readonly status: number | null
  readonly error: string | null
}
