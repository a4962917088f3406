import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { Leg } from '../../sipp/agents/leg.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { buildSdp, readAudioAddress } from '../../sipp/agents/sdp.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from './call-market.ts'
import type { Exchange } from './exchange.ts'
import type { Headset } from './headset.ts'

/** An answered call through an exchange, both of whose ends are scripted here. */
export interface BridgedCall {
  readonly market: Market
  readonly caller: OutgoingCall
  readonly agent: IncomingCall
  /** Another phone, at an address of this machine; closed with the call. */
  readonly phone: (address?: string) => Promise<UserAgent>
  /** Stops all phones at once. */
  readonly close: () => Promise<void>
}

/** Who calls and who answers, where a story has its own. */
export interface BridgedCallParts {
  readonly market?: Market
  readonly carrier?: UserAgent
  readonly desk?: UserAgent
  /** What each of them hears with: without, their calls are silent. */
  readonly ears?: { readonly caller: Headset; readonly agent: Headset }
}

/** Has a carrier call a number, and a buyer's agent answer. */
export async function bridgedCall(exchange: Exchange, parts: BridgedCallParts = {}): Promise<BridgedCall> {
  const phones: UserAgent[] = []
  const phone = async (address = '127.0.0.1'): Promise<UserAgent> => {
    const made = await createUserAgent({ address })
    phones.push(made)
    return made
  }
  const market = parts.market ?? (await Market.open(exchange))
  const [carrier, desk] = [parts.carrier ?? (await phone(market.address)), parts.desk ?? (await phone())]
  const { ears } = parts
  const rung = new Promise<IncomingCall>((resolve) => desk.once('call', resolve))
  await market.standingBid({ host: desk.address, port: desk.port }, { bid: { billable_after: 0 } })
  const offer = ears ? { sdp: buildSdp(ears.caller) } : {}
  const caller = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip(), ...offer })
  const agent = await rung
  agent.accept(ears && buildSdp(ears.agent))
  const outcome = await caller.outcome
  assert.ok(outcome.kind === 'answered', `the caller heard ${outcome.status}`)
  await agent.acked
  ears?.caller.speak(readAudioAddress(outcome.sdp)!)
  ears?.agent.speak(readAudioAddress(agent.remoteSdp)!)
  const close = async (): Promise<void> => {
    for (const one of phones) await one.close()
  }
  return { market, caller, agent, phone, close }
}

/** Has a phone answer the next request of this method only after something else; resolves when that one has come. */
export function answerNextAfter(leg: Leg, method: string, wait: () => Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const answer = leg.handleRequest.bind(leg)
    leg.handleRequest = (transaction) => {
      if (transaction.request.method !== method) return answer(transaction)
      leg.handleRequest = answer
      resolve()
      void wait().then(() => answer(transaction))
    }
  })
}

/** Has a phone refuse the next request of this method with this status; resolves when it has. */
export function refuseNext(leg: Leg, method: string, status: number): Promise<void> {
  return new Promise((resolve) => {
    const answer = leg.handleRequest.bind(leg)
    leg.handleRequest = (transaction) => {
      if (transaction.request.method !== method) return answer(transaction)
      leg.handleRequest = answer
      transaction.respond(status, { toTag: leg.localTag })
      resolve()
    }
  })
}
