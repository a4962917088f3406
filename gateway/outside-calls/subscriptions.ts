import { ALLOW_EVENTS, isPassed, packageOf } from './event-packages.ts'
import { admit, better, heardStatus, sendTo, type Admitted } from './pass-on.ts'
import { picked, REQUEST_HEADERS, RESPONSE_HEADERS } from '../in-dialog/relayed-requests.ts'
import { RequestRefused } from './request-refused.ts'
import type { Schedule } from '../start/schedule.ts'
import { paramOf, uriOf, listOf } from '../headers/sip-fields.ts'
import type { Signaling } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import { SUBSCRIPTION_LIMITS, type SubscriptionLimits } from './subscription-limits.ts'
import { Subscription } from './subscription.ts'
import type { Way } from '../invitation/ways.ts'
import type { AskingParts } from './who-asks.ts'

/**
 * SUBSCRIBE outside calls (RFC 6665): from a phone or trunk of a customer to a user of the same customer. We are notifier to the
 * one and subscriber to the other, a dialog each; what they say of the event passes as it is. One phone of the user is subscribed
 * to, the first in order of preference that agrees.
 */
export class Subscriptions {
  readonly #signaling: Signaling
  readonly #parts: AskingParts
  readonly #schedule: Schedule
  readonly #limits: SubscriptionLimits
  /** By Call-ID and the subscriber's tag, of either dialog. */
  readonly #bySubscriber = new Map<string, Subscription>()
  readonly #byNotifier = new Map<string, Subscription>()
  readonly #countOf = new Map<string, number>()

  constructor(signaling: Signaling, parts: AskingParts, schedule: Schedule, limits: Partial<SubscriptionLimits> = {}) {
    this.#signaling = signaling
    this.#parts = parts
    this.#schedule = schedule
    this.#limits = { ...SUBSCRIPTION_LIMITS, ...limits }
  }

  get size(): number {
    return this.#bySubscriber.size
  }

