import { EventEmitter } from 'node:events'
import type { DialogState } from '../model/cdr.ts'
import type { CallId } from '../model/ids.ts'
import { systemRandom } from '../model/random.ts'
import type { Leg } from './leg.ts'
import { mediaWarning } from './headers/media-warning.ts'
import { passableReason } from './headers/reason-header.ts'
import { ReliableRinging, wantsReliability } from './in-dialog/reliable-ringing.ts'
import { sessionAnswer } from './in-dialog/session-timer.ts'
import { fieldsOf, listOf, paramOf, uriOf } from './headers/sip-fields.ts'
import { ABILITIES } from './headers/sip-methods.ts'
import { claimPrack, type Signaling } from './srf.ts'
import type { SendOptions, SipDialog, SipRequest, SipResponse } from './srf/srf-types.ts'

/** The CANCEL as drachtio-srf hands it over. */
interface Cancel {
  get(name: string): string | undefined
}

/**
 * What the caller hears: 487 for a CANCEL (RFC 3261 §9.2), which is the server's affair unless it leaves it to us. One without Via was sent by
 * nobody: our server gave the INVITE up (no PRACK came, or no answer of ours), and its Reason says with what.
 */
function heardAfter(cancel: Cancel | undefined): number {
  if (!cancel || cancel.get('Via')) return 487
  return Number(/^SIP;cause=([3-6]\d\d)\b/.exec(cancel.get('Reason') ?? '')?.[1] ?? 487)
}

/** What the operator has decided about answering callers. */
export interface CallerLegPolicies {
  /** 18x are sent reliably to whoever can take them so, not only to whoever insists (RFC 3262). */
  readonly reliableWhenSupported: boolean
  /** The SIP server leaves the 487 to a cancelled INVITE to us; any other has said it when we hear of the CANCEL. */
  readonly answersCancelled: boolean
  /** Seconds; 0: no session timers (RFC 4028). */
  readonly sessionExpiresS: number
}

const PLAIN: CallerLegPolicies = { reliableWhenSupported: false, answersCancelled: false, sessionExpiresS: 0 }

/**
 * The inbound dialog: we are the UAS. Created from the INVITE, it rings, refuses or accepts, and turns a CANCEL into an
 * aborted `gone` signal that every awaited step of the call receives.
 */
export class CallerLeg extends EventEmitter<{ cancelled: [] }> {
  readonly #signaling: Signaling
  readonly #ringing: ReliableRinging | null
  readonly #sessionExpiresS: number
  readonly #req: SipRequest
  readonly #res: SipResponse
  readonly #gone = new AbortController()
  /** Ours from the first response on, so that the dialog can be written down before it is confirmed. */
  readonly localTag = Buffer.from(systemRandom.bytes(8)).toString('hex')
  #dialog: SipDialog | null = null
  #finalStatus: number | null = null
  #cancelReason: string | null = null
  #told: string | null = null
  /** The caller has made another offer meanwhile, and had its answer (RFC 3311, RFC 3262 §5). */
  #isRenewed = false
  #named: Record<string, string> = {}
  #answerEarlyOffer: ((offer: string) => Promise<string>) | null = null

