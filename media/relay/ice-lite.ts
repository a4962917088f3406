import { createHmac, timingSafeEqual } from 'node:crypto'
import { isIPv4, SocketAddress } from 'node:net'
import { crc32 } from 'node:zlib'

/** Addresses a peer may be reached at, besides the one in use: it checks each of its own against ours. */
export const ICE_PATHS_LIMIT = 16

const HEADER_BYTES = 20
const MAGIC = 0x2112a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const INTEGRITY_BYTES = 24
const ATTRIBUTE = { username: 0x0006, integrity: 0x0008, mapped: 0x0020, useCandidate: 0x0025, fingerprint: 0x8028 }
const FINGERPRINT_XOR = 0x5354554e

export interface IceCredentials {
  readonly ufrag: string
  readonly pwd: string
}

interface Source {
  readonly address: string
  readonly port: number
}

/** RFC 7983 §7: a first byte of 0 to 3 is STUN. */
export function isStun(packet: Uint8Array): boolean {
  return packet.length >= HEADER_BYTES && packet[0]! < 4
}

/**
 * The passive half of ICE (RFC 8445 §2.5): we have one address and are looked for there. Answers the peer's checks, and is told by
 * them where the peer is: what we send goes to the pair it nominated last, or first was seen on. An ICE-lite agent asks for no
 * consent itself (RFC 7675 §5.1); a peer whose checks have stopped is silent, and the leg's timeout finds that.
 */
export class IceLite {
  toAddress = ''
  toPort = 0
  #own: IceCredentials
  #peerUfrag: string
  #isNominated = false
  #sources: Source[] = []

  constructor(own: IceCredentials, peerUfrag: string) {
    this.#own = own
    this.#peerUfrag = peerUfrag
  }

  /** New credentials (RFC 8445 §9): checks begin again, while audio goes on where it went. */
  restart(own: IceCredentials, peerUfrag: string): void {
    if (own.ufrag === this.#own.ufrag && peerUfrag === this.#peerUfrag) return
    this.#own = own
    this.#peerUfrag = peerUfrag
    this.#isNominated = false
  }

  /** Whether the peer has proved to be here. */
  accepts(address: string, port: number): boolean {
    if (port === this.toPort && address === this.toAddress) return true
    return this.#sources.some((source) => source.port === port && source.address === address)
  }

  /**
   * The answer to a check; null for anything else, and for whoever does not know our password: a stranger is told nothing, and no
   * packets with a forged source are answered.
   */
  answer(packet: Buffer, from: Source): Buffer | null {
    const check = readCheck(packet)
    if (check === null || check.username !== `${this.#own.ufrag}:${this.#peerUfrag}`) return null
    const signed = Buffer.from(packet.subarray(0, check.integrityAt))
    signed.writeUInt16BE(check.integrityAt + INTEGRITY_BYTES - HEADER_BYTES, 2)
    const tag = packet.subarray(check.integrityAt + 4, check.integrityAt + INTEGRITY_BYTES)
    if (!timingSafeEqual(createHmac('sha1', this.#own.pwd).update(signed).digest(), tag)) return null
    if (!this.accepts(from.address, from.port)) {
      if (this.#sources.length === ICE_PATHS_LIMIT) this.#sources.shift()
      this.#sources.push({ address: from.address, port: from.port })
    }
    if (check.isNominating || (!this.#isNominated && this.toPort === 0)) {
      this.toAddress = from.address
      this.toPort = from.port
    }
    this.#isNominated ||= check.isNominating
    return this.#success(packet.subarray(4, HEADER_BYTES), from)
  }

  #success(cookieAndId: Buffer, from: Source): Buffer {
    const mapped = mappedAddress(from, cookieAndId)
    const reply = Buffer.alloc(HEADER_BYTES + 4 + mapped.length + INTEGRITY_BYTES + 8)
    reply.writeUInt16BE(BINDING_SUCCESS, 0)
    cookieAndId.copy(reply, 4)
    let at = writeAttribute(reply, HEADER_BYTES, ATTRIBUTE.mapped, mapped)
    reply.writeUInt16BE(at + INTEGRITY_BYTES - HEADER_BYTES, 2)
    const tag = createHmac('sha1', this.#own.pwd).update(reply.subarray(0, at)).digest()
    at = writeAttribute(reply, at, ATTRIBUTE.integrity, tag)
    reply.writeUInt16BE(at + 8 - HEADER_BYTES, 2)
    const fingerprint = Buffer.alloc(4)
    fingerprint.writeUInt32BE((crc32(reply.subarray(0, at)) ^ FINGERPRINT_XOR) >>> 0)
    writeAttribute(reply, at, ATTRIBUTE.fingerprint, fingerprint)
    return reply
  }
}

function writeAttribute(reply: Buffer, at: number, type: number, value: Buffer): number {
  reply.writeUInt16BE(type, at)
  reply.writeUInt16BE(value.length, at + 2)
  value.copy(reply, at + 4)
  return at + 4 + value.length
}

/** XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
function mappedAddress({ address, port }: Source, cookieAndId: Buffer): Buffer {
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : bytesOfIPv6(address)
  const value = Buffer.alloc(4 + bytes.length)
  value[1] = isIPv4(address) ? 1 : 2
  value.writeUInt16BE(port ^ (MAGIC >>> 16), 2)
  for (const [i, byte] of bytes.entries()) value[4 + i] = byte ^ cookieAndId[i]!
  return value
}

function bytesOfIPv6(address: string): Buffer {
  const canonical = new SocketAddress({ address: address.split('%')[0]!, family: 'ipv6' }).address
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(canonical)
  const text = v4
    ? `${v4[1]}${(Number(v4[2]) * 256 + Number(v4[3])).toString(16)}:${(Number(v4[4]) * 256 + Number(v4[5])).toString(16)}`
    : canonical
  const [head = '', tail] = text.split('::')
  const [before, after] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const groups = [...before!, ...Array.from({ length: 8 - before!.length - after!.length }, () => '0'), ...after!]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

interface Check {
  readonly username: string
  readonly isNominating: boolean
  /** Where MESSAGE-INTEGRITY stands. */
  readonly integrityAt: number
}

/** A binding request with the attributes of a check (RFC 8445 §7.1, RFC 8489 §5); null for anything else. */
function readCheck(packet: Buffer): Check | null {
  if (packet.readUInt16BE(0) !== BINDING_REQUEST || packet.readUInt32BE(4) !== MAGIC) return null
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES || packet.length % 4 !== 0) return null
  let username: string | null = null
  let isNominating = false
  for (let at = HEADER_BYTES; at + 4 <= packet.length;) {
    const type = packet.readUInt16BE(at)
    const size = packet.readUInt16BE(at + 2)
    if (at + 4 + size > packet.length) return null
    if (type === ATTRIBUTE.integrity)
      return username === null || size !== 20 ? null : { username, isNominating, integrityAt: at }
    if (type === ATTRIBUTE.username) username = packet.toString('utf8', at + 4, at + 4 + size)
    if (type === ATTRIBUTE.useCandidate) isNominating = true
    at += 4 + size + ((4 - (size % 4)) % 4)
  }
  return null
}
