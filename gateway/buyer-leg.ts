import type { DialogState } from '../model/cdr.ts'
import type { Leg } from './leg.ts'
import { mediaWarning } from './headers/media-warning.ts'
import { listOf, paramOf, uriOf } from './headers/sip-fields.ts'
import { ABILITIES } from './headers/sip-methods.ts'
import type { Signaling } from './srf.ts'
import { isSipFailure, type SipDialog, type SipRequest, type SipResponse } from './srf/srf-types.ts'

/** How ringing one target came out. */
export type RingResult =
  | { readonly kind: 'answered'; readonly leg: BuyerLeg; readonly sdp: string }
  /** `response` is the answer itself, when there was one. */
  | { readonly kind: 'rejected'; readonly status: number; readonly response: SipResponse | null }
  | { readonly kind: 'no-answer' }
  | { readonly kind: 'caller-gone' }

export interface RingOptions {
  readonly uri: string
  readonly headers: Record<string, string>
  readonly sdp: string
  readonly proxy?: string
  readonly auth?: { username: string; password: string }
  readonly ringTimeoutMs: number
  /** Given up on earlier when nothing above 100 has come by then. */
  readonly silenceMs?: number
  /** The caller's giving up: the INVITE is cancelled and no further one is sent. */
  readonly gone: AbortSignal
  /** Why the caller gave up, as the CANCEL may say it (RFC 3326). */
  readonly goneReason: () => string | null
  /** Each INVITE that goes out, of every phone that is rung. */
  readonly onInvite: (sipCallId: string) => void
  /** The first of them. */
  readonly onSent: (sipCallId: string) => void
  /** An offer of the target before its answer, in an UPDATE (RFC 3311); rejects when it cannot be served. */
  readonly onEarlyOffer: (offer: string) => Promise<unknown>
  /** A provisional answer above 100. */
  readonly onProgress: (status: number, sdp: string | null) => void
}

/** Q.850 §2.2.5: the user has been alerted, and has not answered within the prescribed time. */
const NO_ANSWER = 'Q.850;cause=19;text="no answer"'

/**
 * Sends the INVITE to a target and waits for its final answer, the ring timeout or the caller's giving up, whichever is
 * first. An attempt given up on is cancelled and left to end by itself: if its 200 crosses our CANCEL it is hung up
 * (RFC 3261 §9.1, §15).
 */
export function ring(signaling: Signaling, options: RingOptions): Promise<RingResult> {
  return new Promise((resolve) => {
    let sent: SipRequest | null = null
    let settled = false
    let cancelled = false
    let reason: string | null = null
    /** Of a reliable 18x: then the 200 need not say it again (RFC 3262 §5). */
    let reliableSdp = ''

    const settle = (result: RingResult): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      clearTimeout(silence)
      options.gone.removeEventListener('abort', onGone)
      resolve(result)
    }
    const cancel = (request: SipRequest): void =>
      request.cancel(reason === null ? {} : { headers: { Reason: reason } }, () => {})
    const giveUp = (result: RingResult, why: string | null): void => {
      cancelled = true
      reason = why
      if (sent) cancel(sent) // It may have been answered meanwhile: then the BYE below ends it.
      settle(result)
    }
    const onGone = (): void => giveUp({ kind: 'caller-gone' }, options.goneReason())
    const timer = setTimeout(() => giveUp({ kind: 'no-answer' }, NO_ANSWER), options.ringTimeoutMs)
    const silence =
      options.silenceMs !== undefined && options.silenceMs < options.ringTimeoutMs
        ? setTimeout(() => giveUp({ kind: 'no-answer' }, NO_ANSWER), options.silenceMs)
        : undefined
    options.gone.addEventListener('abort', onGone, { once: true })
    if (options.gone.aborted) return onGone()

    signaling
      .createUAC(
        options.uri,
        {
          localSdp: options.sdp,
          headers: options.headers,
          ...(options.proxy && { proxy: options.proxy }),
          ...(options.auth && { auth: options.auth }),
        },
        {
          cbRequest(error, request) {
            if (error || !request) return // createUAC rejects with the same error.
            sent = request
            const sipCallId = request.get('Call-ID') ?? ''
            options.onInvite(sipCallId)
            options.onSent(sipCallId)
            if (cancelled) cancel(request)
            queueMicrotask(() => takeUpdates(request, options)) // After drachtio-srf has put its own listener there.
          },
          cbProvisional(response) {
            clearTimeout(silence)
            if (response.body && response.has('RSeq')) reliableSdp = response.body
            // 199 only says that one of several branches has ended (RFC 6228); the others go on.
            if (!settled && response.status > 100 && response.status !== 199)
              options.onProgress(response.status, bodyOf(response))
          },
        },
      )
      .then(
        (dialog) => {
          if (settled)
            void dialog.destroy().catch(() => {}) // 200 and CANCEL crossed.
          else settle({ kind: 'answered', leg: new BuyerLeg(dialog), sdp: dialog.remote.sdp || reliableSdp })
        },
        (error: unknown) => {
          if (isSipFailure(error) && error.res && sent) hangUpUnusable(signaling, options, sent, error.res)
          if (isSipFailure(error)) settle({ kind: 'rejected', status: error.status, response: error.res ?? null })
          else settle({ kind: 'rejected', status: 503, response: null })
        },
      )
  })
}

