const BLOCK_BYTES = 64
const W = new Int32Array(80)

/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4) of one key, for tags of packets: nothing is allocated for it, where most of what
 * node:crypto's takes is for making its objects (`npm run bench media` has the figures).
 */
export class HmacSha1 {
  readonly #inner = new Int32Array(5)
  readonly #outer = new Int32Array(5)
  readonly #state = new Int32Array(5)
  readonly #tail = new Uint8Array(2 * BLOCK_BYTES)

  /** `key` is at most 64 bytes. */
  constructor(key: Uint8Array) {
    const pad = new Uint8Array(BLOCK_BYTES)
    for (const [state, mask] of [
      [this.#inner, 0x36],
      [this.#outer, 0x5c],
    ] as const) {
      for (let i = 0; i < BLOCK_BYTES; i++) pad[i] = (key[i] ?? 0) ^ mask
      start(state)
      compress(state, pad, 0)
    }
  }

  /** The words of the tag of these bytes and, unless null, four more: `suffix`, in network order. They hold until the next call. */
  compute(bytes: Uint8Array, length: number, suffix: number | null): Int32Array {
    const [state, tail] = [this.#state, this.#tail]
    state.set(this.#inner)
    let at = 0
    for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(state, bytes, at)
    let fill = 0
    for (; at < length; at++) tail[fill++] = bytes[at]!
    if (suffix !== null) for (let shift = 24; shift >= 0; shift -= 8) tail[fill++] = suffix >>> shift
    finish(state, tail, fill, BLOCK_BYTES + length + (suffix === null ? 0 : 4))
    for (let i = 0; i < 5; i++) for (let j = 0; j < 4; j++) tail[4 * i + j] = state[i]! >>> (24 - 8 * j)
    state.set(this.#outer)
    finish(state, tail, 20, BLOCK_BYTES + 20)
    return state
  }
}

/** Pads (FIPS 180-4 §5.1.1) what is left of a message of `total` bytes, and takes it in. */
function finish(state: Int32Array, tail: Uint8Array, fill: number, total: number): void {
  const end = fill + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES
  tail[fill] = 0x80
  tail.fill(0, fill + 1, end)
  const bits = total * 8 // A packet's, so far below 2^32.
  for (let i = 1; i <= 4; i++) tail[end - i] = bits >>> (8 * (i - 1))
  compress(state, tail, 0)
  if (end > BLOCK_BYTES) compress(state, tail, BLOCK_BYTES)
}

function start(state: Int32Array): void {
  state[0] = 0x67452301
  state[1] = 0xefcdab89
  state[2] = 0x98badcfe
  state[3] = 0x10325476
  state[4] = 0xc3d2e1f0
}

/**
 * FIPS 180-4 §6.1.2: one block of 64 bytes. Four loops, and sums cut to 32 bits as they grow: one loop that asks each time which of the
 * four it is in took 3.5 times as long.
 */
function compress(state: Int32Array, bytes: Uint8Array, from: number): void {
  for (let i = 0, at = from; i < 16; i++, at += 4)
    W[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  for (let i = 16; i < 80; i++) {
    const word = W[i - 3]! ^ W[i - 8]! ^ W[i - 14]! ^ W[i - 16]!
    W[i] = (word << 1) | (word >>> 31)
  }
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let next = 0
  let i = 0
  for (; i < 20; i++) {
    next = ((((a << 5) | (a >>> 27)) + e) | 0) + ((W[i]! + 0x5a827999) | 0) + (d ^ (b & (c ^ d)))
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next | 0
  }
  for (; i < 40; i++) {
    next = ((((a << 5) | (a >>> 27)) + e) | 0) + ((W[i]! + 0x6ed9eba1) | 0) + (b ^ c ^ d)
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next | 0
  }
  for (; i < 60; i++) {
    next = ((((a << 5) | (a >>> 27)) + e) | 0) + ((W[i]! + 0x8f1bbcdc) | 0) + ((b & c) | (d & (b | c)))
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next | 0
  }
  for (; i < 80; i++) {
    next = ((((a << 5) | (a >>> 27)) + e) | 0) + ((W[i]! + 0xca62c1d6) | 0) + (b ^ c ^ d)
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
}
