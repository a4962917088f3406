import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { TracedMessage } from './needs.ts'

/** Packets begin with their IP header (LINKTYPE_RAW of the tcpdump registry). */
const LINKTYPE_RAW = 101
const MAGIC_MICROSECONDS = 0xa1b2c3d4
const UDP = 17
const TTL = 64

/** The most that a UDP datagram holds over IPv4 (65,535 less both headers): what is longer is cut, and marked as cut. */
const MAX_PAYLOAD = 65_507

/**
 * Messages as a capture file (libpcap 2.4) that Wireshark reads. Each is one UDP datagram between the addresses it went
 * between, whatever carried it: the headers are made here, for streams and encrypted transports too.
 */
export function pcapOf(messages: readonly TracedMessage[]): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(MAGIC_MICROSECONDS, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65_535, 16)
  header.writeUInt32LE(LINKTYPE_RAW, 20)
  return Buffer.concat([header, ...messages.flatMap(recordOf)])
}

function recordOf(message: TracedMessage): Buffer[] {
  const [source, destination] =
    message.direction === 'in' ? [message.remote, message.local] : [message.local, message.remote]
  const whole = Buffer.from(message.text, 'latin1')
  const payload = whole.subarray(0, MAX_PAYLOAD)
  const isV6 = isIPv6(source.host) || isIPv6(destination.host)
  const from = addressBytes(source.host, isV6)
  const to = addressBytes(destination.host, isV6)
  const udp = udpHeader(from, to, source.port, destination.port, payload)
  const ip = isV6
    ? ipv6Header(from, to, udp.length + payload.length)
    : ipv4Header(from, to, udp.length + payload.length)
  const length = ip.length + udp.length + payload.length
  const record = Buffer.alloc(16)
  const micros = Math.round(message.atMs * 1000)
  record.writeUInt32LE(Math.floor(micros / 1_000_000), 0)
  record.writeUInt32LE(micros % 1_000_000, 4)
  record.writeUInt32LE(length, 8)
  record.writeUInt32LE(length + whole.length - payload.length, 12)
  return [record, ip, udp, payload]
}

/** A response may have gone to a name (RFC 3261 §18.2.2, maddr): it is shown as the unspecified address. */
function addressBytes(host: string, isV6: boolean): Buffer {
  const plain = host.split('%')[0]!
  if (isV6)
    return Buffer.from(ipaddr.parse(isIPv4(plain) ? `::ffff:${plain}` : isIPv6(plain) ? plain : '::').toByteArray())
  return Buffer.from(ipaddr.parse(isIPv4(plain) ? plain : '0.0.0.0').toByteArray())
}

/** RFC 791 §3.1. */
function ipv4Header(from: Buffer, to: Buffer, length: number): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + length, 2)
  header[8] = TTL
  header[9] = UDP
  from.copy(header, 12)
  to.copy(header, 16)
  header.writeUInt16BE(checksum([header]), 10)
  return header
}

/** RFC 8200 §3. */
function ipv6Header(from: Buffer, to: Buffer, length: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(length, 4)
  header[6] = UDP
  header[7] = TTL
  from.copy(header, 8)
  to.copy(header, 24)
  return header
}

/** RFC 768; its checksum covers a pseudo header of addresses, protocol and length, and is never 0. */
function udpHeader(from: Buffer, to: Buffer, fromPort: number, toPort: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(fromPort, 0)
  header.writeUInt16BE(toPort, 2)
  header.writeUInt16BE(8 + payload.length, 4)
  const rest = Buffer.alloc(8)
  rest.writeUInt32BE(8 + payload.length, 0)
  rest[7] = UDP
  header.writeUInt16BE(checksum([from, to, rest, header, payload]) || 0xffff, 6)
  return header
}

/** The Internet checksum (RFC 1071) over parts of which all but the last have an even length. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let at = 0; at + 1 < part.length; at += 2) sum += part.readUInt16BE(at)
    if (part.length % 2 === 1) sum += part.at(-1)! * 256
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
