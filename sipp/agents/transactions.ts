import { buildVia, viaFromSource } from '../../gateway/sip-server/headers.ts'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { isParseFailure, parseMessage, serialize } from '../../gateway/sip-server/wire-format.ts'
import { ClientTransaction } from './client-transaction.ts'
import { newBranch } from './identifiers.ts'
import { ServerTransaction } from './server-transaction.ts'
import type { Address } from './server-transaction.ts'
import { timeoutMs } from './timers.ts'
import type { AgentTimers } from './timers.ts'

export interface TransactionsOptions {
  readonly local: Address
  readonly timers: AgentTimers
  readonly send: (text: string, to: Address) => void
  /** A new request, not an ACK nor a CANCEL. */
  readonly onRequest: (transaction: ServerTransaction) => void
  /** The ACK of a 2xx: it belongs to a dialog. */
  readonly onAck: (ack: SipMessage) => void
}

/** Matches what comes in to the transactions, and keeps those until they can no longer be needed (RFC 3261 §17.1.3, §17.2.3). */
export class Transactions {
  readonly #options: TransactionsOptions
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()
  readonly #lingering = new Set<NodeJS.Timeout>()
  #isClosed = false

  constructor(options: TransactionsOptions) {
    this.#options = options
  }

  /** Sends a request, with our Via on top, and calls back with each answer, or `null` after 64·T1 without one. */
  request(message: SipMessage, to: Address, onResponse: (response: SipMessage | null) => void): void {
    this.addVia(message)
    this.requestOnBranch(message, to, onResponse)
  }

  /** The same for a CANCEL, which comes with the Via of its INVITE. */
  requestOnBranch(message: SipMessage, to: Address, onResponse: (response: SipMessage | null) => void): void {
    if (this.#isClosed) return
    const key = `${branchOf(message)} ${message.method}`
    const transaction = new ClientTransaction({
      request: message,
      timers: this.#options.timers,
      send: (text) => this.#options.send(text, to),
      onResponse: (response) => {
        if (response === null || response.status >= 200) this.#forgetLater(() => this.#clients.delete(key))
        onResponse(response)
      },
    })
    this.#clients.set(key, transaction)
  }

  /** Sends a message that has no transaction: the ACK of a 2xx. */
  sendAck(ack: SipMessage, to: Address): void {
    this.addVia(ack)
    this.#options.send(serialize(ack), to)
  }

  addVia(message: SipMessage): void {
    const { host, port } = this.#options.local
    const value = buildVia({
      transport: 'UDP',
      host: host.includes(':') ? `[${host}]` : host,
      port,
      branch: newBranch(),
    })
    message.headers.unshift({ key: 'via', name: 'Via', value })
  }

  /** A datagram. What is not SIP is dropped. */
  receive(text: string, source: Address): void {
    const message = parseMessage(text)
    if (this.#isClosed || isParseFailure(message)) return
    if (message.isRequest) this.#receiveRequest(message, source)
    else this.#clients.get(`${message.topVia!.branch} ${message.cseqMethod}`)?.receive(message)
  }

  #receiveRequest(request: SipMessage, source: Address): void {
    const via = request.topVia!
    const sender = `${via.branch} ${via.host}:${via.port ?? 5060}`
    if (request.method === 'ACK') {
      const invite = this.#servers.get(`${sender} INVITE`)
      if (invite === undefined) return this.#options.onAck(request)
      return invite.acknowledged()
    }
    const key = `${sender} ${request.method}`
    const known = this.#servers.get(key)
    if (known !== undefined) return known.repeat()
    // The answers go to where the request came from (RFC 3581 §4).
    request.headers.find((field) => field.key === 'via')!.value = viaFromSource(
      request.get('via')!,
      via,
      source.host,
      source.port,
    )
    const { timers, send } = this.#options
    const transaction = new ServerTransaction({ request, source, timers, send: (text) => send(text, source) })
    this.#servers.set(key, transaction)
    this.#forgetLater(() => this.#forgetServer(key))
    if (request.method !== 'CANCEL') return this.#options.onRequest(transaction)
    const invite = this.#servers.get(`${sender} INVITE`)
    transaction.respond(invite === undefined ? 481 : 200)
    invite?.onCancel?.(request)
  }

  /** An INVITE may ring longer than a transaction lingers: it stays until its final answer is acknowledged. */
  #forgetServer(key: string): void {
    const transaction = this.#servers.get(key)
    if (transaction?.request.method === 'INVITE' && !transaction.isSettled)
      this.#forgetLater(() => this.#forgetServer(key))
    else this.#servers.delete(key)
  }

  #forgetLater(forget: () => void): void {
    if (this.#isClosed) return
    const timer = setTimeout(() => {
      this.#lingering.delete(timer)
      forget()
    }, timeoutMs(this.#options.timers))
    timer.unref()
    this.#lingering.add(timer)
  }

  close(): void {
    this.#isClosed = true
    for (const transaction of this.#clients.values()) transaction.close()
    for (const transaction of this.#servers.values()) transaction.close()
    for (const timer of this.#lingering) clearTimeout(timer)
    this.#clients.clear()
    this.#servers.clear()
    this.#lingering.clear()
  }
}

function branchOf(message: SipMessage): string {
  return /;branch=([^;\s]+)/i.exec(message.get('via') ?? '')?.[1] ?? ''
}
