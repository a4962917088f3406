import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { CallEnd, Leg } from '../../sipp/agents/leg.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import type { Market } from './call-market.ts'
import { eventually } from './exchange.ts'
import { Headset } from './headset.ts'

/** Somebody with a telephone and a voice of one tone. */
class Party {
  readonly ua: UserAgent
  readonly headset: Headset
  readonly #hasKeys: boolean

  /** `hasKeys`: its telephone presses keys as RFC 4733 has it. */
  constructor(ua: UserAgent, headset: Headset, hasKeys: boolean) {
    this.ua = ua
    this.headset = headset
    this.#hasKeys = hasKeys
  }

  protected describe(
    ...direction: Parameters<typeof buildSdp> extends [unknown, ...infer Rest] ? Rest : never
  ): string {
    const sdp = buildSdp(this.headset, ...direction)
    return this.#hasKeys ? sdp : sdp.replace(/^(m=.*) 101\r$/m, '$1\r').replace(/^a=(?:rtpmap|fmtp):101 .*\r\n/gm, '')
  }

  /** How long this tone has been heard by now, ms. */
  heard(hertz: number): number {
    return this.headset.tones().get(hertz) ?? 0
  }

  /** Resolves when this tone has been heard for so long. */
  async hears(hertz: number, ms: number): Promise<void> {
    await eventually(
      () => Promise.resolve(this.heard(hertz) >= ms || undefined),
      () => `${hertz} Hz for ${ms} ms: heard ${JSON.stringify([...this.headset.tones()])}`,
    )
  }

  protected speakTo({ remoteSdp }: Leg): void {
    const to = readAudioAddress(remoteSdp)
    if (to) this.headset.speak(to)
  }

  protected pressTo(digit: string, { remoteSdp }: Leg): void {
    this.headset.press(digit, readAudioAddress(remoteSdp)!)
  }

  /** Tells of a key by SIP INFO; resolves to the status it is answered with. */
  protected async tellKey(digit: string, leg: Leg): Promise<number | undefined> {
    const body = `Signal=${digit}\r\nDuration=160\r\n`
    return (await leg.request('INFO', { body, contentType: 'application/dtmf-relay' }))?.status
  }
}

interface AgentOptions {
  readonly ringForMs?: number
  readonly hasKeys?: boolean
}

/** A buyer's agent, who rings for a while, and answers every call. */
class Agent extends Party {
  #call: IncomingCall | null = null
  readonly ended: Promise<CallEnd>

  constructor(ua: UserAgent, headset: Headset, { ringForMs = 0, hasKeys = true }: AgentOptions) {
    super(ua, headset, hasKeys)
    this.ended = new Promise((resolve) => {
      ua.on('call', (call) => {
        this.#call = call
        const answer = (): void => {
          call.accept(this.describe())
          this.speakTo(call)
        }
        if (ringForMs > 0) {
          call.ring()
          const ringing = setTimeout(answer, ringForMs)
          void call.ended.then(() => clearTimeout(ringing))
        } else answer()
        void call.ended.then(resolve)
      })
    })
  }

  get call(): IncomingCall {
    assert(this.#call, 'the agent has been called')
    return this.#call
  }

  press(digit: string): void {
    this.pressTo(digit, this.call)
  }

  tell(digit: string): Promise<number | undefined> {
    return this.tellKey(digit, this.call)
  }

  /** Offers the audio again, as a phone's hold key does. */
  async offer(direction: 'sendrecv' | 'sendonly' | 'inactive'): Promise<void> {
    const answer = await this.call.request('INVITE', { body: this.describe(direction) })
    assert.equal(answer?.status, 200)
  }

  request(...request: Parameters<Leg['request']>): ReturnType<Leg['request']> {
    return this.call.request(...request)
  }
}

class Caller extends Party {
  #call: OutgoingCall | null = null

  get call(): OutgoingCall {
    assert(this.#call, 'the caller has called')
    return this.#call
  }

  /** `leavesOffer`: without a description, which comes with the ACK. */
  dial(to: string, target: Parameters<UserAgent['call']>[0]['target'], leavesOffer: boolean): void {
    const sdp = this.describe()
    this.#call = this.ua.call({ from: '+12125550142', to, target, sdp: leavesOffer ? '' : sdp })
    if (leavesOffer) this.#call.answerSdp = sdp
  }

  press(digit: string): void {
    this.pressTo(digit, this.call)
  }

  tell(digit: string): Promise<number | undefined> {
    return this.tellKey(digit, this.call)
  }

  async answered(): Promise<void> {
    const outcome = await this.call.outcome
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome))
    this.speakTo(this.call)
  }

  /** The status it is refused with. */
  async refused(): Promise<number | null> {
    const outcome = await this.call.outcome
    assert.equal(outcome.kind, 'rejected', JSON.stringify(outcome))
    return outcome.kind === 'rejected' ? outcome.status : null
  }
}

/** The parties of one story, each with a voice; closed together. */
export class AudioStage {
  readonly #market: Market
  readonly #closing: (() => Promise<unknown>)[] = []

  constructor(market: Market) {
    this.#market = market
  }

  async agent(hertz: number, options: AgentOptions = {}): Promise<Agent> {
    return new Agent(await this.phone(), await this.#headset(hertz), options)
  }

  /** A caller from the seller's address, whose INVITE is on its way; `leavesOffer`: without a description, which comes with the ACK. */
  async call(hertz: number, { leavesOffer = false, hasKeys = true } = {}): Promise<Caller> {
    const { address, number, exchange } = this.#market
    const ua = await this.phone(address)
    const headset = await this.#headset(hertz)
    const target = exchange.process.sip()
    const caller = new Caller(ua, headset, hasKeys)
    caller.dial(number, target, leavesOffer)
    return caller
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()))
  }

  async phone(address?: string): Promise<UserAgent> {
    const ua = await createUserAgent(address === undefined ? {} : { address })
    this.#closing.push(() => ua.close())
    return ua
  }

  async #headset(hertz: number): Promise<Headset> {
    const headset = await Headset.open(hertz)
    this.#closing.push(() => headset.close())
    return headset
  }
}
