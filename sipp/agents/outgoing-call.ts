import { SipMessage } from '../../gateway/sip-server/message.ts'
import { buildCancel } from './client-transaction.ts'
import { Dialog } from './dialog.ts'
import { newCallId, newTag } from './identifiers.ts'
import { Leg } from './leg.ts'
import type { LegHost, Progress } from './leg.ts'
import type { Address } from './server-transaction.ts'
import { timeoutMs } from './timers.ts'

export interface CallOptions {
  /** Number or user, or a whole URI (anything with a colon). */
  readonly to: string
  readonly from: string
  /** The From header as it is, tag excepted; `from` is not looked at then. */
  readonly fromHeader?: string
  /** Where the INVITE is sent, and the host of its Request-URI when `to` is a number. */
  readonly target: Address
  /** A number or URI. */
  readonly pAssertedIdentity?: string
  /** The offer. Default: G.711 at the discard port, for calls whose audio does not matter; `''`: none. */
  readonly sdp?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly callId?: string
}

export type Outcome =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly sdp: string
      readonly response: SipMessage
      readonly atMs: number
    }
  /** Also a CANCEL's 487. `response` is `null` and the status 408 when nobody answered at all. */
  | {
      readonly kind: 'rejected'
      readonly status: number
      readonly reason: string
      readonly response: SipMessage | null
      readonly atMs: number
    }

/** A call that we place. */
export class OutgoingCall extends Leg {
  /** The INVITE as it was sent. */
  readonly invite: SipMessage
  readonly invitedAtMs: number
  /** The final answer; it always comes. */
  readonly outcome: Promise<Outcome>
  /** Every 18x so far. */
  readonly progress: Progress[] = []
  /** What the ACK answers, where the offer is left to the other side. */
  answerSdp = ''
  readonly #target: Address
  #resolveOutcome!: (outcome: Outcome) => void
  #isDecided = false
  #hasProvisional = false
  #cancel: 'no' | 'wanted' | 'sent' = 'no'
  #cancelReason: string | null = null
  #giveUp: NodeJS.Timeout | undefined