  /** A SUBSCRIBE outside a dialog, or in one of ours; throws RequestRefused for one that is not passed on. */
  async subscribe(req: SipRequest, res: SipResponse): Promise<void> {
    const key = dialogKey(req, 'From')
    const known = this.#bySubscriber.get(key)
    if (paramOf(req.get('To') ?? '', 'tag') === '') {
      if (known) throw new RequestRefused(491, 'Request Pending')
      await this.#begin(key, req, res)
    } else if (known) await known.refresh(req, res, this.#expiresOf(req))
    else throw new RequestRefused(481, 'Subscription Does Not Exist')
  }

  /** A NOTIFY of a subscription of ours; throws RequestRefused for any other. */
  async notify(req: SipRequest, res: SipResponse): Promise<void> {
    const known = this.#byNotifier.get(dialogKey(req, 'To'))
    if (!known) throw new RequestRefused(481, 'Subscription Does Not Exist')
    await known.notify(req, res)
  }

  /** Ends them all: their subscribers may come again later. Waits no longer than a moment for those that are gone. */
  async close(): Promise<void> {
    const { closeMs, retryAfterS } = this.#limits
    const all = [...this.#bySubscriber.values()]
    if (all.length === 0) return
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.#schedule.after(closeMs, resolve)
    const reason = `probation;retry-after=${retryAfterS}`
    await Promise.race([late, Promise.all(all.map((each) => each.end(reason)))])
    cancel()
  }

  async #begin(key: string, req: SipRequest, res: SipResponse): Promise<void> {
    const admitted = admit(req, this.#parts)
    if (!isPassed(packageOf(req.get('Event')))) throw new RequestRefused(489, 'Bad Event', ALLOW_EVENTS)
    const asked = this.#expiresOf(req)
    const contact = listOf(req.get('Contact'))[0]
    if (contact === undefined) throw new RequestRefused(400, 'Missing Contact')
    if (this.#parts.trunks.isCarrier(uriOf(contact))) throw new RequestRefused(403, 'Forbidden')
    if (admitted.groups.length === 0) throw new RequestRefused(480, 'Temporarily Unavailable')
    const subscriber = admitted.asker.key
    const ofOne = this.#countOf.get(subscriber) ?? 0
    if (this.size >= this.#limits.max || ofOne >= this.#limits.maxOfOne)
      throw new RequestRefused(503, 'Too Many Subscriptions', { 'Retry-After': '60' })

    let notifierKey = ''
    const subscription = new Subscription(this.#signaling, this.#schedule, this.#limits, () => {
      this.#bySubscriber.delete(key)
      this.#byNotifier.delete(notifierKey)
      const left = this.#countOf.get(subscriber)! - 1
      if (left === 0) this.#countOf.delete(subscriber)
      else this.#countOf.set(subscriber, left)
    })
    this.#bySubscriber.set(key, subscription)
    this.#countOf.set(subscriber, ofOne + 1)
    const onSent = (sent: SipRequest): void => {
      this.#byNotifier.delete(notifierKey)
      notifierKey = dialogKey(sent, 'From')
      // Its NOTIFY may come before its answer.
      if (!subscription.isOver) this.#byNotifier.set(notifierKey, subscription)
    }
    const answer = await this.#askInTurn(req, admitted, asked, subscription, onSent)
    if (answer === null || answer.status >= 300 || !answer.stackDialogId) {
      subscription.forget()
      const headers = answer === null ? {} : picked(answer, RESPONSE_HEADERS)
      return res.send(heardStatus(answer !== null && answer.status < 300 ? null : answer), { headers })
    }
    await subscription.establish(req, res, answer, asked)
  }

  /** One phone after the other, until one agrees or time is up. */
  async #askInTurn(
    req: SipRequest,
    { groups, headers: identity }: Admitted,
    asked: number | null,
    subscription: Subscription,
    onSent: (sent: SipRequest) => void,
  ): Promise<SipResponse | null> {
    const headers = {
      ...picked(req, REQUEST_HEADERS),
      ...(asked !== null && { Expires: String(asked) }),
      ...identity,
    }
    const send = (way: Way): Promise<SipResponse> =>
      this.#signaling.ask(
        way.uri,
        {
          method: 'SUBSCRIBE',
          headers: { ...headers, ...way.headers },
          body: req.body,
          ...(way.proxy && { proxy: way.proxy }),
        },
        onSent,
      )
    const { promise: late, resolve } = Promise.withResolvers<null>()
    const cancel = this.#schedule.after(this.#limits.answerMs, () => {
      subscription.forget()
      resolve(null)
    })
    let best: SipResponse | null = null
    for (const way of groups.flat()) {
      const asking = sendTo(way, send)
      const answer = await Promise.race([asking, late])
      if (subscription.isOver) {
        void asking.then((tooLate) => this.#unsubscribe(req, tooLate))
        break
      }
      best = better(best, answer)
      if (best !== null && (best.status < 300 || best.status >= 600)) break
    }
    cancel()
    return best
  }

  /** It agreed when nobody waited any more. */
  #unsubscribe(req: SipRequest, answer: SipResponse | null): void {
    if (answer === null || answer.status >= 300 || !answer.stackDialogId) return
    const headers = { Event: req.get('Event') ?? '', Expires: '0' }
    this.#signaling.askInDialog(answer.stackDialogId, { method: 'SUBSCRIBE', headers }).catch(() => {})
  }

  /** Seconds asked for, within our limits; null: none were named. Throws RequestRefused for too few (RFC 6665 §4.2.1.1). */
  #expiresOf(req: SipRequest): number | null {
    const text = req.get('Expires')?.trim()
    if (text === undefined) return null
    if (!/^\d{1,10}$/.test(text)) throw new RequestRefused(400, 'Malformed Expires')
    const { minExpiresS, maxExpiresS } = this.#limits
    const seconds = Number(text)
    if (seconds > 0 && seconds < minExpiresS)
      throw new RequestRefused(423, 'Interval Too Brief', { 'Min-Expires': String(minExpiresS) })
    return Math.min(seconds, maxExpiresS)
  }
}

/** The name of a subscription's dialog: its Call-ID and its subscriber's tag. */
function dialogKey(req: SipRequest, subscriber: 'From' | 'To'): string {
  return `${req.get('Call-ID') ?? ''};${paramOf(req.get(subscriber) ?? '', 'tag')}`
}
