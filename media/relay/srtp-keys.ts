import { createCipheriv, type Cipheriv } from 'node:crypto'
import type { SrtpSuite } from '../srtp-suites.ts'
import { HmacSha1 } from './hmac-sha1.ts'
import { RTP_PACKET_LIMIT_BYTES } from './rtp-packet.ts'

const AES_BLOCK_BYTES = 16
/** Labels of the key derivation function (RFC 3711 §4.3.1, §4.3.2). */
const LABELS = { rtp: { cipher: 0, auth: 1, salt: 2 }, rtcp: { cipher: 3, auth: 4, salt: 5 } } as const
const AUTH_KEY_BYTES = 20
const SALT_BYTES = 14

/**
 * Key stream is made for so many packets at once where they come one after another: calling OpenSSL costs several times what it does
 * in that call.
 */
const AHEAD = 8
/** Of a packet of which several are made at once: 512 bytes. */
const AHEAD_BLOCKS_LIMIT = RTP_PACKET_LIMIT_BYTES / AES_BLOCK_BYTES / AHEAD
const SEQUENCES = 65_536

/** Counter blocks and their encryption are as good as used up when a packet is done: one for all. */
const BLOCKS = Buffer.alloc(RTP_PACKET_LIMIT_BYTES + AES_BLOCK_BYTES)

/** The session keys of one direction, for RTP or for RTCP: the key stream (RFC 3711 §4.1.1) and the tag (§4.2.1). */
export class SrtpSessionKeys {
  readonly #cipher: Cipheriv
  readonly #hmac: HmacSha1
  readonly #salt: Buffer
  /** Key stream for `#packets` packets of `#blocks` blocks each, the first of this index. */
  #stream: Uint8Array = Buffer.alloc(0)
  #ssrc = -1
  #rollover = -1
  #sequence = 0
  #packets = 0
  #blocks = 0

  constructor(suite: SrtpSuite, master: Uint8Array, kind: 'rtp' | 'rtcp') {
    const label = LABELS[kind]
    this.#cipher = ecb(suite, derive(suite, master, label.cipher, suite.keyBytes))
    this.#hmac = new HmacSha1(derive(suite, master, label.auth, AUTH_KEY_BYTES))
    this.#salt = derive(suite, master, label.salt, SALT_BYTES)
  }

  /**
   * Encrypts or decrypts, the same thing in counter mode, the bytes from..to in place. `rollover` and `sequence` make the 48 bits of
   * the packet's index; an RTCP index of 31 bits is given the same way.
   */
  cipher(bytes: Uint8Array, from: number, to: number, ssrc: number, rollover: number, sequence: number): void {
    const size = to - from
    if (size <= 0) return
    const blocks = Math.ceil(size / AES_BLOCK_BYTES)
    const isLike = ssrc === this.#ssrc && rollover === this.#rollover && blocks === this.#blocks
    const ahead = sequence - this.#sequence
    if (!isLike || ahead < 0 || ahead >= this.#packets) {
      const isNext = isLike && ahead === this.#packets && blocks <= AHEAD_BLOCKS_LIMIT
      this.#packets = isNext ? Math.min(AHEAD, SEQUENCES - sequence) : 1
      this.#stream = this.#makeStream(ssrc, rollover, sequence, this.#packets, blocks)
      this.#ssrc = ssrc
      this.#rollover = rollover
      this.#sequence = sequence
      this.#blocks = blocks
    }
    const stream = this.#stream
    let at = (sequence - this.#sequence) * blocks * AES_BLOCK_BYTES
    for (let i = from; i < to; i++) bytes[i]! ^= stream[at++]!
  }

  /** RFC 3711 §4.1.1, for so many packets of so many blocks. */
  #makeStream(ssrc: number, rollover: number, sequence: number, packets: number, blocks: number): Uint8Array {
    const salt = this.#salt
    // IV = salt · 2^16 XOR SSRC · 2^64 XOR index · 2^16.
    for (let i = 0; i < SALT_BYTES; i++) BLOCKS[i] = salt[i]!
    for (let i = 0; i < 4; i++) {
      BLOCKS[4 + i]! ^= ssrc >>> (24 - 8 * i)
      BLOCKS[8 + i]! ^= rollover >>> (24 - 8 * i)
    }
    const count = packets * blocks
    for (let block = 0; block < count; block++) {
      const at = block * AES_BLOCK_BYTES
      const index = sequence + Math.floor(block / blocks)
      const counter = block % blocks
      for (let i = 0; i < 12; i++) BLOCKS[at + i] = BLOCKS[i]!
      BLOCKS[at + 12] = salt[12]! ^ (index >>> 8)
      BLOCKS[at + 13] = salt[13]! ^ index
      BLOCKS[at + 14] = counter >>> 8
      BLOCKS[at + 15] = counter
    }
    // One cipher for the whole call: making one for each packet costs ten times as much.
    return this.#cipher.update(BLOCKS.subarray(0, count * AES_BLOCK_BYTES))
  }

  /** Writes the tag of the bytes before `length` (and of the rollover counter, RTP's) behind them. */
  sign(bytes: Uint8Array, length: number, tagBytes: number, rollover: number | null): void {
    const tag = this.#hmac.compute(bytes, length, rollover)
    for (let i = 0; i < tagBytes; i++) bytes[length + i] = tag[i >> 2]! >>> (24 - 8 * (i & 3))
  }

  /** Whether the tag behind `length` bytes is theirs; takes as long for a wrong one. */
  isSigned(bytes: Uint8Array, length: number, tagBytes: number, rollover: number | null): boolean {
    const tag = this.#hmac.compute(bytes, length, rollover)
    let difference = 0
    for (let i = 0; i < tagBytes; i++) difference |= bytes[length + i]! ^ ((tag[i >> 2]! >>> (24 - 8 * (i & 3))) & 0xff)
    return difference === 0
  }
}

/** RFC 3711 §4.3.3, with a key derivation rate of 0: the key stream of the master key at the salt with the label in it. */
function derive(suite: SrtpSuite, master: Uint8Array, label: number, bytes: number): Buffer {
  const blocks = Buffer.alloc(Math.ceil(bytes / AES_BLOCK_BYTES) * AES_BLOCK_BYTES)
  for (let at = 0; at < blocks.length; at += AES_BLOCK_BYTES) {
    blocks.set(master.subarray(suite.keyBytes, suite.keyBytes + suite.saltBytes), at)
    blocks[at + 7]! ^= label
    blocks[at + 15] = at / AES_BLOCK_BYTES
  }
  const key = Buffer.from(master.subarray(0, suite.keyBytes))
  return ecb(suite, key).update(blocks).subarray(0, bytes)
}

function ecb(suite: SrtpSuite, key: Buffer): Cipheriv {
  return createCipheriv(`aes-${suite.keyBytes * 8}-ecb`, key, null).setAutoPadding(false)
}
