import { parseNameAddr } from '../../gateway/sip-server/headers.ts'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { parseUri } from '../../gateway/sip-server/uri.ts'
import { Dialog } from './dialog.ts'
import { newTag } from './identifiers.ts'
import { Leg } from './leg.ts'
import type { LegHost } from './leg.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** A call that came. It has had its 100; everything else is the script's to say. What is said after its end does nothing. */
export class IncomingCall extends Leg {
  readonly invite: SipMessage
  readonly invitedAtMs = performance.now()
  readonly #transaction: ServerTransaction
  readonly #defaultSdp: string
  #state: 'offered' | 'answered' | 'refused' = 'offered'
  #resolveAcked!: (isAcked: boolean) => void
  /** Whether our 200 was acknowledged; false when the call ended before. */
  readonly acked: Promise<boolean>

  constructor(host: LegHost, transaction: ServerTransaction, defaultSdp: string) {
    super(host, transaction.request.callId, newTag())
    this.#transaction = transaction
    this.#defaultSdp = defaultSdp
    this.invite = transaction.request
    this.remoteSdp = this.invite.body
    this.acked = new Promise((resolve) => (this.#resolveAcked = resolve))
    this.dialog = Dialog.asCallee(this.invite, this.localTag, transaction.source)
    transaction.onCancel = (cancel) => this.#cancelled(cancel)
    transaction.onAckLost = () => this.#ackLost()
    transaction.respond(100)
  }

  get isAnswered(): boolean {
    return this.#state === 'answered'
  }

  /** The dialled user: that of the Request-URI. */
  get to(): string {
    return parseUri(this.invite.requestUri)?.user ?? ''
  }

  /** The user of the From; `''` when it has none. */
  get from(): string {
    return parseUri(parseNameAddr(this.invite.get('from')!)?.uri ?? '')?.user ?? ''
  }

  /** 180. */
  ring(): void {
    if (this.#state === 'offered') this.#transaction.respond(180, this.#parts())
  }

  /** 183 with SDP. */
  earlyMedia(sdp: string = this.#defaultSdp): void {
    if (this.#state !== 'offered') return
    this.localSdp = sdp
    this.#transaction.respond(183, { ...this.#parts(), body: sdp })
  }

  /** 200 with SDP; `''` for none. */
  accept(
    sdp: string = this.localSdp === '' ? this.#defaultSdp : this.localSdp,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    if (this.#state !== 'offered') return
    this.#state = 'answered'
    this.localSdp = sdp
    this.#transaction.respond(
      200,
      sdp === '' ? { ...this.#parts(), headers } : { ...this.#parts(), headers, body: sdp },
    )
  }

  /** A final refusal, 300 to 699. */
  reject(status: number, reason?: string, headers: Readonly<Record<string, string>> = {}): void {
    if (this.#state !== 'offered') return
    this.#state = 'refused'
    // A Contact of a refusal says where else to call (§20.10): only the script's own.
    const parts = { toTag: this.localTag, headers }
    this.#transaction.respond(status, reason === undefined ? parts : { ...parts, reason })
    this.finish('rejected', null)
  }

  /** BYE once answered, 486 before. Resolves when it has been answered. */
  async hangUp(reason?: string): Promise<void> {
    if (this.isEnded) return
    if (this.#state === 'answered') return this.bye(reason ?? null)
    this.reject(486)
  }

  override handleAck(ack: SipMessage): void {
    super.handleAck(ack)
    if (ack.cseq !== this.invite.cseq) return
    this.#transaction.acknowledged()
    if (this.remoteSdp === '') this.remoteSdp = ack.body
    this.#resolveAcked(true)
  }

  override abandon(): void {
    this.#state = 'refused'
    super.abandon()
  }

  protected override finish(...end: Parameters<Leg['finish']>): void {
    this.#resolveAcked(false)
    // Nobody will acknowledge a call that is over.
    if (this.#state === 'answered') this.#transaction.acknowledged()
    super.finish(...end)
  }

  #parts(): { toTag: string; contact: string } {
    return { toTag: this.localTag, contact: this.host.contact }
  }

  #cancelled(cancel: SipMessage): void {
    // §9.2: a CANCEL that crosses our final answer changes nothing.
    if (this.#state !== 'offered') return
    this.#state = 'refused'
    this.#transaction.respond(487, this.#parts())
    this.finish('cancelled', cancel.get('reason') ?? null)
  }

  /** §13.3.1.4: the 2xx was never acknowledged, so the dialog is taken down. */
  #ackLost(): void {
    if (this.#state !== 'answered' || this.isEnded) return
    void this.request('BYE')
    this.finish('ack-lost', null)
  }
}
