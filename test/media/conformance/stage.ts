import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type MediaCapability, type MediaServer, type MediaSession, type Sdp } from '../../../media/media-server.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { audioPort, type RtpParty } from '../relay/rtp-party.ts'
import { type RunningEngine } from './engines-present.ts'
import { toneHeard } from './tone-party.ts'

/** What a behaviour is shown with: an engine, and phones with nothing but sockets. */
export interface Stage {
  readonly engine: MediaServer
  readonly running: RunningEngine
  readonly caller: RtpParty
  readonly buyer: RtpParty
  readonly third: RtpParty
}

/** One thing every engine does, or one that those with a capability do. */
export interface Behaviour {
  /** Finishes the sentence "the engine …". */
  readonly name: string
  readonly needs?: MediaCapability
  /** It cannot be shown on an engine that cannot be killed from outside. */
  readonly kills?: true
  run(stage: Stage): Promise<void>
}

/** The caller plays 400 Hz, the buyer 650, a third 900: whoever is heard is known by it. */
export const TONES = { caller: 400, buyer: 650, third: 900 }

export interface Talk {
  readonly session: MediaSession
  /** Where each sends. */
  readonly callerPort: number
  readonly buyerPort: number
  readonly told: Sdp
}

export async function open({ engine }: Stage, callerOffer: Sdp | null): Promise<MediaSession> {
  return engine.createSession({ callId: newId<CallId>(), callerOffer })
}

export async function answered(
  stage: Stage,
  offer = stage.caller.describe(),
  answer = stage.buyer.describe(),
): Promise<Talk> {
  const session = await open(stage, offer)
  const toBuyer = await session.offerToBuyer(null)
  const told = await session.answerFromBuyer(answer)
  await ready(stage)
  return { session, told, callerPort: audioPort(told), buyerPort: audioPort(toBuyer) }
}

/** Until what was answered last is passed on. */
export async function ready({ running }: Stage): Promise<void> {
  if (running.isBetween) await sleep(running.isBetween.readyMs)
}

/** What is offered names exactly these payloads; where the engine is between the two sides it offers its own, among them the first of these. */
export function assertOffers({ running }: Stage, offer: Sdp, first: number, exactly: RegExp): void {
  const payloads = /^m=audio \d+ RTP\/AVP (.*)\r$/m.exec(offer)?.[1] ?? ''
  if (running.isBetween) assert.ok(payloads.split(' ').includes(String(first)), payloads)
  else assert.match(payloads, exactly)
}

/** Figures of this many packets, as near as the engine counts. */
export function assertPackets({ running }: Stage, counted: number, sent: number): void {
  const slack = running.isBetween?.packets ?? 0
  assert.ok(counted <= sent && counted >= sent - slack, `${counted} of ${sent}`)
}

export async function hear(
  from: RtpParty,
  port: number,
  hertz: number,
  to: RtpParty,
  payload: 0 | 8 = 0,
): Promise<void> {
  const [heard] = await toneHeard(from, port, hertz, [to], payload)
  assert.deepEqual(heard, [hertz], 'the tone is heard at the other end')
}

export async function bothHear({ caller, buyer }: Stage, { callerPort, buyerPort }: Talk): Promise<void> {
  await hear(caller, callerPort, TONES.caller, buyer)
  await hear(buyer, buyerPort, TONES.buyer, caller)
}

export async function notHeard(from: RtpParty, port: number, hertz: number, by: RtpParty): Promise<void> {
  const [heard] = await toneHeard(from, port, hertz, [by])
  assert.deepEqual(heard, [], 'the tone is not heard')
}
