import type { EndReason, HungUpBy, LegSide } from '../model/call.ts'
import type { MediaSession } from '../media/media-server.ts'
import type { BuyerLeg } from './buyer-leg.ts'
import type { CallerLeg } from './caller-leg.ts'
import { isSipFailure, reinvite, relayableStatus, type SipDialog, type SipRequest, type SipResponse } from './srf.ts'

/** How an answered call ended, and when on the monotonic clock. */
export interface BridgeEnd {
  readonly reason: EndReason
  readonly hungUpBy: HungUpBy
  readonly atMonotonicMs: number
}

export interface BridgeOptions {
  readonly caller: CallerLeg
  readonly buyer: BuyerLeg
  readonly media: MediaSession
  readonly maxDurationMs: number
  readonly monotonicMs: () => number
}

/** Requests inside a dialog that mean something to the other side only, and are handed on as they are. */
const RELAYED = ['info', 'message', 'notify'] as const

/**
 * Joins two answered legs and their media. Relays re-INVITE, UPDATE, INFO, MESSAGE and NOTIFY; a BYE, an RTP timeout, the
 * longest call or `hangUp` ends both sides, and `ended` resolves exactly once with the first cause.
 */
export class Bridge {
  readonly #options: BridgeOptions
  readonly #timer: NodeJS.Timeout
  #resolve!: (end: BridgeEnd) => void
  #ended = false
  #renegotiating = false
  #acknowledged = false
  readonly ended: Promise<BridgeEnd>

  constructor(options: BridgeOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
    this.#timer = setTimeout(() => this.hangUp('max_duration', 'exchange'), options.maxDurationMs)
    const callerDialog = options.caller.dialog
    if (!callerDialog) throw new Error('a bridge needs an accepted caller')
    this.#watch('caller', callerDialog, options.buyer.dialog)
    this.#watch('buyer', options.buyer.dialog, callerDialog)
    callerDialog.once('ack', () => (this.#acknowledged = true))
    // A caller whose ACK never came is silent too: the record names the cause, not the symptom.
    options.media.once('rtpTimeout', () => this.hangUp(this.#acknowledged ? 'rtp_timeout' : 'ack_timeout', 'exchange'))
    options.media.once('failed', () => this.hangUp('internal_error', 'exchange'))
    options.media.established()
  }

  /** Ends both legs for a reason of ours. Idempotent: the first cause stands. */
  hangUp(reason: EndReason, by: HungUpBy): void {
    const headers = { Reason: `SIP;cause=200;text="${reason.replaceAll('_', ' ')}"` } // RFC 3326
    this.#finish({ reason, hungUpBy: by, atMonotonicMs: this.#options.monotonicMs() })
    void this.#options.caller.hangUp(headers)
    void this.#options.buyer.hangUp(headers)
  }

  #finish(end: BridgeEnd): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#resolve(end)
  }

  #watch(side: LegSide, dialog: SipDialog, other: SipDialog): void {
    if (!dialog.connected) return this.#legEnded(side, '') // It hung up before we were built.
    dialog.on('destroy', (_bye: SipRequest, reason: string) => this.#legEnded(side, reason))
    dialog.on('modify', (req: SipRequest, res: SipResponse) => void this.#renegotiate(side, dialog, other, req, res))
    dialog.on('update', (req: SipRequest, res: SipResponse) => void this.#renegotiate(side, dialog, other, req, res))
    dialog.on('refer', (_req: SipRequest, res: SipResponse) => res.send(603)) // Transfers are not offered here yet.
    for (const method of RELAYED)
      dialog.on(method, (req: SipRequest, res: SipResponse) => void this.#relay(method, other, req, res))
  }

  #legEnded(side: LegSide, reason: string): void {
    const atMonotonicMs = this.#options.monotonicMs()
    if (reason === 'ACK timeout') this.#finish({ reason: 'ack_timeout', hungUpBy: 'exchange', atMonotonicMs })
    else this.#finish({ reason: side === 'caller' ? 'caller_hung_up' : 'buyer_hung_up', hungUpBy: side, atMonotonicMs })
    void (side === 'caller' ? this.#options.buyer : this.#options.caller).hangUp()
  }

  /** One offer/answer exchange through both legs and the engine between them (RFC 3261 §14, RFC 3311, RFC 3264 §8). */
  async #renegotiate(
    side: LegSide,
    dialog: SipDialog,
    other: SipDialog,
    req: SipRequest,
    res: SipResponse,
  ): Promise<void> {
    if (!req.body) {
      // A refresh without an offer: what stands, stands. An INVITE must carry our description back (RFC 3261 §14.2).
      return res.send(200, req.method === 'INVITE' ? { body: dialog.local.sdp } : {})
    }
    if (this.#renegotiating) return res.send(491)
    this.#renegotiating = true
    try {
      const { media } = this.#options
      const offer = await media.reoffer(side, req.body)
      const answer = await media.reanswer(side, await reinvite(other, offer))
      dialog.local.sdp = answer
      res.send(200, { body: answer })
    } catch (error) {
      res.send(isSipFailure(error) && error.status >= 300 ? relayableStatus(error.status) : 488)
    } finally {
      this.#renegotiating = false
    }
  }

  async #relay(method: (typeof RELAYED)[number], other: SipDialog, req: SipRequest, res: SipResponse): Promise<void> {
    const headers: Record<string, string> = {}
    for (const name of ['Content-Type', 'Info-Package', 'Event', 'Subscription-State']) {
      const value = req.get(name)
      if (value) headers[name] = value
    }
    try {
      const answer = await other.request({ method: method.toUpperCase(), headers, body: req.body })
      res.send(relayableStatus(answer.status))
    } catch {
      res.send(481)
    }
  }
}
