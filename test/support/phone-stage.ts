import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { Leg } from '../../sipp/agents/leg.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import type { ApiThing } from '../../sipp/api-client.ts'
import { Baresip, type BaresipOptions } from './baresip.ts'
import type { Market } from './call-market.ts'
import { eventually, startExchange, type Exchange } from './exchange.ts'
import { Headset } from './headset.ts'
import { Linphone } from './linphone.ts'
import { isInstalled } from './peer-process.ts'
import { hireAgent, PASSWORD } from './registered-phone.ts'
import type { Softphone, SoftphoneOptions } from './softphone.ts'

export const SOFTPHONES = ['baresip', 'linphonec'] as const
/** What baresip wants where it speaks TLS: it cannot send to the `sips:` that drachtio-server writes there. */
export const SIP_CONTACT_OVER_TLS = 'a Contact that begins with sip: over TLS'
export type SoftphoneName = (typeof SOFTPHONES)[number]
export type PhoneTransport = SoftphoneOptions['transport']

/** One end of a call as a script has it: its SIP side, and what it speaks and hears. */
export interface ScriptedEnd<L extends Leg> {
  readonly call: L
  readonly ear: Headset
}

/** A script listens twice as long as a phone must have heard: while both talk, neither hears the other's first moments. */
const SCRIPT_LISTENS_MS = 800
const PHONE_HEARD_MS = 400
const LIMIT_MS = 30_000

let carriers = 0
let colleagues = 0

/** An exchange on UDP, TCP and TLS with phones of other makers, and scripted ones, around it; a story's phones are gone after it. */
export class PhoneStage {
  readonly exchange: Exchange
  readonly #phones: { close(): Promise<void> }[] = []

  private constructor(exchange: Exchange) {
    this.exchange = exchange
  }

  /** In a suite's `before`. */
  static async open(context: Mocha.Context): Promise<PhoneStage> {
    return new PhoneStage(await startExchange(context, { env: { DCE_TELEPHONY_TLS_PORT: '0' } }))
  }

  /** After each story. */
  async clear(): Promise<void> {
    for (const phone of this.#phones.splice(0).toReversed()) await phone.close()
  }

  async close(): Promise<void> {
    await this.clear()
    await this.exchange.close()
  }

  /** A phone with these credentials at the exchange. It trusts the exchange's certificate and no other. */
  async phone(
    name: SoftphoneName,
    options: Pick<
      BaresipOptions,
      'transport' | 'username' | 'toneHz' | 'registers' | 'answers' | 'address' | 'contact' | 'srtp'
    >,
  ): Promise<Softphone> {
    const all = {
      ...options,
      password: PASSWORD,
      server: this.#serverFor(name, options.transport),
      // Of another SIP server (DCE_DRACHTIO_HOST) one must be told.
      trusted:
        process.env['DCE_DRACHTIO_CERTIFICATE'] ?? join(this.exchange.process.dataDirectory, 'keys', 'sip-cert.pem'),
    }
    const phone = name === 'baresip' ? await Baresip.start(all) : await Linphone.start(all)
    this.#phones.push(phone)
    return phone
  }

  /** A buyer's agent in this market, with its phone registered. */
  async agent(
    market: Market,
    name: SoftphoneName,
    toneHz: number,
    transport: PhoneTransport = 'udp',
    { answers = true, srtp = false } = {},
  ): Promise<{ phone: Softphone; username: string; buyer: ApiThing; user: ApiThing }> {
    const hired = await hireAgent(market)
    const phone = await this.phone(name, { transport, username: hired.username, toneHz, answers, srtp })
    await this.untilRegistered(hired.user, 1, phone)
    return { ...hired, phone }
  }

  /** A colleague of a buyer's agents, who is not rung for won calls. */
  async colleague(
    buyer: ApiThing,
    name: SoftphoneName,
    toneHz: number,
  ): Promise<{ phone: Softphone; username: string }> {
    const username = `colleague${++colleagues}`
    const user = await this.exchange.api.create('sip-users', { account_id: buyer.id, username, password: PASSWORD })
    const phone = await this.phone(name, { transport: 'udp', username, toneHz })
    await this.untilRegistered(user, 1, phone)
    return { phone, username }
  }

  /** Transfers the call to a user at the exchange, as the phone has its address. */
  transfer(phone: Softphone, name: SoftphoneName, username: string): void {
    phone.transfer(this.uriOf(username, name))
  }

  /** A user at the exchange, as such a phone has its address. */
  uriOf(username: string, name: SoftphoneName): string {
    const { host, port } = this.#serverFor(name, 'udp')
    return `sip:${username}@${host}:${port}`
  }

  /** A phone of this market's carrier, which its password lets call and which does not register; `dial` calls the market's number. */
  async carrier(
    market: Market,
    name: SoftphoneName,
    toneHz: number,
    transport: PhoneTransport = 'udp',
    { srtp = false } = {},
  ): Promise<{ phone: Softphone; dial: () => void }> {
    const { api } = this.exchange
    const trunk = (await api.listAll('trunks')).find((each) => each['account_id'] === market.seller.id)!
    const username = `carrier${++carriers}`
    await api.create('sip-users', {
      account_id: market.seller.id,
      username,
      password: PASSWORD,
      trunk_id: trunk.id,
    })
    const phone = await this.phone(name, { transport, username, toneHz, registers: false, srtp })
    return { phone, dial: () => this.dial(market, phone, name, transport) }
  }

  /** Calls the market's number. */
  dial(market: Market, phone: Softphone, name: SoftphoneName, transport: PhoneTransport): void {
    const { host, port } = this.#serverFor(name, transport)
    phone.dial(`sip:${market.number}@${host}:${port};transport=${transport}`)
  }

  bindings(user: ApiThing): Promise<{ user_agent: string; transport: string }[]> {
    return this.exchange.api
      .request<{ bindings: { user_agent: string; transport: string }[] }>('GET', `/api/v1/sip-users/${user.id}`)
      .then(({ bindings }) => bindings)
  }

  async untilRegistered(user: ApiThing, count: number, phone: Softphone): Promise<void> {
    await eventually(
      async () => ((await this.bindings(user)).length === count ? true : undefined),
      () => `it has not ${count} registrations:\n${phone.said}`,
    )
  }

  /** A scripted carrier calls the market's number from its address, and speaks a tone once it is answered. */
  async carrierCalls(market: Market, toneHz: number) {
    const carrier = await this.#scripted(market.address)
    const ear = await this.#headset(toneHz, market.address)
    const target = this.exchange.process.sip()
    const call = carrier.call({ to: market.number, from: '+12125550142', target, sdp: buildSdp(ear) })
    const outcome = await call.outcome
    if (outcome.kind !== 'answered') throw new Error(`the carrier heard ${outcome.status} ${outcome.reason}`)
    ear.speak(readAudioAddress(outcome.sdp)!)
    return { call, ear, outcome }
  }

  /** A scripted buyer of this market's calls: it answers, and speaks a tone. Resolves to the next call, once it is answered. */
  async buyerAnswers(
    market: Market,
    toneHz: number,
    amount = '5.00',
  ): Promise<{ next: Promise<ScriptedEnd<IncomingCall>> }> {
    const desk = await this.#scripted()
    const ear = await this.#headset(toneHz)
    await market.standingBid({ host: desk.address, port: desk.port }, { amount })
    const { promise: next, resolve, reject } = Promise.withResolvers<ScriptedEnd<IncomingCall>>()
    desk.on('call', (call) => {
      call.accept(buildSdp(ear))
      void call.acked.then((isAcked) => {
        if (!isAcked) return reject(new Error('the answer was not acknowledged'))
        ear.speak(readAudioAddress(call.remoteSdp)!)
        resolve({ call, ear })
      })
    })
    return { next }
  }

  /** A scripted buyer of this market's calls whose phone rings on. Resolves to the promise of the next call. */
  async buyerRings(market: Market): Promise<{ next: Promise<IncomingCall> }> {
    const desk = await this.#scripted()
    await market.standingBid({ host: desk.address, port: desk.port })
    const { promise: next, resolve } = Promise.withResolvers<IncomingCall>()
    desk.on('call', (call) => {
      call.ring()
      resolve(call)
    })
    return { next }
  }

  /** What a script waits for while a phone is at it; fails after a while with what the phone said. */
  async within<T>(next: Promise<T>, phone: Softphone): Promise<T> {
    const late = new AbortController()
    const waiting = sleep(LIMIT_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error(`nothing came within ${LIMIT_MS} ms; the phone said:\n${phone.said}`)
    })
    try {
      return await Promise.race([next, waiting])
    } finally {
      late.abort()
      waiting.catch(() => {})
    }
  }

