import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import type { MediaDescription } from 'sdp-transform'
import { isControlPlace } from './control-places.ts'
import { UnacceptableMedia } from './media-server.ts'
import { textOf } from './sdp-security.ts'

/** Where a description wants its audio sent. */
export interface AudioPlace {
  /** A canonical IP address, or a host name, which is not looked up. */
  readonly address: string
  /** Hold in the way of RFC 2543: c=0.0.0.0 or c=::. */
  readonly heldByAddress: boolean
  readonly rtpPort: number
  readonly rtcpAddress: string
  readonly rtcpPort: number
}

/** `ip` and `port` are of its c= and m= lines. Throws UnacceptableMedia where nobody's audio may go. */
export function readPlace(ip: string, port: number, rtcp: MediaDescription['rtcp'], isDtls: boolean): AudioPlace {
  const address = readAddress(ip)
  const rtcpPort = rtcp?.port ?? port + 1
  const rtcpAddress = rtcp?.address === undefined ? address : readAddress(rtcp.address)
  if (isControlPlace(address, port) || isControlPlace(rtcpAddress, rtcpPort))
    throw new UnacceptableMedia('the audio is to be sent where a media engine takes its orders')
  return {
    address,
    // A browser that has not looked for its addresses yet says 0.0.0.0, too (RFC 8840 §4.3.1).
    heldByAddress: !isDtls && (address === '0.0.0.0' || address === '::'),
    rtpPort: port,
    rtcpAddress,
    rtcpPort: isPort(rtcpPort) ? rtcpPort : port, // 65535 has no port above it: then RTCP is not sent anywhere useful.
  }
}

export function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port <= 65_535
}

/** The spelling the operating system uses for a packet's source, so that the two can be compared. */
function readAddress(text: string): string {
  const address = textOf(text).split('/')[0]!
  if (isIPv6(address) && !address.includes('%')) {
    const canonical = new SocketAddress({ address, family: 'ipv6' }).address
    if (canonical.startsWith('ff')) throw new UnacceptableMedia('the audio is to be sent to a multicast address', 330)
    return canonical
  }
  // RFC 5771: 224.0.0.0/4 is multicast; above it is reserved, and 255.255.255.255 is everyone.
  if (isIPv4(address) && Number(address.split('.')[0]) >= 224) {
    throw new UnacceptableMedia('the audio is to be sent to a multicast or broadcast address', 330)
  }
  return address
}
