import type { ArrivingCall, EndedCall } from '../../compliance/fraud/fraud-call.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { Places } from '../../model/places.ts'
import type { Call } from '../live-call.ts'
import type { PastCall } from '../needs.ts'
import type { Arrival, ArrivedInvite } from '../screening/arrival.ts'

/** An offer with more codecs than anybody has. */
const MAX_CODECS = 32
/** Longer names are cut: nobody's is. */
const MAX_USER_AGENT = 200
/** Payload types that need no rtpmap (RFC 3551 §6). */
const STATIC: Readonly<Record<string, string>> = { 0: 'PCMU', 3: 'GSM', 4: 'G723', 8: 'PCMA', 9: 'G722', 18: 'G729' }

/** A call that came over a trunk, as fraud looks at it. */
export function arrivingCall(
  arrival: Arrival,
  invite: ArrivedInvite,
  request: ScreeningRequest,
  places: Places,
): ArrivingCall {
  const { callId, atMs, ani, number, seller, zip } = arrival
  return {
    id: callId,
    atMs,
    ani,
    dnis: number.number,
    trunkId: invite.trunk.id,
    sellerId: seller.id,
    numberId: number.id,
    vertical: number.vertical,
    trafficType: number.trafficType,
    sourceAddress: invite.caller.sourceAddress,
    userAgent: invite.caller.header('User-Agent')?.slice(0, MAX_USER_AGENT) ?? null,
    attestation: request.attestation ?? null,
    numberStates: ani === null ? [] : statesOf(places, ani),
    saidState: zip?.state ?? null,
    codecs: codecsOf(invite.caller.offer),
  }
}

/** What became of a call that is over and written down. */
export function endedCall(call: Call): EndedCall {
  const { receivedAt, ringingAt, sold, soldAttempt } = call
  return {
    id: call.id,
    endedAtMs: (call.endedAt ?? receivedAt).getTime(),
    outcome: call.outcome ?? 'failed',
    targetId: soldAttempt?.target.id ?? null,
    buyerId: soldAttempt?.award.buyerId ?? null,
    durationMs: call.durationMs,
    pddMs: ringingAt && ringingAt.getTime() - receivedAt.getTime(),
    billableAfter: sold?.billableAfter ?? null,
    // Paid now, or by what becomes of it later.
    isBilled: call.billableMs > 0 || call.priceMicros > 0n,
    hungUpBy: call.hungUpBy,
    audioFault: call.callerMedia?.quality?.fault ?? null,
  }
}

/** A call of before a start. What it was attested, what its seller said and who sent it is not kept: it counts as neither. */
export function arrivedBefore(call: PastCall, places: Places): ArrivingCall {
  const { id, receivedAt, ani, dnis, trunkId, sellerId, numberId, vertical, trafficType } = call
  return {
    id,
    atMs: receivedAt.getTime(),
    ani,
    dnis,
    trunkId,
    sellerId,
    numberId,
    vertical,
    trafficType,
    sourceAddress: '',
    userAgent: null,
    attestation: 'B',
    numberStates: ani === null ? [] : statesOf(places, ani),
    saidState: null,
    codecs: [],
  }
}

export function endedBefore(call: PastCall): EndedCall {
  const { id, endedAt, outcome, targetId, buyerId, durationMs, pddMs, billableAfter, isBilled, hungUpBy, audioFault } =
    call
  const endedAtMs = endedAt.getTime()
  return { id, endedAtMs, outcome, targetId, buyerId, durationMs, pddMs, billableAfter, isBilled, hungUpBy, audioFault }
}

function statesOf(places: Places, number: NonNullable<ArrivingCall['ani']>): readonly string[] {
  const found = places.ofNumber(number)
  if (found.length === 1) return [found[0]!.state]
  return [...new Set(found.map(({ state }) => state))]
}

/** The RTP payload names of an offer's first audio, in its order; empty without one (RFC 4566 §5.14, §6). */
export function codecsOf(offer: string | null): readonly string[] {
  if (offer === null) return []
  const audio = /^m=audio \d+(?:\/\d+)? \S+ ([^\r\n]*)/m.exec(offer)
  if (audio === null) return []
  const payloads = audio[1]!.split(' ').slice(0, MAX_CODECS)
  const names = new Map<string, string>()
  const rtpmap = /^a=rtpmap:(\d{1,3}) ([\w.-]{1,32})\//gm
  rtpmap.lastIndex = audio.index
  for (let found = rtpmap.exec(offer); found !== null && names.size < MAX_CODECS; found = rtpmap.exec(offer)) {
    if (!names.has(found[1]!)) names.set(found[1]!, found[2]!)
  }
  return payloads.flatMap((payload) => names.get(payload) ?? STATIC[payload] ?? [])
}
