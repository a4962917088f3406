import type { LegSide } from '../../model/call.ts'
import { NO_QUALITY, type AudioQuality, type MediaStats } from '../../model/cdr.ts'
import type { SessionStats } from '../media-server.ts'
import type { Bencoded } from './bencode.ts'

/**
 * What rtpengine tells of a call, by side. Packets and octets it counts itself. Loss, jitter, the way there and back and its opinion
 * score it knows from the parties' RTCP alone, and only where both report on each other (RFC 3550 §6.4.1): they are of the whole way from
 * one party to the other; without that loss and jitter are 0, and there is no quality.
 */
export function readStats(reply: Bencoded, tags: Readonly<Record<LegSide, string>>): SessionStats {
  const [caller, buyer] = [heardOf(reply, tags.caller), heardOf(reply, tags.buyer)]
  return { caller: sideStats(caller, buyer.report), buyer: sideStats(buyer, caller.report) }
}

/** One side’s stream, and what its phone reports of the other’s: rtpengine keeps that under the SSRC of who reports. */
interface HeardSide {
  readonly packets: number
  readonly octets: number
  /** Null: it reports nothing. */
  readonly report: Report | null
}

interface Report {
  readonly lost: number
  readonly jitterMs: number
  readonly jitterMaxMs: number
  /** From rtpengine to whoever reports, and back. */
  readonly roundTripMs: number | null
  readonly mosMin: number | null
  readonly mosMean: number | null
}

function heardOf(reply: Bencoded, tag: string): HeardSide {
  const stream = at(reply, 'tags', tag, 'medias', 0, 'streams', 0)
  const heard = at(reply, 'SSRC', String(numberOf(at(stream, 'SSRC'))))
  return {
    packets: numberOf(at(stream, 'stats', 'packets')),
    octets: numberOf(at(stream, 'stats', 'bytes')),
    report: typeof heard === 'object' ? readReport(heard) : null,
  }
}

function readReport(heard: Bencoded): Report {
  const mean = at(heard, 'average MOS')
  const lowest = at(heard, 'lowest MOS')
  const highest = at(heard, 'highest MOS')
  return {
    lost: numberOf(at(heard, 'cumulative loss')),
    jitterMs: numberOf(at(mean, 'jitter')),
    jitterMaxMs: Math.max(...[mean, lowest, highest].map((one) => numberOf(at(one, 'jitter')))),
    roundTripMs: numberOf(at(mean, 'round-trip time leg')) / 1000 || null,
    mosMin: numberOf(at(lowest, 'MOS')) / 10 || null, // It says 43 for 4.3, and 0 for none.
    mosMean: numberOf(at(mean, 'MOS')) / 10 || null,
  }
}

/** `heard` is how this side’s stream was heard by the other phone. */
function sideStats({ packets, octets, report }: HeardSide, heard: Report | null): MediaStats {
  const figures = {
    packetsReceived: packets,
    octetsReceived: octets,
    packetsLost: heard?.lost ?? 0,
    jitterMs: heard?.jitterMs ?? 0,
  }
  if (report === null && heard === null) return figures
  return {
    ...figures,
    quality: {
      ...NO_QUALITY, // Packets out of order and repeated ones rtpengine does not count.
      jitterMaxMs: heard?.jitterMaxMs ?? 0,
      mosMin: heard?.mosMin ?? null,
      mosMean: heard?.mosMean ?? null,
      roundTripMs: report?.roundTripMs ?? null,
      reportedLost: report?.lost ?? null,
    },
  }
}

function at(value: Bencoded | undefined, ...path: readonly (string | number)[]): Bencoded | undefined {
  let found = value
  for (const step of path) {
    if (typeof found !== 'object') return undefined
    found = Array.isArray(found)
      ? (found as readonly Bencoded[])[Number(step)]
      : (found as { readonly [key: string]: Bencoded })[step]
  }
  return found
}

function numberOf(value: Bencoded | undefined): number {
  return typeof value === 'number' ? value : 0
}

/** One party's figures at two rtpengines, one after the other. */
export function addStats(a: MediaStats, b: MediaStats): MediaStats {
  const quality = a.quality && b.quality ? addQuality(a, a.quality, b, b.quality) : (b.quality ?? a.quality)
  return {
    packetsReceived: a.packetsReceived + b.packetsReceived,
    packetsLost: a.packetsLost + b.packetsLost,
    octetsReceived: a.octetsReceived + b.octetsReceived,
    jitterMs: b.jitterMs,
    ...(quality ? { quality } : {}),
  }
}

function addQuality(a: MediaStats, first: AudioQuality, b: MediaStats, then: AudioQuality): AudioQuality {
  const all = a.packetsReceived + b.packetsReceived || 1
  const lowest = [first.mosMin, then.mosMin].filter((mos) => mos !== null)
  const means = first.mosMean !== null && then.mosMean !== null
  return {
    ...then,
    jitterMaxMs: Math.max(first.jitterMaxMs, then.jitterMaxMs),
    mosMin: lowest.length > 0 ? Math.min(...lowest) : null,
    mosMean: means
      ? (first.mosMean * a.packetsReceived + then.mosMean * b.packetsReceived) / all
      : (then.mosMean ?? first.mosMean),
  }
}
