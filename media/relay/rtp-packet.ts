/** Larger datagrams are nobody's audio: 20 ms of stereo L16 at 44.1 kHz is 3,540 bytes. */
export const RTP_PACKET_LIMIT_BYTES = 4096

const RTP_HEADER_BYTES = 12
const RTCP_HEADER_BYTES = 8
const VERSION_2 = 2

/** True when the bytes are one whole RTP packet: the header checks of RFC 3550 §A.1. The payload is not looked at. */
export function isRtp(packet: Uint8Array): boolean {
  const size = packet.length
  if (size < RTP_HEADER_BYTES || size > RTP_PACKET_LIMIT_BYTES) return false
  const first = packet[0]!
  if (first >> 6 !== VERSION_2) return false
  if ((first & 0x3f) === 0) return true // No padding, extension or CSRC: nearly every packet of a phone call.
  let header = RTP_HEADER_BYTES + 4 * (first & 0x0f)
  if (first & 0x10) {
    if (size < header + 4) return false
    header += 4 + 4 * ((packet[header + 2]! << 8) | packet[header + 3]!)
  }
  if (size < header) return false
  if (first & 0x20) {
    const padding = packet[size - 1]!
    return padding > 0 && padding <= size - header
  }
  return true
}

/** True for the start of an RTCP compound packet (RFC 3550 §A.2); reduced-size RTCP (RFC 5506) passes too. */
export function isRtcp(packet: Uint8Array): boolean {
  const size = packet.length
  return (
    size >= RTCP_HEADER_BYTES &&
    size <= RTP_PACKET_LIMIT_BYTES &&
    packet[0]! >> 6 === VERSION_2 &&
    isRtcpType(packet[1]!)
  )
}

/** RFC 5761 §4: on a shared port, a second byte of 192 to 223 is RTCP, anything else RTP. */
export function isRtcpType(secondByte: number): boolean {
  return secondByte >= 192 && secondByte <= 223
}

/** Where the payload of a packet that `isRtp` begins. */
export function rtpPayloadStart(packet: Uint8Array): number {
  const start = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f)
  return packet[0]! & 0x10 ? start + 4 + 4 * ((packet[start + 2]! << 8) | packet[start + 3]!) : start
}

/** Where it ends: before the padding. */
export function rtpPayloadEnd(packet: Uint8Array): number {
  return packet[0]! & 0x20 ? packet.length - packet[packet.length - 1]! : packet.length
}
