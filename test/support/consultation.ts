import { Market } from './call-market.ts'
import { bridgedCall, type BridgedCall, type BridgedCallParts } from './bridged-call.ts'
import { eventually, type Exchange } from './exchange.ts'
import { Headset } from './headset.ts'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { Leg } from '../../sipp/agents/leg.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'

export const CONSUMER_HZ = 600
export const AGENT_HZ = 1000
export const SPECIALIST_HZ = 1400
/** How long somebody must have been heard. */
const HEARD_MS = 400

/** An agent in two calls of ours: a consumer's, which a buyer bought, and one that the agent has placed to a number. */
export interface Consultation {
  readonly first: BridgedCall
  readonly second: BridgedCall
  readonly desk: UserAgent
  /** Another end that speaks a tone. */
  readonly headset: (toneHz: number, host?: string) => Promise<Headset>
  /** What those hear with who are to be joined. */
  readonly ears: { readonly consumer: Headset; readonly specialist: Headset }
  /** What the agent was told in its first call: the body of each NOTIFY. */
  readonly told: string[]
  readonly close: () => Promise<void>
}

/** Has an agent answer a call, and then call somebody else from the same phone. */
export async function consultation(exchange: Exchange): Promise<Consultation> {
  const market = await Market.open(exchange)
  const desk = await createUserAgent({ address: market.address })
  const headsets: Headset[] = []
  const headset = async (toneHz: number, host?: string): Promise<Headset> => {
    const made = await Headset.open(toneHz, host)
    headsets.push(made)
    return made
  }
  const calls: BridgedCall[] = []
  const call = async (parts: BridgedCallParts): Promise<BridgedCall> => {
    const made = await bridgedCall(exchange, parts)
    calls.push(made)
    await made.market.answered()
    return made
  }
  const [consumer, specialist] = [await headset(CONSUMER_HZ), await headset(SPECIALIST_HZ)]
  const own = (): Promise<Headset> => headset(AGENT_HZ, desk.address)
  const first = await call({ desk, ears: { caller: consumer, agent: await own() } })
  const second = await call({ market, carrier: desk, ears: { caller: await own(), agent: specialist } })
  const told: string[] = []
  first.agent.on('request', ({ method, body }) => void (method === 'NOTIFY' && told.push(body.trim())))
  const close = async (): Promise<void> => {
    for (const one of calls) await one.close()
    for (const one of headsets) await one.close()
    await desk.close()
  }
  return { first, second, desk, headset, ears: { consumer, specialist }, told, close }
}

/** What a Replaces header says of this leg's dialog, to whoever is at its other end: escaped, for a URI (RFC 3891 §6.1). */
export function replacesOf(leg: Leg, suffix = ''): string {
  return encodeURIComponent(replacesHeader(leg) + suffix)
}

/** The same as the header's value. */
export function replacesHeader(leg: Leg): string {
  return `${leg.callId};to-tag=${leg.remoteTag};from-tag=${leg.localTag}`
}

/** Waits until this tone is heard, and those others are not. */
export async function hearsOnly(ear: Headset, toneHz: number): Promise<void> {
  let heard = new Map<number, number>()
  await eventually(
    async () => {
      ear.forget()
      await new Promise((resolve) => setTimeout(resolve, 2 * HEARD_MS))
      heard = ear.tones()
      const others = [...heard].filter(([hz, ms]) => hz !== toneHz && ms >= HEARD_MS)
      return (heard.get(toneHz) ?? 0) >= HEARD_MS && others.length === 0 ? true : undefined
    },
    () => `heard ${JSON.stringify([...heard])} (Hz, ms) and not only ${toneHz} Hz`,
  )
}

/** The next request of this method that a leg gets. */
export function requested(leg: Leg, method: string): Promise<SipMessage> {
  return new Promise((resolve) => leg.on('request', (request) => request.method === method && resolve(request)))
}
