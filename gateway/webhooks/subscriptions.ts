import type { BookChange } from '../../model/book.ts'
import type { DomainEvent, EventType } from '../../model/events.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Webhook, WebhookId } from '../../model/webhook.ts'

/** Who wants which events sent: asked for each event, so that nothing is built for nobody. */
export class Subscriptions {
  readonly #active = new Map<WebhookId, Webhook>()
  readonly #typesOf = new Map<AccountId, ReadonlySet<EventType>>()
  #types: ReadonlySet<EventType> = new Set()
  #isLoaded = false
  readonly #onFirst: () => void

  /** `onFirst` is called whenever there are some where there were none. */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst
  }

  apply(change: BookChange): void {
    if (change.kind !== 'webhook') return
    const before = this.#active.get(change.id)
    if (change.value?.status === 'active') this.#active.set(change.id, change.value)
    else this.#active.delete(change.id)
    for (const accountId of new Set([before?.accountId, change.value?.accountId])) if (accountId) this.#count(accountId)
    this.#types = new Set([...this.#typesOf.values()].flatMap((types) => [...types]))
    if (before === undefined && this.#active.size === 1) this.#onFirst()
  }

  /** All there are have been heard of: until then anybody may want anything. */
  loaded(): void {
    this.#isLoaded = true
  }

  get isEmpty(): boolean {
    return this.#isLoaded && this.#active.size === 0
  }

  /** Whether anybody wants events of this type. */
  wants(type: EventType): boolean {
    return this.#types.has(type)
  }

  isWanted(accountId: AccountId, { type }: DomainEvent): boolean {
    return !this.#isLoaded || this.#typesOf.get(accountId)?.has(type) === true
  }

  #count(accountId: AccountId): void {
    const own = [...this.#active.values()].filter((webhook) => webhook.accountId === accountId)
    if (own.length === 0) this.#typesOf.delete(accountId)
    else this.#typesOf.set(accountId, new Set(own.flatMap(({ eventTypes }) => eventTypes)))
  }
}
