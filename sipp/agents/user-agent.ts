import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'

import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { IncomingCall } from './incoming-call.ts'
import type { Leg, LegHost } from './leg.ts'
import { OutgoingCall } from './outgoing-call.ts'
import type { CallOptions } from './outgoing-call.ts'
import { buildSdp } from './sdp.ts'
import type { Address, ServerTransaction } from './server-transaction.ts'
import { DEFAULT_TIMERS } from './timers.ts'
import type { AgentTimers } from './timers.ts'
import { Transactions } from './transactions.ts'

export interface UserAgentOptions {
  /** An address of this machine. Default 127.0.0.1. */
  readonly address?: string
  /** Default 0: a free one. */
  readonly port?: number
  readonly timers?: AgentTimers
}

interface UserAgentEvents {
  call: [call: IncomingCall]
  /** The socket failed. Without a listener it is ignored: a script sees its calls time out. */
  failure: [error: Error]
}

/** The discard port (RFC 863): SDP of a phone without audio. */
const DISCARD_PORT = 9

/** The kernel's default lost packets under load. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024

/** A scripted SIP phone over UDP. It answers OPTIONS; a call that nobody listens for gets 480. */
export class UserAgent extends EventEmitter<UserAgentEvents> implements LegHost {
  readonly local: Address
  readonly contact: string
  readonly timers: AgentTimers
  readonly transactions: Transactions
  readonly #socket: Socket
  readonly #legs = new Map<string, Leg>()
  #isClosed = false

  constructor(socket: Socket, timers: AgentTimers) {
    super()
    const { address, port } = socket.address()
    this.local = { host: address, port }
    this.contact = `<sip:agent@${address.includes(':') ? `[${address}]` : address}:${port}>`
    this.#socket = socket
    this.timers = timers
    this.transactions = new Transactions({
      local: this.local,
      timers,
      send: (text, to) => this.#send(text, to),
      onRequest: (transaction) => this.#receiveRequest(transaction),
      onAck: (ack) => this.#legs.get(`${ack.callId} ${ack.toTag}`)?.handleAck(ack),
    })
    socket.on('message', (data, from) =>
      this.transactions.receive(data.toString('latin1'), { host: from.address, port: from.port }),
    )
    socket.on('error', (error) => this.emit('failure', error))
  }

  get address(): string {
    return this.local.host
  }

  get port(): number {
    return this.local.port
  }

  /** Calls that are not over. */
  get callCount(): number {
    return this.#legs.size
  }

  /** Places a call. The INVITE is on its way when this returns. */
  call(options: CallOptions): OutgoingCall {
    const call = new OutgoingCall(this, options, options.sdp ?? this.#silentSdp())
    this.#remember(call)
    return call
  }

  /** Ends every call properly, and resolves when the other sides have answered, or never will. */
  async hangUpAll(): Promise<void> {
    await Promise.all([...this.#legs.values()].map((leg) => leg.hangUp()))
  }

  /** Stops at once: calls that are not over end as `closed`, without a message. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const leg of this.#legs.values()) leg.abandon()
    this.transactions.close()
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  forget(leg: Leg): void {
    this.#legs.delete(`${leg.callId} ${leg.localTag}`)
  }

  #remember(leg: Leg): void {
    this.#legs.set(`${leg.callId} ${leg.localTag}`, leg)
  }

  #silentSdp(): string {
    return buildSdp({ host: this.local.host, port: DISCARD_PORT })
  }

  #send(text: string, to: Address): void {
    if (this.#isClosed) return
    this.#socket.send(Buffer.from(text, 'latin1'), to.port, to.host, (error) => {
      if (error !== null && !this.#isClosed) this.emit('failure', error)
    })
  }

  #receiveRequest(transaction: ServerTransaction): void {
    const { request } = transaction
    if (request.toTag !== '') return this.#receiveInDialog(transaction, request)
    if (request.method === 'OPTIONS') return transaction.respond(200, { contact: this.contact })
    if (request.method !== 'INVITE') return transaction.respond(405, { reason: 'Method Not Allowed' })
    if (this.listenerCount('call') === 0) return transaction.respond(480)
    const call = new IncomingCall(this, transaction, this.#silentSdp())
    this.#remember(call)
    this.emit('call', call)
  }

  #receiveInDialog(transaction: ServerTransaction, request: SipMessage): void {
    const leg = this.#legs.get(`${request.callId} ${request.toTag}`)
    if (leg === undefined) transaction.respond(481)
    else leg.handleRequest(transaction)
  }
}

/** Opens a user agent. Rejects when the address or port cannot be bound. */
export async function createUserAgent(options: UserAgentOptions = {}): Promise<UserAgent> {
  const address = options.address ?? '127.0.0.1'
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    // Addresses are numbers here; the resolver would cost a thread hop for each packet.
    lookup: (host, _options, callback) => callback(null, host, address.includes(':') ? 6 : 4),
  })
  const listening = once(socket, 'listening') // Before bind: with such a lookup it is told at once.
  socket.bind(options.port ?? 0, address)
  await listening
  socket.setRecvBufferSize(SOCKET_BUFFER_BYTES)
  socket.setSendBufferSize(SOCKET_BUFFER_BYTES)
  return new UserAgent(socket, options.timers ?? DEFAULT_TIMERS)
}