  constructor(signaling: Signaling, req: SipRequest, res: SipResponse, policies: CallerLegPolicies = PLAIN) {
    super()
    this.#signaling = signaling
    this.#req = req
    this.#res = res
    this.#ringing = wantsReliability(req, policies.reliableWhenSupported)
      ? new ReliableRinging(res, (prack) => this.#onPrackOffer(prack))
      : null
    this.#sessionExpiresS = policies.sessionExpiresS
    req.on('update', (update: SipRequest, answer: SipResponse) => void this.#onEarlyUpdate(update, answer))
    req.on('cancel', (cancel?: Cancel) => {
      this.#cancelReason = passableReason(cancel?.get('Reason'))
      this.#finalStatus = heardAfter(cancel)
      this.#ringing?.close()
      if (policies.answersCancelled && this.#finalStatus === 487) this.#res.send(487, { headers: this.#tagged() })
      this.#gone.abort()
      this.emit('cancelled')
    })
  }

  /** Aborted when the caller gives up before the answer. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }
  /** The INVITE itself, for whoever checks its credentials. */
  get request(): SipRequest {
    return this.#req
  }
  get sourceAddress(): string {
    return this.#req.source_address
  }
  get sourcePort(): number {
    return this.#req.source_port
  }
  get transport(): string {
    return this.#req.protocol
  }
  get sipCallId(): string {
    return this.#req.get('Call-ID') ?? ''
  }
  get requestUri(): string {
    return this.#req.uri
  }
  get toUri(): string {
    return uriOf(this.#req.get('To') ?? '')
  }
  /** Who the carrier says is calling: P-Asserted-Identity (RFC 3325), else From. */
  get identityUris(): readonly string[] {
    const asserted = listOf(this.#req.get('P-Asserted-Identity')).map(uriOf)
    return asserted.length > 0 ? asserted : [uriOf(this.#req.get('From') ?? '')]
  }
  /** Its offer; null when it leaves that to us (RFC 3261 §13.2.1). */
  get offer(): string | null {
    return this.#req.body || null
  }
  /** Any header, its fields joined by comma. */
  header(name: string): string | undefined {
    return this.#req.get(name)
  }
  /** The same one by one, to hand on. */
  fields(name: string): string[] {
    const value = this.#req.get(name)
    if (!value) return []
    return value.includes(',') ? fieldsOf(this.#req.raw, name) : [value]
  }
  /** All of them by name, the fields of one name joined by comma. */
  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#req.headers
  }
  /** The Reason of its CANCEL, fit to be passed on (RFC 3326). */
  get cancelReason(): string | null {
    return this.#cancelReason
  }
  /** The final status the INVITE got; null while there is none. */
  get finalStatus(): number | null {
    return this.#finalStatus
  }
  get dialog(): SipDialog | null {
    return this.#dialog
  }

  /** From now on every answer tells the carrier by which id to ask for this call, and carries `headers`. */
  nameCall(id: CallId, headers: Record<string, string> = {}): void {
    this.#named = { 'X-DCE-Call-ID': id, ...headers }
  }

  /** The last answer of ours that it has had, before anybody else answered; null while there is none. */
  get told(): string | null {
    return this.#told
  }

  /** 180 or 183, with SDP when there is early media. After a final answer it does nothing. */
  ringing(status: number, reason: string, sdp: string | null): void {
    if (this.#finalStatus !== null) return
    // A reliable answer would have to bring our offer (RFC 3262 §5), an unreliable one must not (RFC 3261 §13.2.1): it waits for the 200.
    if (this.offer === null && this.#ringing) return
    const body = this.offer === null ? null : sdp
    const options = (): SendOptions => {
      // After an offer of the caller's own in between, what answers its first one says nothing any more.
      if (body === null || this.#isRenewed) return { headers: this.#tagged() }
      this.#told = body
      return { headers: this.#tagged(), body }
    }
    if (this.#ringing) this.#ringing.send(status, reason, options)
    else this.#res.send(status, reason, options())
  }

  /** Takes offers of its own from now on, until it is joined with somebody (RFC 3311): `answer` makes ours, or rejects. */
  onEarlyOffer(answer: (offer: string) => Promise<string>): void {
    this.#answerEarlyOffer = answer
  }

  async #onEarlyUpdate(update: SipRequest, answer: SipResponse): Promise<void> {
    const headers = { ...sessionAnswer(update, this.#sessionExpiresS), ...ABILITIES }
    if (!update.body) return answer.send(200, { headers })
    // RFC 3311 §5.2: our answer to its first offer is still to come.
    if (this.#told === null || !this.#answerEarlyOffer) return answer.send(500, { headers: { 'Retry-After': '2' } })
    await this.#answerOffer(this.#answerEarlyOffer, update.body, answer, headers)
  }

  /** RFC 3262 §5: the 200 to a PRACK answers the offer in it. The PRACK counts, whatever becomes of that. */
  async #onPrackOffer(prack: SipRequest): Promise<void> {
    const answer = claimPrack(prack)
    if (this.#told === null || !this.#answerEarlyOffer) return answer.send(488)
    await this.#answerOffer(this.#answerEarlyOffer, prack.body ?? '', answer, {})
  }

  async #answerOffer(
    make: (offer: string) => Promise<string>,
    offer: string,
    answer: SipResponse,
    headers: Record<string, string>,
  ): Promise<boolean> {
    try {
      const body = await make(offer)
      this.#told = body
      this.#isRenewed = true
      answer.send(200, { headers, body })
      return true
    } catch (error) {
      answer.send(488, { headers: mediaWarning(error) })
      return false
    }
  }

  /** It left the offer to us and has answered it: whoever is rung is offered what it has said. */
  heardAnswer(answer: string): void {
    this.#told = answer
  }

  /** A re-INVITE or an UPDATE, once accepted and not yet joined with anybody. Resolves to its offer, if that has been agreed; else to null. */
  async onReoffer(req: SipRequest, res: SipResponse): Promise<string | null> {
    const headers = { ...sessionAnswer(req, this.#sessionExpiresS), ...ABILITIES }
    if (!req.body) {
      if (req.method === 'INVITE')
        res.send(491) // It asks for our offer: it is sent again (RFC 3261 §14.1).
      else res.send(200, { headers })
      return null
    }
    const isAgreed = await this.#answerOffer(this.#answerEarlyOffer!, req.body, res, headers)
    if (!isAgreed) return null
    this.#dialog!.local.sdp = this.#told!
    return req.body
  }

  /** A final refusal, 3xx to 6xx. After a final answer it does nothing. */
  refuse(status: number, reason: string | undefined, headers: Record<string, string>): void {
    if (this.#finalStatus !== null) return
    this.#finalStatus = status
    this.#ringing?.close()
    this.#res.send(status, reason, { headers: { ...this.#tagged(), ...headers } })
  }

  /** The SIP server has lost us, and refuses what we had not answered. False: it was answered already. */
  lose(): boolean {
    if (this.#finalStatus !== null || this.#dialog !== null) return false
    this.#finalStatus = 503
    this.#ringing?.close()
    this.#gone.abort()
    return true
  }

  /** Sends the 200 with our answer. False when the caller's CANCEL got there first. */
  async accept(sdp: string): Promise<boolean> {
    if (this.#finalStatus !== null) return false
    await this.#ringing?.settled()
    this.#ringing?.close()
    if (this.#gone.signal.aborted) return false
    const session = sessionAnswer(this.#req, this.#sessionExpiresS)
    const headers = { ...this.#tagged(), ...session, ...ABILITIES }
    try {
      this.#dialog = await this.#signaling.createUAS(this.#req, this.#res, { localSdp: sdp, headers })
      if (this.#gone.signal.aborted) {
        void this.hangUp() // Their CANCEL came first by our clock, our 200 by the server's.
        return false
      }
      this.#finalStatus = 200
      this.#told = sdp
      return true
    } catch {
      this.#finalStatus ??= 487
      this.#gone.abort()
      return false
    }
  }

  /** Once accepted: what sits on a side of a bridge. */
  leg(): Leg {
    if (!this.#dialog) throw new Error('a leg is a caller that has been accepted')
    const hangUp = (headers?: Record<string, string>): Promise<void> => this.hangUp(headers)
    return { dialog: this.#dialog, sourceAddress: this.sourceAddress, hangUp, state: () => this.state() }
  }

  async hangUp(headers: Record<string, string> = {}): Promise<void> {
    await this.#dialog?.destroy({ headers }).catch(() => {}) // The dialog is gone already: the other side's BYE crossed ours.
  }

  /** The dialog as it is, or will be once accepted (RFC 3261 §12.1.1): enough for a BYE after a crash. */
  state(): DialogState {
    const from = this.#req.get('From') ?? ''
    const contact = listOf(this.#req.get('Contact'))[0]
    return {
      callId: this.sipCallId,
      localUri: this.toUri,
      localTag: this.localTag,
      remoteUri: uriOf(from),
      remoteTag: paramOf(from, 'tag'),
      remoteTarget: contact ? uriOf(contact) : uriOf(from),
      routeSet: listOf(this.#req.get('Record-Route')).map(uriOf),
      localCSeq: 0,
    }
  }

  #tagged(): Record<string, string> {
    return { To: `x;tag=${this.localTag}`, ...this.#named } // drachtio-srf takes the tag out of it and keeps the caller's To.
  }
}
