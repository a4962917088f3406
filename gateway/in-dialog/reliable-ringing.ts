import { listOf } from '../headers/sip-fields.ts'
import { forgetPrack } from '../srf.ts'
import type { SendOptions, SipRequest, SipResponse } from '../srf/srf-types.ts'

/** A provisional answer to be sent. */
interface Provisional {
  readonly status: number
  readonly reason: string
  readonly options: () => SendOptions
}

/** How long we wait for a PRACK: 64·T1, when the server refuses the INVITE for want of it (RFC 3262 §3), and a little. */
const PRACK_WAIT_MS = 33_000

/** Whether provisional answers to this INVITE must, or may, be sent reliably (RFC 3262 §3). */
export function wantsReliability(invite: SipRequest, whenSupported: boolean): boolean {
  return has(invite, 'Require') || (whenSupported && has(invite, 'Supported'))
}

function has(invite: SipRequest, header: string): boolean {
  const value = invite.get(header)
  return value !== undefined && listOf(value).some((option) => option.toLowerCase() === '100rel')
}

/**
 * Reliable provisional answers (RFC 3262): one on its way at a time; of those that come up meanwhile only the last is sent, since it
 * says how things stand. No 2xx may overtake a description that is not acknowledged: `settled` tells when.
 */
export class ReliableRinging {
  readonly #res: SipResponse
  readonly #answerOffer: (prack: SipRequest) => Promise<void>
  #waiting: Provisional | null = null
  #onTheWay = false
  #isClosed = false
  #settle: (() => void) | null = null
  #timer: NodeJS.Timeout | undefined

  /** `answerOffer` answers a PRACK that brings an offer; it is told in time to claim it. */
  constructor(res: SipResponse, answerOffer: (prack: SipRequest) => Promise<void>) {
    this.#res = res
    this.#answerOffer = answerOffer
  }

  /** `options` is asked when it goes out, which may be never. */
  send(status: number, reason: string, options: () => SendOptions): void {
    const provisional = { status, reason, options }
    if (this.#onTheWay) this.#waiting = provisional
    else this.#sendNow(provisional)
  }

  /** Resolves when nothing is unacknowledged, or the PRACK did not come in time. Nothing more is sent then. */
  async settled(): Promise<void> {
    this.#waiting = null
    if (!this.#onTheWay) return
    await new Promise<void>((resolve) => {
      this.#settle = resolve
      this.#timer = setTimeout(resolve, PRACK_WAIT_MS)
    })
    clearTimeout(this.#timer)
  }

  /** The INVITE has its final answer: no PRACK is waited for. Again is no error. */
  close(): void {
    this.#isClosed = true
    this.#waiting = null
    if (this.#onTheWay) forgetPrack(this.#res)
    this.#settle?.()
  }

  #sendNow({ status, reason, options: make }: Provisional): void {
    this.#onTheWay = true
    const options = make()
    const headers = { ...options.headers, Require: '100rel' }
    const failed = (error: unknown): void => {
      if (error) this.#acknowledged()
      // drachtio-srf begins to wait only now that it knows how the answer went out.
      else if (this.#isClosed) queueMicrotask(() => forgetPrack(this.#res))
    }
    this.#res.send(status, reason, { ...options, headers }, failed, (prack) => {
      if (prack.body) void this.#answerOffer(prack).then(() => this.#acknowledged())
      else this.#acknowledged()
    })
  }

  #acknowledged(): void {
    this.#onTheWay = false
    const next = this.#waiting
    this.#waiting = null
    if (next) this.#sendNow(next)
    else this.#settle?.()
  }
}
