import type { Address } from './server-transaction.ts'

let sessions = 0

/** An offer or answer of G.711 µ-law and telephone events, 20 ms a packet: enough for a scripted phone. */
export function buildSdp(
  media: Address,
  direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' = 'sendrecv',
): string {
  const family = media.host.includes(':') ? 'IP6' : 'IP4'
  const session = ++sessions
  return [
    'v=0',
    `o=- ${session} ${session} IN ${family} ${media.host}`,
    's=-',
    `c=IN ${family} ${media.host}`,
    't=0 0',
    `m=audio ${media.port} RTP/AVP 0 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15',
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n')
}

/** Where an SDP wants its audio; `null` when it has no audio line, or refuses it with port 0. */
export function readAudioAddress(sdp: string): Address | null {
  const audio = /^m=audio (\d+)[^\r\n]*((?:\r?\n(?!m=)[^\r\n]*)*)/m.exec(sdp)
  if (audio === null) return null
  const port = Number(audio[1])
  const own = /^c=IN IP[46] ([^\s/]+)/m.exec(audio[2]!)
  const host = (own ?? /^c=IN IP[46] ([^\s/]+)/m.exec(sdp))?.[1]
  return host === undefined || port === 0 ? null : { host, port }
}
