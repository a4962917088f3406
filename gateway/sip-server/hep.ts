import { isIPv4, isIPv6 } from 'node:net'

/** A SIP message as it is told to a capture server. */
export interface HepMessage {
  readonly atMs: number
  readonly source: { readonly host: string; readonly port: number }
  readonly destination: { readonly host: string; readonly port: number }
  /** Whether it went in TCP segments (also under TLS or WebSocket). */
  readonly isStream: boolean
  readonly callId: string
  /** In latin1. */
  readonly text: string
}

/** Who says so: chunks 12 and 14. */
export interface HepIdentity {
  readonly captureId: number
  /** The collector's shared secret; null: none is sent. */
  readonly password: string | null
}

/** Chunk types of vendor 0 (HEP 3 rev. 36, "HEP3 Network protocol specification", table 1). */
const CHUNK = {
  ipFamily: 1,
  ipProtocol: 2,
  ipv4Source: 3,
  ipv4Destination: 4,
  ipv6Source: 5,
  ipv6Destination: 6,
  sourcePort: 7,
  destinationPort: 8,
  seconds: 9,
  micros: 10,
  payloadProtocol: 11,
  captureId: 12,
  password: 14,
  payload: 15,
  correlationId: 17,
} as const

/** The numbers that chunks 1, 2 and 11 hold. */
const FAMILY = { ipv4: 2, ipv6: 10 } as const
const PROTOCOL = { tcp: 6, udp: 17 } as const
const SIP = 1

const CHUNK_HEADER_BYTES = 6
const START = 'HEP3'
const START_BYTES = START.length + 2

/**
 * One HEP version 3 packet: `HEP3`, its length, then chunks of vendor, type, length and value, all big-endian. Lengths have
 * 16 bits: the caller sees to it that message, Call-ID and password leave room for the rest.
 */
export function encodeHep(message: HepMessage, identity: HepIdentity): Buffer {
  const { source, destination } = message
  const isV6 = isIPv6(source.host) || isIPv6(destination.host)
  const addressBytes = isV6 ? 16 : 4
  const password = Buffer.from(identity.password ?? '', 'utf8')
  const seconds = Math.floor(message.atMs / 1000)
  const values = 1 + 1 + 2 * addressBytes + 2 + 2 + 4 + 4 + 1 + 4 + message.text.length + message.callId.length
  const chunks = 12 + (password.length > 0 ? 1 : 0)
  const packet = Buffer.allocUnsafe(START_BYTES + values + password.length + chunks * CHUNK_HEADER_BYTES)
  let at = packet.write(START, 0, 'latin1')
  at = packet.writeUInt16BE(packet.length, at)
  const begin = (type: number, length: number): void => {
    at = packet.writeUInt16BE(0, at)
    at = packet.writeUInt16BE(type, at)
    at = packet.writeUInt16BE(CHUNK_HEADER_BYTES + length, at)
  }
  const byte = (type: number, value: number): void => {
    begin(type, 1)
    at = packet.writeUInt8(value, at)
  }
  const short = (type: number, value: number): void => {
    begin(type, 2)
    at = packet.writeUInt16BE(value, at)
  }
  const long = (type: number, value: number): void => {
    begin(type, 4)
    at = packet.writeUInt32BE(value, at)
  }
  const address = (type: number, host: string): void => {
    begin(type, addressBytes)
    if (!isV6) writeIPv4(host, packet, at)
    else writeIPv6(isIPv4(host) ? `::ffff:${host}` : host, packet, at)
    at += addressBytes
  }
  byte(CHUNK.ipFamily, isV6 ? FAMILY.ipv6 : FAMILY.ipv4)
  byte(CHUNK.ipProtocol, message.isStream ? PROTOCOL.tcp : PROTOCOL.udp)
  address(isV6 ? CHUNK.ipv6Source : CHUNK.ipv4Source, source.host)
  address(isV6 ? CHUNK.ipv6Destination : CHUNK.ipv4Destination, destination.host)
  short(CHUNK.sourcePort, source.port)
  short(CHUNK.destinationPort, destination.port)
  long(CHUNK.seconds, seconds)
  long(CHUNK.micros, Math.floor((message.atMs - seconds * 1000) * 1000))
  byte(CHUNK.payloadProtocol, SIP)
  long(CHUNK.captureId, identity.captureId)
  if (password.length > 0) {
    begin(CHUNK.password, password.length)
    at += password.copy(packet, at)
  }
  begin(CHUNK.correlationId, message.callId.length)
  at += packet.write(message.callId, at, 'latin1')
  begin(CHUNK.payload, message.text.length)
  packet.write(message.text, at, 'latin1')
  return packet
}

function writeIPv4(host: string, packet: Buffer, at: number): void {
  packet.fill(0, at, at + 4)
  if (!isIPv4(host)) return // A response goes where a Via says, and that may be a name: it is shown as 0.0.0.0.
  let value = 0
  let place = at
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 46) {
      packet[place++] = value
      value = 0
    } else value = value * 10 + (code - 48)
  }
  packet[place] = value
}

/** RFC 4291 §2.2, all three forms; a zone is left out. */
function writeIPv6(host: string, packet: Buffer, at: number): void {
  packet.fill(0, at, at + 16)
  if (!isIPv6(host)) return
  const [head = '', tail] = host.split('%')[0]!.split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  before.forEach((group, index) => packet.writeUInt16BE(group, at + 2 * index))
  after.forEach((group, index) => packet.writeUInt16BE(group, at + 16 - 2 * (after.length - index)))
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