  /** Waits until a script has heard this tone for a while. */
  async hears(ear: Headset, toneHz: number): Promise<void> {
    ear.forget()
    await this.#untilHeard(async () => ear.tones(), toneHz, SCRIPT_LISTENS_MS)
  }

  /** Fails unless a phone has heard this tone. Its recording is whole once its call is over. */
  async hasHeard(phone: Softphone, toneHz: number): Promise<void> {
    await this.#untilHeard(() => phone.tonesHeard(), toneHz, PHONE_HEARD_MS)
  }

  /** Lets two phones talk long enough for each to have heard the other. */
  async talk(): Promise<void> {
    await sleep(2 * PHONE_HEARD_MS)
  }

  async #untilHeard(listen: () => Promise<Map<number, number>>, toneHz: number, limitMs: number): Promise<void> {
    let heard = new Map<number, number>()
    await eventually(
      async () => {
        heard = await listen()
        return (heard.get(toneHz) ?? 0) >= limitMs ? true : undefined
      },
      () => `heard ${JSON.stringify([...heard])} (Hz, ms) and not ${toneHz} Hz for ${limitMs} ms`,
    )
  }

  /** Linphone compares a certificate's names with the host it was told, and does not look at addresses there. */
  #serverFor(name: SoftphoneName, transport: PhoneTransport): { host: string; port: number } {
    const { port } = this.exchange.process.sip(transport)
    return { host: name === 'linphonec' ? 'localhost' : '127.0.0.1', port }
  }

  async #scripted(address?: string): Promise<UserAgent> {
    const phone = await createUserAgent(address === undefined ? {} : { address })
    this.#phones.push(phone)
    return phone
  }

  async #headset(toneHz: number, host?: string): Promise<Headset> {
    const headset = await Headset.open(toneHz, host)
    this.#phones.push(headset)
    return headset
  }
}

/** Skips a suite whose phone is missing; test/run-all.js says so, and counts it as a failure where it must not be. */
export function requirePhone(context: Mocha.Context, name: SoftphoneName): void {
  if (!isInstalled(name)) context.skip()
}

/** The direction an SDP asks for (RFC 3264 §6.1). */
export function directionOf(sdp: string): string {
  return /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp)?.[1] ?? 'sendrecv'
}
