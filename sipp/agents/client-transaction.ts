import { SipMessage } from '../../gateway/sip-server/message.ts'
import { serialize } from '../../gateway/sip-server/wire-format.ts'
import { Retransmission } from './timers.ts'
import type { AgentTimers } from './timers.ts'

export interface ClientTransactionOptions {
  readonly request: SipMessage
  readonly timers: AgentTimers
  readonly send: (text: string) => void
  /** Each response that the dialog must see: 2xx to INVITE again and again, others once. `null`: no answer in 64·T1. */
  readonly onResponse: (response: SipMessage | null) => void
}

/** A request sent and its answers: RFC 3261 §17.1, over UDP. */
export class ClientTransaction {
  readonly request: SipMessage
  readonly #send: (text: string) => void
  readonly #onResponse: (response: SipMessage | null) => void
  readonly #retransmission: Retransmission
  #hasFinal = false

  constructor(options: ClientTransactionOptions) {
    this.request = options.request
    this.#send = options.send
    this.#onResponse = options.onResponse
    const text = serialize(options.request)
    const isInvite = this.request.method === 'INVITE'
    this.#retransmission = new Retransmission({
      timers: options.timers,
      // Timer A doubles without a cap; timer E stops growing at T2.
      capMs: isInvite ? Infinity : options.timers.t2Ms,
      send: () => this.#send(text),
      onTimeout: () => this.#onResponse(null),
    })
    this.#send(text)
    this.#retransmission.start()
  }

  receive(response: SipMessage): void {
    const isInvite = this.request.method === 'INVITE'
    if (response.status < 200) {
      // After a provisional answer an INVITE waits as long as the phone rings.
      if (isInvite) this.#retransmission.stop()
      if (!this.#hasFinal) this.#onResponse(response)
      return
    }
    this.#retransmission.stop()
    if (isInvite && response.status >= 300) this.#send(serialize(buildAck(this.request, response)))
    const isRepeated = this.#hasFinal
    this.#hasFinal = true
    // Every 2xx of an INVITE needs its ACK from the dialog (§13.2.2.4).
    if (!isRepeated || (isInvite && response.status < 300)) this.#onResponse(response)
  }

  close(): void {
    this.#retransmission.stop()
  }
}

/** The ACK of a refusal goes to where the INVITE went, on its branch (§17.1.1.3). */
function buildAck(invite: SipMessage, response: SipMessage): SipMessage {
  const ack = new SipMessage('ACK', invite.requestUri, 0, '')
  ack.add('Via', invite.get('via')!)
  ack.add('Max-Forwards', '70')
  for (const route of invite.getAll('route')) ack.add('Route', route)
  ack.add('From', invite.get('from')!)
  ack.add('To', response.get('to')!)
  ack.add('Call-ID', invite.callId)
  ack.add('CSeq', `${invite.cseq} ACK`)
  return ack
}

/** The CANCEL of an INVITE: the same branch, so that it finds it (§9.1). */
export function buildCancel(invite: SipMessage, reason: string | null): SipMessage {
  const cancel = new SipMessage('CANCEL', invite.requestUri, 0, '')
  cancel.add('Via', invite.get('via')!)
  cancel.add('Max-Forwards', '70')
  for (const route of invite.getAll('route')) cancel.add('Route', route)
  for (const name of ['From', 'To', 'Call-ID']) cancel.add(name, invite.get(name.toLowerCase())!)
  cancel.add('CSeq', `${invite.cseq} CANCEL`)
  if (reason !== null) cancel.add('Reason', reason)
  return cancel
}