  constructor(host: LegHost, options: CallOptions, sdp: string) {
    const callId = options.callId ?? newCallId(host.local.host)
    super(host, callId, newTag())
    this.#target = options.target
    this.localSdp = sdp
    this.outcome = new Promise((resolve) => (this.#resolveOutcome = resolve))
    this.invite = buildInvite(options, { callId, tag: this.localTag, contact: host.contact, local: host.local, sdp })
    this.invitedAtMs = performance.now()
    host.transactions.request(this.invite, options.target, (response) => this.#receive(response))
  }

  get isAnswered(): boolean {
    return this.dialog !== null
  }

  /** Gives the call up before it is answered. If the answer crosses the CANCEL, it is acknowledged and hung up. */
  cancel(reason: string | null = null): void {
    if (this.#isDecided || this.#cancel !== 'no') return
    this.#cancel = 'wanted'
    this.#cancelReason = reason
    // §9.1: not before a provisional answer, or it could arrive before its INVITE.
    if (this.#hasProvisional) this.#sendCancel()
  }

  /** BYE once answered, CANCEL before. Resolves when the other side has answered to it. Does nothing on an ended call. */
  async hangUp(reason?: string): Promise<void> {
    if (this.isEnded) return
    if (this.isAnswered) return this.bye(reason ?? null)
    this.cancel(reason ?? null)
    await this.ended
  }

  override abandon(): void {
    this.#decideRejected(408, 'The user agent was closed', null)
    super.abandon()
  }

  #sendCancel(): void {
    this.#cancel = 'sent'
    this.host.transactions.requestOnBranch(buildCancel(this.invite, this.#cancelReason), this.#target, () => undefined)
    // §9.1: an INVITE without a final answer 64·T1 after its CANCEL counts as cancelled.
    this.#giveUp = setTimeout(() => this.#refused(408, 'No answer to the CANCEL', null), timeoutMs(this.host.timers))
  }

  #receive(response: SipMessage | null): void {
    if (response === null) return this.#refused(408, 'No answer to the INVITE', null)
    if (response.status < 200) return this.#proceed(response)
    if (response.status >= 300) return this.#refused(response.status, response.reason, response)
    const dialog = this.dialog ?? Dialog.asCaller(this.invite, response, this.localTag, this.#target)
    if (dialog.remoteTag !== response.toTag) return this.#dropFork(response)
    // Again for every repetition of the 2xx.
    const ack = dialog.buildRequest('ACK', this.host.contact, this.invite.cseq)
    if (this.answerSdp !== '') {
      ack.add('Content-Type', 'application/sdp')
      ack.body = this.answerSdp
    }
    this.host.transactions.sendAck(ack, dialog.destination)
    if (this.#isDecided) return
    clearTimeout(this.#giveUp)
    this.dialog = dialog
    this.remoteSdp = response.body
    this.#isDecided = true
    const { status, body } = response
    this.#resolveOutcome({ kind: 'answered', status, sdp: body, response, atMs: performance.now() })
    // The answer crossed our CANCEL (§9.1): the call is up, and not wanted.
    if (this.#cancel !== 'no') void this.bye(this.#cancelReason)
  }

  #proceed(response: SipMessage): void {
    if (this.#isDecided) return
    this.#hasProvisional = true
    if (response.status > 100) {
      const progress = { status: response.status, sdp: response.body, atMs: performance.now() }
      this.progress.push(progress)
      if (response.body !== '') this.remoteSdp = response.body
      this.emit('progress', progress)
    }
    if (this.#cancel === 'wanted') this.#sendCancel()
  }

  #refused(status: number, reason: string, response: SipMessage | null): void {
    this.#decideRejected(status, reason, response)
    const cause = this.#cancel === 'no' ? (response === null ? 'no-answer' : 'rejected') : 'cancelled'
    this.finish(cause, response?.get('reason') ?? null)
  }

  #decideRejected(status: number, reason: string, response: SipMessage | null): void {
    clearTimeout(this.#giveUp)
    if (this.#isDecided) return
    this.#isDecided = true
    this.#resolveOutcome({ kind: 'rejected', status, reason, response, atMs: performance.now() })
  }

  /** A second answer of a forked INVITE: acknowledged and hung up (§13.2.2.4). */
  #dropFork(response: SipMessage): void {
    const other = Dialog.asCaller(this.invite, response, this.localTag, this.#target)
    const { transactions, contact } = this.host
    transactions.sendAck(other.buildRequest('ACK', contact, this.invite.cseq), other.destination)
    transactions.request(other.buildRequest('BYE', contact), other.destination, () => undefined)
  }
}

function buildInvite(
  options: CallOptions,
  own: { callId: string; tag: string; contact: string; local: Address; sdp: string },
): SipMessage {
  const { target } = options
  const toUri = asUri(options.to, target)
  const invite = new SipMessage('INVITE', toUri, 0, '')
  invite.callId = own.callId
  invite.cseq = 1
  invite.add('Max-Forwards', '70')
  invite.add('From', `${options.fromHeader ?? `<${asUri(options.from, own.local)}>`};tag=${own.tag}`)
  invite.add('To', `<${toUri}>`)
  invite.add('Call-ID', own.callId)
  invite.add('CSeq', '1 INVITE')
  invite.add('Contact', own.contact)
  invite.add('Allow', 'INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE')
  if (options.pAssertedIdentity !== undefined)
    invite.add('P-Asserted-Identity', `<${asUri(options.pAssertedIdentity, own.local)}>`)
  for (const [name, value] of Object.entries(options.headers ?? {})) invite.add(name, value)
  if (own.sdp !== '') {
    invite.add('Content-Type', 'application/sdp')
    invite.body = own.sdp
  }
  return invite
}

function asUri(text: string, at: Address): string {
  if (text.includes(':')) return text
  return `sip:${text}@${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`
}
