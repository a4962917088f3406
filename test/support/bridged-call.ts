import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import type { OutgoingCall } from '../../sipp/agents/outgoing-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { Market } from './call-market.ts'
import type { Exchange } from './exchange.ts'

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

/** Has a carrier call a number, and a buyer's agent answer. */
export async function bridgedCall(exchange: Exchange): Promise<BridgedCall> {
  const phones: UserAgent[] = []
  const phone = async (address = '127.0.0.1'): Promise<UserAgent> => {
    const made = await createUserAgent({ address })
    phones.push(made)
    return made
  }
  const market = await Market.open(exchange)
  const [carrier, desk] = [await phone(market.address), await phone()]
  const rung = new Promise<IncomingCall>((resolve) => desk.on('call', resolve))
  await market.standingBid({ host: desk.address, port: desk.port }, { bid: { billable_after: 0 } })
  const caller = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
  const agent = await rung
  agent.accept()
  assert.equal((await caller.outcome).status, 200)
  await agent.acked
  const close = async (): Promise<void> => {
    for (const one of phones) await one.close()
  }
  return { market, caller, agent, phone, close }
}

/** Has a phone refuse the next request of this method with this status; resolves when it has. */
export function refuseNext(leg: IncomingCall | OutgoingCall, method: string, status: number): Promise<void> {
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
