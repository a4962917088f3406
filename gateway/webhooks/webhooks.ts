import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Logger } from '../../config/logger.ts'
import type { DomainEvent, EventBus, EventType } from '../../model/events.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import { systemRandom } from '../../model/random.ts'
import type { Webhook, WebhookId } from '../../model/webhook.ts'
import type { WebhookOutbox } from '../needs.ts'
import type { AddressGuard } from '../outgoing/address-guard.ts'
import { HttpClient } from '../outgoing/http-client.ts'
import { Deliverer, MAX_PER_WEBHOOK } from './deliverer.ts'
import { Subscriptions } from './subscriptions.ts'

/** What a webhook may answer: it is not read for anything but its status. */
const MAX_ANSWER_BYTES = 65_536

interface WebhooksNeeds {
  readonly settings: Settings
  readonly guard: AddressGuard
  readonly events: EventBus
  readonly telemetry: Pick<Telemetry, 'webhookAttempts'>
  readonly now: () => number
  readonly log: Logger
}

/** Writes a change of a webhook down. */
export type DisableWebhook = (
  id: WebhookId,
  change: Pick<Webhook, 'status' | 'disabledReason'>,
  ifVersion: null,
) => Promise<unknown>

interface WebhookStores {
  readonly outbox: WebhookOutbox
  readonly disable: DisableWebhook
  /** Keeps an event that is no call's. */
  readonly keep: (event: DomainEvent) => void
}

/** Webhooks, from who wants what to what was sent. */
export class Webhooks {
  readonly subscriptions: Subscriptions
  readonly #needs: WebhooksNeeds
  #deliverer: Deliverer | null = null
  #client: HttpClient | null = null

  constructor(needs: WebhooksNeeds) {
    this.#needs = needs
    // Whoever listens has events built for their parties; these have been by the time they are written.
    this.subscriptions = new Subscriptions(() => void (this.#unsubscribe ??= needs.events.subscribe(() => {})))
  }

  #unsubscribe: (() => void) | null = null

  wants(type: EventType): boolean {
    return this.subscriptions.wants(type)
  }

  wake(): void {
    this.#deliverer?.wake()
  }

  /** Begins to send: all webhooks there are have been heard of. */
  start({ outbox, disable, keep }: WebhookStores): void {
    const { settings, guard, telemetry, now, log } = this.#needs
    this.subscriptions.loaded()
    this.#client = new HttpClient(guard, { connections: MAX_PER_WEBHOOK, maxAnswerBytes: MAX_ANSWER_BYTES })
    this.#deliverer = new Deliverer({
      store: outbox,
      client: this.#client,
      isIdle: () => this.subscriptions.isEmpty,
      now,
      random: systemRandom,
      timeoutMs: settings.webhooks.timeoutMs,
      giveUpMs: settings.webhooks.giveUpAfterMs,
      disable: async (id, accountId, reason) => {
        await disable(id, { status: 'disabled', disabledReason: reason }, null)
        keep(this.#disabled(id, accountId, reason))
      },
      count: (result) => telemetry.webhookAttempts.inc({ result }),
      log,
    })
  }

  async close(): Promise<void> {
    this.#unsubscribe?.()
    await this.#deliverer?.close()
    await this.#client?.close()
  }

  #disabled(id: WebhookId, accountId: AccountId, reason: string): DomainEvent {
    const payload = { webhook_id: id, reason }
    const time = new Date(this.#needs.now()).toISOString()
    const event: DomainEvent = {
      id: newId<string>(),
      type: 'webhook.disabled',
      time,
      version: 1,
      callId: null,
      payload,
      // Its owner may be of either side.
      audience: { sellerId: accountId, sellerPayload: payload, buyerPayloads: new Map([[accountId, payload]]) },
    }
    this.#needs.events.publish(event)
    return event
  }
}
