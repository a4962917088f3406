import { NO_QUALITY, type AudioQuality, type LegRecord, type MediaStats } from '../model/cdr.ts'
import type { BilledMinutes } from '../model/per-minute.ts'
import { readDateOrNull, readMicros } from './columns.ts'
import type { Row } from './postgres.ts'
import { timestamp, timestampOrNull } from './timestamp.ts'

/**
 * A leg as it is stored, twice for most calls: what is null, or as nearly every call has it, is absent. JSON leaves out what is undefined, so
 * all have one shape here. Times are null: earlier versions, which a database may be given back to, take what is absent for no time at all.
 */
export function legRow(leg: LegRecord): Row {
  return {
    side: leg.side,
    uri: leg.uri,
    sipCallId: leg.sipCallId,
    sipCallIds: isAlone(leg.sipCallIds, leg.sipCallId) ? undefined : leg.sipCallIds,
    awardId: leg.awardId ?? undefined,
    bidId: leg.bidId ?? undefined,
    targetId: leg.targetId ?? undefined,
    trunkId: leg.trunkId ?? undefined,
    state: leg.state,
    signature: leg.signature,
    invitedAt: timestamp(leg.invitedAt),
    ringingAt: timestampOrNull(leg.ringingAt),
    answeredAt: timestampOrNull(leg.answeredAt),
    endedAt: timestampOrNull(leg.endedAt),
    sipStatus: leg.sipStatus ?? undefined,
    media: leg.media ? mediaRow(leg.media) : undefined,
    minutes: leg.minutes && minutesRow(leg.minutes),
  }
}

/** Earlier versions wrote what is null as null, and one Call-ID twice or as the only one. */
export function readLeg(leg: Row): LegRecord {
  const { sipCallIds, state, signature, media, minutes } = leg
  return {
    side: leg['side'],
    uri: leg['uri'],
    sipCallId: leg['sipCallId'],
    sipCallIds: sipCallIds ?? [leg['sipCallId']],
    awardId: leg['awardId'] ?? null,
    bidId: leg['bidId'] ?? null,
    targetId: leg['targetId'] ?? null,
    trunkId: leg['trunkId'] ?? null,
    ...(state !== undefined && { state }),
    ...(signature && { signature }),
    invitedAt: new Date(leg['invitedAt']),
    ringingAt: readDateOrNull(leg['ringingAt']),
    answeredAt: readDateOrNull(leg['answeredAt']),
    endedAt: readDateOrNull(leg['endedAt']),
    sipStatus: leg['sipStatus'] ?? null,
    media: media ? readMedia(media) : null,
    ...(minutes && { minutes: { price: readBilled(minutes.price), payout: readBilled(minutes.payout) } }),
  }
}

/** What a call by the minute came to, of one side. */
export function readBilled(side: Row | null): BilledMinutes['price'] {
  return side && { rateMicros: readMicros(side['rateMicros']), seconds: side['seconds'] }
}

function mediaRow({ packetsReceived, packetsLost, octetsReceived, jitterMs, quality }: MediaStats): Row {
  return { packetsReceived, packetsLost, octetsReceived, jitterMs, quality: quality && qualityRow(quality) }
}

function qualityRow(quality: AudioQuality): Row {
  return {
    packetsOutOfOrder: quality.packetsOutOfOrder || undefined,
    packetsDuplicate: quality.packetsDuplicate || undefined,
    jitterMaxMs: quality.jitterMaxMs || undefined,
    roundTripMs: quality.roundTripMs ?? undefined,
    reportedLost: quality.reportedLost ?? undefined,
    mosMin: quality.mosMin ?? undefined,
    mosMean: quality.mosMean ?? undefined,
    fault: quality.fault ?? undefined,
    faultMs: quality.faultMs || undefined,
  }
}

function readMedia({ packetsReceived, packetsLost, octetsReceived, jitterMs, quality }: Row): MediaStats {
  const counted = { packetsReceived, packetsLost, octetsReceived, jitterMs }
  return quality ? { ...counted, quality: { ...NO_QUALITY, ...quality } } : counted
}

function minutesRow({ price, payout }: BilledMinutes): Row {
  const side = (one: BilledMinutes['price']): Row | null => one && { ...one, rateMicros: one.rateMicros.toString() }
  return { price: side(price), payout: side(payout) }
}

function isAlone(ids: readonly string[], id: string): boolean {
  return ids.length === 1 && ids[0] === id
}
