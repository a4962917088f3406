import { EventEmitter } from 'node:events'

import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { Dialog } from './dialog.ts'
import type { Address, ServerTransaction } from './server-transaction.ts'
import type { AgentTimers } from './timers.ts'
import type { Transactions } from './transactions.ts'

/** Why a call is over. */
export type EndCause = 'hung-up' | 'remote-hung-up' | 'rejected' | 'cancelled' | 'no-answer' | 'ack-lost' | 'closed'

export interface CallEnd {
  readonly cause: EndCause
  /** The Reason header (RFC 3326) of the BYE or CANCEL that ended it, if there was one. */
  readonly reason: string | null
  /** `performance.now()` of the end. */
  readonly atMs: number
}

/** A provisional answer above 100. `sdp` is not empty when it brings early media. */
export interface Progress {
  readonly status: number
  readonly sdp: string
  readonly atMs: number
}

export interface LegEvents {
  /** Outgoing: each 18x that came. */
  progress: [progress: Progress]
  /** Any in-dialog request of the other side, already answered: re-INVITE, UPDATE, INFO … */
  request: [request: SipMessage]
  ended: [end: CallEnd]
}

/** What a leg asks of its user agent. */
export interface LegHost {
  readonly transactions: Transactions
  readonly contact: string
  readonly local: Address
  readonly timers: AgentTimers
  /** The leg is over and wants no more requests. */
  forget(leg: Leg): void
}

/** One side of one call, ours. What OutgoingCall and IncomingCall have in common: the dialog after the first INVITE. */
export abstract class Leg extends EventEmitter<LegEvents> {
  readonly callId: string
  readonly localTag: string
  readonly ended: Promise<CallEnd>
  /** What we last offered or answered, and what they did. */
  localSdp = ''
  remoteSdp = ''
  protected readonly host: LegHost
  protected dialog: Dialog | null = null
  #end: CallEnd | null = null
  #resolveEnded!: (end: CallEnd) => void
  /** A re-INVITE of theirs whose 200 waits for its ACK. */
  #reinvite: ServerTransaction | null = null

  constructor(host: LegHost, callId: string, localTag: string) {
    super()
    this.host = host
    this.callId = callId
    this.localTag = localTag
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve))
  }

  /** The address of our user agent. */
  get localAddress(): string {
    return this.host.local.host
  }

  /** The other side's tag; '' before there is a dialog. */
  get remoteTag(): string {
    return this.dialog?.remoteTag ?? ''
  }

  get isEnded(): boolean {
    return this.#end !== null
  }

  /**
   * Sends a request within the answered call and resolves with its final answer, or `null` after 64·T1 without one. The answer
   * to a re-INVITE is acknowledged, and its SDP becomes `remoteSdp`.
   */
  async request(
    method: string,
    parts: { headers?: Readonly<Record<string, string>>; body?: string; contentType?: string } = {},
  ): Promise<SipMessage | null> {
    const { dialog } = this
    if (dialog === null || this.isEnded) throw new Error(`no dialog for ${method}: the call is not answered or over`)
    const request = dialog.buildRequest(method, this.host.contact)
    for (const [name, value] of Object.entries(parts.headers ?? {})) request.add(name, value)
    if (parts.body !== undefined) {
      request.add('Content-Type', parts.contentType ?? 'application/sdp')
      request.body = parts.body
    }
    return new Promise((resolve) => {
      this.host.transactions.request(request, dialog.destination, (response) => {
        if (response !== null && response.status < 200) return
        if (method === 'INVITE' && response !== null && response.status < 300) {
          dialog.refreshTarget(response)
          this.host.transactions.sendAck(
            dialog.buildRequest('ACK', this.host.contact, request.cseq),
            dialog.destination,
          )
          if (parts.body !== undefined) this.localSdp = parts.body
          if (response.body !== '') this.remoteSdp = response.body
        }
        resolve(response)
      })
    })
  }

  /** Ends an answered call with a BYE; resolves when it has been answered, or never will be. */
  protected async bye(reason: string | null): Promise<void> {
    const answer = this.request('BYE', reason === null ? {} : { headers: { Reason: reason } })
    this.finish('hung-up', reason)
    await answer
  }

  /** A request of theirs within this call. */
  handleRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    const answer = { toTag: this.localTag, contact: this.host.contact }
    if (request.method === 'BYE') {
      transaction.respond(200, answer)
      this.finish('remote-hung-up', request.get('reason') ?? null)
      return
    }
    if (request.method === 'INVITE' || request.method === 'UPDATE') {
      this.dialog?.refreshTarget(request)
      if (request.body !== '') this.remoteSdp = request.body
      transaction.respond(200, this.localSdp === '' ? answer : { ...answer, body: this.localSdp })
      if (request.method === 'INVITE') this.#reinvite = transaction
    } else {
      transaction.respond(200, answer)
    }
    this.emit('request', request)
  }

  /** The ACK of a 2xx of ours. */
  handleAck(ack: SipMessage): void {
    if (this.#reinvite?.request.cseq === ack.cseq) this.#reinvite.acknowledged()
  }

  /** Says once that the call is over. */
  protected finish(cause: EndCause, reason: string | null): void {
    if (this.#end !== null) return
    this.#end = { cause, reason, atMs: performance.now() }
    this.#reinvite?.acknowledged()
    this.host.forget(this)
    this.emit('ended', this.#end)
    this.#resolveEnded(this.#end)
  }

  /** Ends the call whatever its state; resolves when the other side has answered to it. */
  abstract hangUp(reason?: string): Promise<void>

  /** The user agent is closing: no more messages. */
  abandon(): void {
    this.finish('closed', null)
  }
}
