import { buildFailureAck } from '../../../gateway/sip-server/matching.ts'
import { SipMessage } from '../../../gateway/sip-server/message.ts'
import type { Peer, Transport } from '../../../gateway/sip-server/transport.ts'
import { serialize } from '../../../gateway/sip-server/wire-format.ts'
import type { Network } from './network.ts'

const T1_MS = 500
const GIVE_UP_MS = 64 * T1_MS

interface Branch {
  readonly host: string
  readonly invite: SipMessage
  /** Something has come back: an INVITE need not be repeated, and may be cancelled. */
  isHeard: boolean
  isCancelled: boolean
  final: SipMessage | null
}

/**
 * A proxy that rings several places at once (RFC 3261 §16), as plain as it can be: it passes provisional and 2xx answers on,
 * keeps failures until all have failed, and then passes on the first. It stays out of the dialogs.
 */
class ForkingProxy {
  readonly #network: Network
  readonly #transport: Transport
  readonly #hosts: readonly string[]
  readonly #cancelsOthers: boolean
  #branches: Branch[] = []
  #caller: Peer | null = null
  #failure: string | null = null
  #hasAccepted = false

  constructor(network: Network, host: string, hosts: readonly string[], cancelsOthers: boolean) {
    this.#network = network
    this.#hosts = hosts
    this.#cancelsOthers = cancelsOthers
    this.#transport = network.place(host, this)
  }

  onMessage(message: SipMessage, peer: Peer): void {
    if (!message.isRequest) return this.#onResponse(message)
    if (message.method === 'INVITE') return this.#onInvite(message, peer)
    if (message.method === 'ACK') this.#failure = null
    if (message.method !== 'CANCEL') return
    this.#sendTo(peer.host, serialize(responseTo(message, 200)))
    for (const branch of this.#branches) this.#cancel(branch)
  }

  #onInvite(invite: SipMessage, peer: Peer): void {
    this.#sendTo(peer.host, serialize(responseTo(invite, 100)))
    if (this.#caller !== null) return
    this.#caller = peer
    this.#branches = this.#hosts.map((host, index) => {
      const copy = new SipMessage('INVITE', `sip:callee@${host}:5060;transport=${this.#transport.name}`, 0, '')
      const { name } = this.#transport
      copy.add(
        'Via',
        `SIP/2.0/${name.toUpperCase()} ${this.#transport.host}:5060;branch=${invite.topVia!.branch}f${index}`,
      )
      copy.headers.push(...invite.headers)
      copy.body = invite.body
      copy.cseq = invite.cseq
      return { host, invite: copy, isHeard: false, isCancelled: false, final: null }
    })
    for (const branch of this.#branches) this.#ring(branch, 0)
  }

  #ring(branch: Branch, waitedMs: number): void {
    if (branch.isHeard) return
    if (waitedMs >= GIVE_UP_MS) return this.#onFinal(branch, responseTo(branch.invite, 408))
    this.#sendTo(branch.host, serialize(branch.invite))
    const waitMs = Math.max(T1_MS, waitedMs)
    this.#network.time.in(waitMs, () => this.#ring(branch, waitedMs + waitMs))
  }

  #onResponse(response: SipMessage): void {
    const index = Number(response.topVia!.branch.split('f').at(-1))
    const branch = this.#branches[index]
    if (branch === undefined || response.cseqMethod !== 'INVITE') return
    branch.isHeard = true
    if (branch.isCancelled) this.#sendCancel(branch, 0)
    if (response.status >= 300) {
      this.#sendTo(branch.host, serialize(buildFailureAck(branch.invite, response)))
      if (branch.final === null) this.#onFinal(branch, response)
      return
    }
    if (response.status >= 200) {
      branch.final = response
      this.#hasAccepted = true
      if (this.#cancelsOthers) for (const other of this.#branches) if (other !== branch) this.#cancel(other)
    }
    if (response.status > 100) this.#sendTo(this.#caller!.host, serialize(withoutTopVia(response)))
  }

  #onFinal(branch: Branch, failure: SipMessage): void {
    branch.isHeard = true
    branch.final = failure
    if (this.#hasAccepted || this.#branches.some((each) => each.final === null)) return
    this.#failure = serialize(withoutTopVia(this.#branches[0]!.final!))
    this.#repeatFailure(0)
  }

  #repeatFailure(waitedMs: number): void {
    if (this.#failure === null || waitedMs > GIVE_UP_MS) return
    this.#sendTo(this.#caller!.host, this.#failure)
    this.#network.time.in(4 * T1_MS, () => this.#repeatFailure(waitedMs + 4 * T1_MS))
  }

  #cancel(branch: Branch): void {
    if (branch.isCancelled || branch.final !== null) return
    branch.isCancelled = true
    if (branch.isHeard) this.#sendCancel(branch, 0)
  }

  #sendCancel(branch: Branch, waitedMs: number): void {
    if (branch.final !== null || waitedMs > GIVE_UP_MS) return
    const cancel = new SipMessage('CANCEL', branch.invite.requestUri, 0, '')
    const kept = new Set(['via', 'from', 'to', 'call-id', 'max-forwards'])
    cancel.headers.push(branch.invite.headers[0]!)
    for (const field of branch.invite.headers)
      if (kept.has(field.key) && field.key !== 'via') cancel.headers.push(field)
    cancel.add('CSeq', `${branch.invite.cseq} CANCEL`)
    this.#sendTo(branch.host, serialize(cancel))
    this.#network.time.in(8 * T1_MS, () => this.#sendCancel(branch, waitedMs + 8 * T1_MS))
  }

  #sendTo(host: string, text: string): void {
    this.#transport.send(text, { transport: this.#transport, host, port: 5060, connection: null }, null)
  }
}

function responseTo(request: SipMessage, status: number): SipMessage {
  const response = new SipMessage('', '', status, 'Whatever')
  const kept = new Set(['via', 'from', 'to', 'call-id', 'cseq'])
  for (const { key, name, value } of request.headers)
    if (kept.has(key))
      response.add(name, key === 'to' && status > 100 && !value.includes(';tag=') ? `${value};tag=proxy` : value)
  return response
}

function withoutTopVia(response: SipMessage): SipMessage {
  const copy = new SipMessage('', '', response.status, response.reason)
  copy.headers.push(...response.headers)
  copy.headers.splice(
    copy.headers.findIndex((field) => field.key === 'via'),
    1,
  )
  copy.body = response.body
  return copy
}

/** Puts one into the network. `cancelsOthers`: an answer ends the ringing elsewhere; else several places may answer. */
export function createForkingProxy(
  network: Network,
  host: string,
  hosts: readonly string[],
  cancelsOthers: boolean,
): ForkingProxy {
  return new ForkingProxy(network, host, hosts, cancelsOthers)
}
