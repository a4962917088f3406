/**
 * The STUN server that SIP's UDP port has to be (RFC 5626 §8, §4.4.2): a client behind a NAT asks what address it is seen from, to
 * keep its mapping and to learn of a new one. Nothing is remembered, and an answer is at most 32 bytes longer than its question.
 */
import { addressBytes } from './address-blocks.ts'

const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111
const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const XOR_MAPPED_ADDRESS = 0x0020
/** Attributes from here on may be passed over (RFC 8489 §14). */
const OPTIONAL = 0x8000
/** More of them than this in one question are not named one by one. */
const MAX_NAMED = 16
/** What may be asked of us without our heeding it: USERNAME, MESSAGE-INTEGRITY and its SHA-256 (RFC 5626 §8: no authentication), PRIORITY. */
const PASSED_OVER = new Set([0x0006, 0x0008, 0x001c, 0x0024])

/** Whether a datagram is STUN (RFC 8489 §5, §6.3): two zero bits, which no SIP message begins with, and the magic cookie. */
export function isStun(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes[0]! < 0x40 && bytes.readUInt32BE(4) === MAGIC_COOKIE
}

/**
 * Reads a STUN message that came from `host` (an IP literal) and `port`. Only a binding request is answered (RFC 8489 §6.3.1):
 * indications and answers to nothing are not.
 */
export function answerStun(bytes: Buffer, host: string, port: number): Buffer | 'malformed' | 'silent' {
  const unknown = unknownAttributes(bytes)
  if (unknown === null) return 'malformed'
  if (bytes.readUInt16BE(0) !== BINDING_REQUEST) return 'silent'
  const attribute = unknown.length === 0 ? mappedAddress(bytes, host, port) : refusal(unknown)
  const header = Buffer.from(bytes.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(unknown.length === 0 ? BINDING_SUCCESS : BINDING_ERROR, 0)
  header.writeUInt16BE(attribute.length, 2)
  return Buffer.concat([header, attribute])
}

/** Attributes that would have to be understood and are not; null when the message cannot be read. */
function unknownAttributes(bytes: Buffer): number[] | null {
  const length = bytes.readUInt16BE(2)
  if (length % 4 !== 0 || HEADER_BYTES + length !== bytes.length) return null
  const unknown: number[] = []
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const type = bytes.readUInt16BE(at)
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) return null
    if (type < OPTIONAL && !PASSED_OVER.has(type) && unknown.length < MAX_NAMED) unknown.push(type)
    at = Math.ceil(end / 4) * 4
  }
  return unknown
}

/** RFC 8489 §14.2. */
function mappedAddress(bytes: Buffer, host: string, port: number): Buffer {
  const address = addressBytes(host)
  const value = Buffer.alloc(8 + address.length)
  value.writeUInt16BE(XOR_MAPPED_ADDRESS, 0)
  value.writeUInt16BE(4 + address.length, 2)
  value.writeUInt16BE(address.length === 4 ? 1 : 2, 4)
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 6)
  // The cookie and, for IPv6, the transaction's id after it.
  for (const [index, byte] of address.entries()) value[8 + index] = byte ^ bytes[4 + index]!
  return value
}

/** RFC 8489 §14.8, §14.13: 420, and what was not understood. */
function refusal(unknown: readonly number[]): Buffer {
  const reason = 'Unknown Attribute' // 17 bytes: three of padding.
  const value = Buffer.alloc(8 + 20 + 4 + Math.ceil(unknown.length / 2) * 4)
  value.writeUInt16BE(ERROR_CODE, 0)
  value.writeUInt16BE(4 + reason.length, 2)
  value.writeUInt16BE((4 << 8) | 20, 6)
  value.write(reason, 8, 'latin1')
  value.writeUInt16BE(UNKNOWN_ATTRIBUTES, 28)
  value.writeUInt16BE(unknown.length * 2, 30)
  for (const [index, type] of unknown.entries()) value.writeUInt16BE(type, 32 + index * 2)
  return value
}
