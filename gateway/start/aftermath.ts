import type { Balances } from '../../accounts/holds.ts'
import type { Logger } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { BookChange } from '../../model/book.ts'
import type { DomainEvent, EventBus } from '../../model/events.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { AccountId } from '../../model/ids.ts'
import { AddressGuard } from '../outgoing/address-guard.ts'
import { Conversions, type OpenConversion } from '../conversions/conversions.ts'
import type { ConversionRules, TrackingIntake, WebhookOutbox } from '../needs.ts'
import { Webhooks, type DisableWebhook } from '../webhooks/webhooks.ts'

interface AftermathNeeds {
  readonly settings: Settings
  readonly balances: Pick<Balances, 'adopt' | 'void'>
  readonly events: EventBus
  readonly telemetry: Telemetry
  readonly operatorId: AccountId
  readonly learn: (outcome: Outcome) => void
  readonly clock: { now(): number }
  readonly log: Logger
}

interface AftermathStorage {
  intake(rules: ConversionRules): TrackingIntake
  openConversions(): Promise<readonly OpenConversion[]>
  readonly deliveries: WebhookOutbox
  readonly stores: { readonly webhooks: { readonly update: DisableWebhook } }
}

/** What comes after calls: what is reported of them, the money that moves by it, and whom all of it is sent to. */
export class Aftermath {
  readonly guard: AddressGuard
  readonly webhooks: Webhooks
  readonly conversions: Conversions
  #intake: TrackingIntake | null = null

  constructor({ settings, balances, events, telemetry, operatorId, learn, clock, log }: AftermathNeeds) {
    const now = (): number => clock.now()
    this.guard = new AddressGuard(settings.outgoing.privateNetworks)
    this.webhooks = new Webhooks({ settings, guard: this.guard, events, telemetry, now, log })
    this.conversions = new Conversions({ now, balances, events, telemetry, operatorId, learn })
  }

  /** After the balances. */
  apply(change: BookChange): void {
    this.conversions.apply(change)
    this.webhooks.subscriptions.apply(change)
  }

  /** Where reports go. Called once. */
  open(storage: Pick<AftermathStorage, 'intake'>): TrackingIntake {
    return (this.#intake = storage.intake(this.conversions.rules))
  }

  /** Begins, once the book and the balances are loaded. `keep` writes an event that is no call's. */
  async start(storage: AftermathStorage, keep: (event: DomainEvent) => void): Promise<void> {
    const { webhooks } = storage.stores
    this.webhooks.start({
      outbox: storage.deliveries,
      disable: (id, change, version) => webhooks.update(id, change, version),
      keep,
    })
    const intake = this.#intake ?? this.open(storage)
    this.conversions.start(intake, await storage.openConversions())
    await intake.start()
  }

  async close(): Promise<void> {
    this.conversions.close()
    await this.webhooks.close()
  }
}
