import type { Random } from '../../model/random.ts'
import type { AccountId } from '../../model/ids.ts'
import type { WebhookId } from '../../model/webhook.ts'
import type { DeliveryResult, DueDelivery, WebhookOutbox } from '../needs.ts'
import { HttpFailure, type HttpClient } from '../outgoing/http-client.ts'
import { retryAt } from './retries.ts'
import { signedHeaders } from './signature.ts'

/** Requests at once, over all webhooks, and to one: a slow one keeps none of the others waiting. */
export const MAX_UNDER_WAY = 500
export const MAX_PER_WEBHOOK = 4
/** Without a word of a new event, what is due is looked for so often, ms: retries, and events of other processes. */
const LOOK_EVERY_MS = 1_000
/** After a look, and for results, so long is gathered, ms. */
const GATHER_MS = 20
/** How much longer than a request may take whoever claimed it has it for itself, ms. */
const LEASE_MARGIN_MS = 30_000
/** Pause after the database was away, ms. */
const AWAY_MS = 2_000
const SWEEP_EVERY_MS = 600_000

interface DelivererNeeds {
  readonly store: WebhookOutbox
  readonly client: Pick<HttpClient, 'statusOf'>
  /** Nobody has a webhook: nothing is looked for. */
  readonly isIdle: () => boolean
  readonly now: () => number
  readonly random: Random
  readonly timeoutMs: number
  /** How long one event is tried. */
  readonly giveUpMs: number
  readonly disable: (id: WebhookId, accountId: AccountId, reason: string) => Promise<void>
  readonly count: (result: 'delivered' | 'failed' | 'dead') => void
  readonly log: { [level in 'warn' | 'debug']: (fields: object, message: string) => void }
}

/**
 * Sends events to webhooks: at least once, several at a time, in no certain order. What is not taken (any status but 2xx, a
 * redirect, no answer in time) is tried again, ever later, and given up after `giveUpMs`. A webhook to which nothing could be
 * sent for so long is disabled, and so is one that answers 410.
 */
export class Deliverer {
  readonly #needs: DelivererNeeds
  readonly #underWay = new Map<WebhookId, number>()
  #total = 0
  #results: DeliveryResult[] = []
  #finishing: Promise<void> | null = null
  #closed = false
  #woken = false
  #wake: (() => void) | null = null
  #sweptMs = 0
  readonly #running: Promise<void>
  readonly #sending = new Set<Promise<void>>()

  constructor(needs: DelivererNeeds) {
    this.#needs = needs
    this.#sweptMs = needs.now()
    this.#running = this.#run()
  }

  /** There may be something to send. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  get underWay(): number {
    return this.#total
  }

  /** Ends when what is under way has an answer, or has run out of time; what was not sent is sent by whoever comes next. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    await this.#running
    await Promise.all(this.#sending)
    await this.#finishing
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#woken = false
      try {
        const found = this.#needs.isIdle() || this.#total >= MAX_UNDER_WAY ? 0 : await this.#look()
        if (this.#needs.now() - this.#sweptMs > SWEEP_EVERY_MS) await this.#sweep()
        await this.#sleep(found > 0 ? GATHER_MS : LOOK_EVERY_MS, found === 0)
      } catch (error) {
        this.#needs.log.debug({ error: (error as Error).message }, 'webhooks wait for the database')
        await this.#sleep(AWAY_MS, false)
      }
    }
  }

  async #look(): Promise<number> {
    const { store, timeoutMs } = this.#needs
    const due = await store.claim({
      most: MAX_UNDER_WAY - this.#total,
      perWebhook: MAX_PER_WEBHOOK,
      underWay: this.#underWay,
      leaseMs: timeoutMs + LEASE_MARGIN_MS,
    })
    for (const delivery of due) {
      this.#change(delivery.webhookId, 1)
      const sending: Promise<void> = this.#send(delivery).finally(() => {
        this.#change(delivery.webhookId, -1)
        this.#sending.delete(sending)
        this.wake()
      })
      this.#sending.add(sending)
    }
    return due.length
  }

  #change(id: WebhookId, by: number): void {
    const count = (this.#underWay.get(id) ?? 0) + by
    if (count === 0) this.#underWay.delete(id)
    else this.#underWay.set(id, count)
    this.#total += by
  }

  async #send(delivery: DueDelivery): Promise<void> {
    const { client, timeoutMs, now } = this.#needs
    const { url, body } = delivery
    let status: number | null = null
    let error: string | null = null
    try {
      const headers = signedHeaders(delivery, now())
      status = await client.statusOf({ method: 'POST', url, headers, body }, timeoutMs)
      if (status >= 300 && status < 400) error = 'a redirect, which is not followed'
      else if (status < 200 || status >= 300) error = 'not a status of success'
    } catch (failure) {
      error = failure instanceof HttpFailure ? `${failure.kind}: ${failure.message}` : String(failure)
    }
    const result = this.#judge(delivery, status, error)
    this.#needs.count(result.state === 'pending' ? 'failed' : result.state)
    await this.#finish(result)
    if (result.state === 'dead') await this.#considerDisabling(delivery, result).catch(() => {})
  }

  #judge({ id, attempts, firstTriedAt }: DueDelivery, status: number | null, error: string | null): DeliveryResult {
    if (error === null) return { id, state: 'delivered', status, error: null, dueAt: null }
    const { now, random, giveUpMs } = this.#needs
    const dueAt = status === GONE ? null : retryAt(attempts, firstTriedAt, now(), giveUpMs, random)
    return { id, state: dueAt === null ? 'dead' : 'pending', status, error: error.slice(0, MAX_ERROR), dueAt }
  }

  /** Results are written together: a thousand answers are not a thousand statements. */
  async #finish(result: DeliveryResult): Promise<void> {
    this.#results.push(result)
    this.#finishing ??= new Promise((resolve) => setTimeout(resolve, GATHER_MS)).then(async () => {
      const results = this.#results
      this.#results = []
      this.#finishing = null
      // Not written, its lease runs out, and the event is sent once more.
      await this.#needs.store
        .finish(results)
        .catch((error: Error) =>
          this.#needs.log.warn({ error: error.message }, 'what webhooks answered is not written'),
        )
    })
    await this.#finishing
  }

  async #considerDisabling(
    { webhookId, accountId, firstTriedAt }: DueDelivery,
    { status }: DeliveryResult,
  ): Promise<void> {
    const { store, disable, log } = this.#needs
    if (status !== GONE && (await store.hasDelivered(webhookId, firstTriedAt))) return
    const reason = status === GONE ? 'it answered 410 Gone' : 'nothing could be delivered for too long'
    log.warn({ webhookId, accountId, reason }, 'a webhook is disabled')
    await disable(webhookId, accountId, reason)
  }

  async #sweep(): Promise<void> {
    this.#sweptMs = this.#needs.now()
    const givenUp = await this.#needs.store.sweep()
    if (givenUp > 0) this.#needs.log.warn({ events: givenUp }, 'events for webhooks are given up: too many waited')
  }

  /** Until the time is up, `close`, or (if that may be) `wake`. */
  async #sleep(ms: number, mayBeWoken: boolean): Promise<void> {
    if (this.#closed || (mayBeWoken && this.#woken)) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const wake = (): void => {
        if (!mayBeWoken && !this.#closed) return
        clearTimeout(timer)
        resolve()
      }
      this.#wake = wake
    })
    this.#wake = null
  }
}

/** The receiver wants no more: RFC 9110 §15.5.11, and Standard Webhooks. */
const GONE = 410
const MAX_ERROR = 300
