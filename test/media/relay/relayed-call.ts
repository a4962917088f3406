import assert from 'node:assert/strict'
import { newId, type CallId } from '../../../model/ids.ts'
import { createRelay } from '../../../media/relay/relay.ts'
import type { RelayOptions } from '../../../media/relay/relay-options.ts'
import type { RelayStats } from '../../../media/relay/relay-messages.ts'
import {
  MediaUnavailable,
  type MediaServer,
  type MediaSession,
  type SessionStats,
} from '../../../media/media-server.ts'
import { PROOF_PACKETS } from '../../../media/relay/latch.ts'
import { audioPort, rtp, type RtpParty } from './rtp-party.ts'

export const logged: string[] = []
export const needs = {
  log: {
    warn: (_details: object, message: string) => void logged.push(message),
    error: (_details: object, message: string) => void logged.push(message),
  },
}
/** How long a test waits for what must come. */
const PATIENCE_MS = 20_000
export const SMALL_RANGE = { from: 21_000, to: 21_199 }

export async function withRelay(
  options: Partial<RelayOptions>,
  body: (relay: MediaServer) => Promise<void>,
): Promise<void> {
  const relay = await createRelay(needs, { address: '127.0.0.1', portRange: SMALL_RANGE, portQuietMs: 0, ...options })
  try {
    await body(relay)
    assert.equal(relay.sessionCount, 0, 'every test closes what it opened')
  } finally {
    await relay.close()
  }
}

export interface Call {
  readonly session: MediaSession
  readonly caller: RtpParty
  readonly buyer: RtpParty
  /** Where each party sends. */
  readonly callerSide: number
  readonly buyerSide: number
}

/** An answered call between two parties. */
export async function connect(
  relay: MediaServer,
  parties: { caller: RtpParty; buyer: RtpParty },
  mux = false,
): Promise<Call> {
  const { caller, buyer } = parties
  const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe({ mux }) })
  const offer = await session.offerToBuyer(null)
  const answer = await session.answerFromBuyer(buyer.describe({ mux }))
  return { session, caller, buyer, callerSide: audioPort(answer), buyerSide: audioPort(offer) }
}

/** Sends one packet and resolves with it as it arrives. What came to the relay's socket before it has then been seen too. */
export async function pass(from: RtpParty, to: RtpParty, port: number, packet: Buffer): Promise<Buffer> {
  const heard = to.next()
  from.send(packet, port)
  return (await heard).packet
}

/** A party that is not where it described itself is heard from the packet that proves it, to which this resolves. */
export async function prove(from: RtpParty, to: RtpParty, port: number): Promise<Buffer> {
  for (let sequence = 1; sequence < PROOF_PACKETS; sequence++) from.send(rtp({ sequence }), port)
  return pass(from, to, port, rtp({ sequence: PROOF_PACKETS }))
}

/** The relay's figures tell what was dropped beside what every engine tells. */
export function relayStats(stats: SessionStats): RelayStats {
  assert('dropped' in stats.caller && 'dropped' in stats.buyer)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- asserted above.
  return stats as RelayStats
}

/** Asks until the figures are as awaited: each asking waits for the relay thread, so this is no busy loop. */
export async function untilStats(session: MediaSession, met: (stats: RelayStats) => boolean): Promise<RelayStats> {
  const startMs = performance.now()
  for (;;) {
    const stats = relayStats(await session.stats())
    if (met(stats)) return stats
    assert(performance.now() - startMs < PATIENCE_MS, `still ${JSON.stringify(stats)}`)
  }
}

export async function untilUp<T>(attempt: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MediaUnavailable) || performance.now() - startMs > PATIENCE_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
