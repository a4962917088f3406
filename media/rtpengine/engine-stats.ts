import type { LegSide } from '../../model/call.ts'
import type { MediaStats } from '../../model/cdr.ts'
import type { SessionStats } from '../media-server.ts'
import type { Bencoded } from './bencode.ts'

export const NO_STATS: MediaStats = { packetsReceived: 0, packetsLost: 0, octetsReceived: 0, jitterMs: 0 }

/**
 * What rtpengine tells of a call, by side. Packets and octets it counts itself; loss (as a percentage) and jitter it knows
 * from the parties' RTCP alone, and only where both report on each other (RFC 3550 §6.4.1): without that they are 0.
 */
export function readStats(reply: Bencoded, tags: Readonly<Record<LegSide, string>>): SessionStats {
  return { caller: sideStats(reply, tags.caller), buyer: sideStats(reply, tags.buyer) }
}

function sideStats(reply: Bencoded, tag: string): MediaStats {
  const stream = at(reply, 'tags', tag, 'medias', 0, 'streams', 0)
  const heard = at(reply, 'SSRC', String(numberOf(at(stream, 'SSRC'))), 'average MOS')
  const packetsReceived = numberOf(at(stream, 'stats', 'packets'))
  const percent = Math.min(99, numberOf(at(heard, 'packet loss')))
  return {
    packetsReceived,
    octetsReceived: numberOf(at(stream, 'stats', 'bytes')),
    packetsLost: Math.round((packetsReceived * percent) / (100 - percent)),
    jitterMs: numberOf(at(heard, 'jitter')),
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
  return {
    packetsReceived: a.packetsReceived + b.packetsReceived,
    packetsLost: a.packetsLost + b.packetsLost,
    octetsReceived: a.octetsReceived + b.octetsReceived,
    jitterMs: b.jitterMs,
  }
}