/** drachtio-srf answers an early UPDATE with our offer, unread: here its offer is heard, and one without an offer gets none. */
function takeUpdates(request: SipRequest, { sdp, onEarlyOffer }: RingOptions): void {
  request.removeAllListeners('update')
  request.on('update', (update: SipRequest, answer: SipResponse) => {
    if (!update.body) return answer.send(200, { headers: ABILITIES })
    onEarlyOffer(update.body).then(
      () => answer.send(200, { headers: ABILITIES, body: sdp }),
      (error: unknown) => answer.send(488, { headers: mediaWarning(error) }),
    )
  })
}

/** A 2xx without a Contact, or other than 200, makes no dialog here; but it was acknowledged, and the phone is off the hook. */
function hangUpUnusable(signaling: Signaling, options: RingOptions, sent: SipRequest, answer: SipResponse): void {
  if (answer.status < 200 || answer.status > 299) return
  const headers = {
    'Call-ID': sent.get('Call-ID') ?? '',
    From: sent.get('From') ?? '',
    To: answer.get('To') ?? '',
    CSeq: `${Number.parseInt(sent.get('CSeq') ?? '1', 10) + 1} BYE`,
  }
  const proxy = options.proxy && { proxy: options.proxy }
  signaling.request(options.uri, { method: 'BYE', headers, ...proxy }).catch(() => {})
}

function bodyOf(response: SipResponse): string | null {
  return response.body ? response.body : null
}

/** The outbound dialog of an answered target: we are the UAC. */
export class BuyerLeg implements Leg {
  readonly dialog: SipDialog

  constructor(dialog: SipDialog) {
    this.dialog = dialog
  }

  get sourceAddress(): string {
    return this.dialog.res.source_address
  }

  async hangUp(headers: Record<string, string> = {}): Promise<void> {
    await this.dialog.destroy({ headers }).catch(() => {}) // Gone already: the BYEs crossed.
  }

  /** RFC 3261 §12.1.2: enough for a BYE after a crash. */
  state(): DialogState {
    const { req, res, sip } = this.dialog
    const from = req.get('From') ?? ''
    const to = res.get('To') ?? ''
    const contact = listOf(res.get('Contact'))[0]
    return {
      callId: sip.callId,
      localUri: uriOf(from),
      localTag: paramOf(from, 'tag'),
      remoteUri: uriOf(to),
      remoteTag: paramOf(to, 'tag'),
      remoteTarget: contact ? uriOf(contact) : uriOf(to),
      routeSet: listOf(res.get('Record-Route')).map(uriOf).toReversed(),
      localCSeq: Number.parseInt(req.get('CSeq') ?? '1', 10),
    }
  }
}
