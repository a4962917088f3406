import { setImmediate } from 'node:timers/promises'
import { ALLOW_EVENTS, isTerminated } from './event-packages.ts'
import { isDialogGone } from '../in-dialog/dialog-gone.ts'
import { heardStatus } from './pass-on.ts'
import { picked, REQUEST_HEADERS, RESPONSE_HEADERS } from '../in-dialog/relayed-requests.ts'
import type { Schedule } from '../start/schedule.ts'
import type { Signaling } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import type { SubscriptionLimits } from './subscription-limits.ts'

/** One subscription that passes through us: the subscriber's dialog, in which we are the notifier, and the notifier's, in which we subscribe. */
export class Subscription {
  isOver = false
  readonly #signaling: Signaling
  readonly #schedule: Schedule
  readonly #limits: SubscriptionLimits
  readonly #onOver: () => void
  /** The subscriber's dialog, once it has our 2xx; '' when none came of it. NOTIFYs that are faster wait. */
  readonly #established = Promise.withResolvers<string>()
  #notifierDialog = ''
  #event = ''
  #openNotifies = 0
  #cancelTimer = (): void => {}

  constructor(signaling: Signaling, schedule: Schedule, limits: SubscriptionLimits, onOver: () => void) {
    this.#signaling = signaling
    this.#schedule = schedule
    this.#limits = limits
    this.#onOver = onOver
  }

  /** The phone has agreed with `answer`: so do we. `asked`: seconds. */
  async establish(req: SipRequest, res: SipResponse, answer: SipResponse, asked: number | null): Promise<void> {
    this.#notifierDialog = answer.stackDialogId ?? ''
    this.#event = req.get('Event') ?? ''
    const granted = this.#grantedBy(answer, asked)
    const headers = { ...picked(answer, RESPONSE_HEADERS), Expires: String(granted), ...ALLOW_EVENTS }
    try {
      const dialog = await this.#signaling.accept(res, answer.status === 202 ? 202 : 200, { headers })
      this.#arm(granted)
      this.#established.resolve(dialog)
    } catch {
      // The subscriber's connection is gone.
      this.#unsubscribe()
      this.forget()
    }
  }

  /** The subscriber's SUBSCRIBE in its dialog: a refresh, or the end with `asked` 0. */
  async refresh(req: SipRequest, res: SipResponse, asked: number | null): Promise<void> {
    const expires = asked === null ? {} : { Expires: String(asked) }
    const headers = { ...picked(req, REQUEST_HEADERS), ...expires }
    const answer = await this.#ask(this.#notifierDialog, 'SUBSCRIBE', headers, req.body)
    if (answer !== null && answer.status < 300) {
      const granted = this.#grantedBy(answer, asked)
      this.#arm(granted)
      return res.send(answer.status === 202 ? 202 : 200, {
        headers: { ...picked(answer, RESPONSE_HEADERS), Expires: String(granted) },
      })
    }
    const isGone = answer === null || isDialogGone(answer.status)
    if (isGone) this.forget()
    // RFC 6665 §4.1.2.2: 481 has the subscriber begin anew, perhaps with another phone.
    res.send(isGone ? 481 : heardStatus(answer), { headers: answer === null ? {} : picked(answer, RESPONSE_HEADERS) })
  }

  /** The notifier's NOTIFY, for the subscriber. */
  async notify(req: SipRequest, res: SipResponse): Promise<void> {
    if (this.#openNotifies >= this.#limits.maxOpenNotifies)
      return res.send(503, 'Too Many Notifies', { headers: { 'Retry-After': '1' } })
    this.#openNotifies++
    const dialog = await this.#established.promise
    await setImmediate() // The answer to a SUBSCRIBE that was read with it goes first.
    const answer = dialog === '' ? null : await this.#ask(dialog, 'NOTIFY', picked(req, REQUEST_HEADERS), req.body)
    this.#openNotifies--
    const isGone = answer === null || isDialogGone(answer.status)
    // RFC 6665 §4.2.2: the notifier that hears 481 ends the subscription.
    res.send(isGone ? 481 : heardStatus(answer), { headers: answer === null ? {} : picked(answer, RESPONSE_HEADERS) })
    if (isGone || isTerminated(req.get('Subscription-State'))) this.forget()
  }

  /** Ends it towards both sides, once it is up; `reason` as in Subscription-State. Never rejects. */
  async end(reason: string): Promise<void> {
    const subscriber = await this.#established.promise
    if (this.isOver) return
    this.forget()
    this.#unsubscribe()
    const headers = { Event: this.#event, 'Subscription-State': `terminated;reason=${reason}` }
    await this.#ask(subscriber, 'NOTIFY', headers)
  }

  /** Nothing passes any more. The SIP server forgets the dialogs with the time that was granted. */
  forget(): void {
    if (this.isOver) return
    this.isOver = true
    this.#cancelTimer()
    this.#established.resolve('')
    this.#onOver()
  }

  #unsubscribe(): void {
    void this.#ask(this.#notifierDialog, 'SUBSCRIBE', { Event: this.#event, Expires: '0' })
  }

  #grantedBy(answer: SipResponse, asked: number | null): number {
    const said = Number.parseInt(answer.get('Expires') ?? '', 10)
    return Math.min(Number.isNaN(said) ? (asked ?? Infinity) : said, asked ?? Infinity, this.#limits.maxExpiresS)
  }

  /** RFC 6665 §4.2.2: who grants time says when it is over. */
  #arm(seconds: number): void {
    this.#cancelTimer()
    if (this.isOver) return
    const waitMs = seconds * 1000 + this.#limits.graceMs
    this.#cancelTimer = this.#schedule.after(waitMs, () => void this.end('timeout'))
  }

  /** Null: it could not be sent, or nobody answered it. */
  #ask(dialog: string, method: string, headers: Record<string, string>, body?: string): Promise<SipResponse | null> {
    return this.#signaling.askInDialog(dialog, { method, headers, body }).catch(() => null)
  }
}
