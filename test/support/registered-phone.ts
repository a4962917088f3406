import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { TransportName } from '../../gateway/sip-server/transport.ts'
import type { ApiThing } from '../../sipp/api-client.ts'
import type { Market } from './call-market.ts'
import { answerChallenge } from './digest-client.ts'
import type { Exchange } from './exchange.ts'
import { SDP, SipPeer } from './sip-peer.ts'

export const PASSWORD = 'correct horse'

interface AskOptions {
  readonly headers?: readonly string[]
  readonly body?: string
  /** Default text/plain. */
  readonly contentType?: string
  readonly callId?: string
  readonly fromTag?: string
  readonly cseq?: number
  /** Default its address of record. */
  readonly from?: string
  readonly without?: readonly string[]
  readonly password?: string
}

let agents = 0

/** A buyer of this market's calls whose target is an agent: a SIP user that may register. */
export async function hireAgent(
  market: Pick<Market, 'exchange' | 'vertical'>,
): Promise<{ username: string; buyer: ApiThing; user: ApiThing }> {
  const { api } = market.exchange
  const username = `agent${++agents}`
  const buyer = await api.create('accounts', { type: 'buyer', name: username })
  await api.request('POST', `/api/v1/accounts/${buyer.id}/deposits`, { amount: '100.00', reference: username })
  const user = await api.create('sip-users', { account_id: buyer.id, username, password: PASSWORD })
  const uri = String(user['uri'])
  const target = await api.create('targets', { account_id: buyer.id, name: username, uri, ring_timeout: 10 })
  const criteria = { verticals: [market.vertical] }
  await api.create('bids', { account_id: buyer.id, target_id: target.id, amount: '5.00', criteria })
  return { username, buyer, user }
}

/** A SIP user of this customer who is no target: of a seller, one whose calls would count as its trunk's. */
export async function hireColleague({ exchange: { api } }: Market, account: ApiThing): Promise<string> {
  const username = `agent${++agents}`
  const [trunk] = await api.listAll(`trunks?account_id=${account.id}`)
  const trunkId = trunk && { trunk_id: trunk['id'] }
  await api.create('sip-users', { account_id: account.id, username, password: PASSWORD, ...trunkId })
  return username
}

/** A browser's answer (RFC 8829), of a browser that cannot be reached. */
const BROWSER_SDP = [
  ...SDP.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF').trimEnd().split('\r\n'),
  'a=mid:0',
  'a=rtcp-mux',
  'a=setup:active',
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '5A').join(':')}`,
  'a=ice-ufrag:5678',
  'a=ice-pwd:0123456789012345678901',
  '',
].join('\r\n')

/** An agent's phone on a raw socket: it registers with its password, and answers what a test tells it to. */
export class Phone {
  readonly peer: SipPeer
  readonly #username: string
  #cseq = 0
  readonly #callId: string

  private constructor(peer: SipPeer, username: string) {
    this.peer = peer
    this.#username = username
    this.#callId = `${username}-${peer.port}`
  }

  static async open(exchange: Exchange, username: string, transport: TransportName = 'udp'): Promise<Phone> {
    return new Phone(await SipPeer.open(transport, exchange.process.sip(transport)), username)
  }

  /** Where it is. The user is its own: drachtio-server knows who came by which connection by user and host, without the port. */
  get contact(): string {
    return this.peer.contact.replace('sip:peer@', `sip:${this.#callId}@`)
  }

  /** Registers, challenge and all, and resolves to the answer. */
  async register(
    options: { contact?: string; expires?: number; expect?: number; supported?: string; path?: string } = {},
  ): Promise<SipMessage> {
    const contact = options.contact ?? this.contact
    const headers = [`Contact: ${contact};expires=${options.expires ?? 600}`]
    if (options.supported) headers.push(`Supported: ${options.supported}`)
    if (options.path) headers.push(`Path: ${options.path}`)
    this.#send(headers)
    const challenge = (await this.peer.receive(401, { method: 'REGISTER' })).getAll('www-authenticate')[0]!
    const credentials = { username: this.#username, password: PASSWORD, method: 'REGISTER', uri: 'sip:dce' }
    this.#send([...headers, `Authorization: ${answerChallenge(challenge, credentials)}`])
    return this.peer.receive(options.expect ?? 200, { method: 'REGISTER' })
  }

  #send(headers: readonly string[]): void {
    const request = this.peer.buildRequest('REGISTER', {
      uri: 'sip:dce',
      callId: this.#callId,
      cseq: ++this.#cseq,
      without: ['Contact'],
    })
    const lines = request
      .split('\r\n')
      .map((line) => (line.startsWith('To:') ? `To: <sip:${this.#username}@dce>` : line))
    lines.splice(1, 0, ...headers)
    this.peer.send(lines.join('\r\n'))
  }

  /** A request outside calls as this user's: `From` is its address of record. Waits for nothing. */
  ask(method: string, uri: string, options: AskOptions = {}): void {
    const {
      headers = [],
      body = '',
      callId = `${this.#callId}-${++this.#cseq}`,
      from = `sip:${this.#username}@dce`,
    } = options
    let text = this.peer
      .buildRequest(method, { ...options, uri, callId, cseq: options.cseq ?? 1, headers, body })
      .replace(/^From: [^;]*/m, `From: "${this.#username}" <${from}>`)
      .replace(/^To: <[^>]*>/m, `To: <${uri}>`)
    if (headers.some((line) => line.startsWith('Max-Forwards:'))) text = text.replace('Max-Forwards: 70\r\n', '')
    this.peer.send(body === '' ? text : text.replace('application/sdp', options.contentType ?? 'text/plain'))
  }

  /** The same, challenge and all; resolves to the final answer. */
  async askWithPassword(method: string, uri: string, options: AskOptions = {}): Promise<SipMessage> {
    const callId = options.callId ?? `${this.#callId}-${++this.#cseq}`
    const fromTag = options.fromTag ?? `tag-${callId}`
    this.ask(method, uri, { ...options, callId, fromTag, cseq: 1 })
    const refused = await this.#finalOf(method)
    if (refused.status !== 401) return refused
    const challenge = refused.getAll('www-authenticate')[0]!
    const credentials = { username: this.#username, password: options.password ?? PASSWORD, method, uri }
    const headers = [...(options.headers ?? []), `Authorization: ${answerChallenge(challenge, credentials)}`]
    this.ask(method, uri, { ...options, callId, fromTag, cseq: 2, headers })
    return this.#finalOf(method)
  }

  #finalOf(method: string): Promise<SipMessage> {
    return this.peer.receive('final', { method, timeoutMs: 20_000 })
  }

  /** Waits for the INVITE, rings, answers it with SDP, and waits for the ACK. */
  async answer(contact = this.contact): Promise<SipMessage> {
    const invite = await this.peer.receive('INVITE')
    this.peer.reply(invite, 180, 'Ringing', { contact })
    // Who is there over WebSocket is offered what browsers have, and says so; it sends nothing.
    const isBrowser = invite.body.includes('UDP/TLS/RTP/SAVPF')
    this.peer.reply(invite, 200, 'OK', { contact, body: isBrowser ? BROWSER_SDP : SDP })
    await this.peer.receive('ACK')
    return invite
  }

  /** Waits for the caller's BYE and answers it. */
  async hungUp(): Promise<void> {
    const bye = await this.peer.receive('BYE')
    assert.ok(bye.get('from'))
    this.peer.reply(bye, 200, 'OK', { contact: null })
  }

  close(): Promise<void> {
    return this.peer.close()
  }
}
