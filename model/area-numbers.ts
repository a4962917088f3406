/** Local numbers of one area code run to 9,999,999. */
export const LOCAL_NUMBERS = 10_000_000
/** Up to so many numbers are a plain sorted list of 4 bytes each, which needs no directory. */
const MOST_PLAIN = 2048
/** A larger set is cut into blocks of 65,536 numbers, each a sorted list of 2 bytes a number, or a bitmap of 8 KB once that is shorter. */
const BLOCKS = Math.ceil(LOCAL_NUMBERS / 65_536)
const MOST_LISTED = 4096
const BITMAP_BYTES = 8192
/** Where each block begins, counted in 2 bytes from the end of the directory, and where the last ends; then how many numbers each has. */
const DIRECTORY_BYTES = 4 * (BLOCKS + 1) + 4 * BLOCKS

/** Bytes that are no set of numbers. */
export class BadAreaNumbers extends Error {
  override readonly name = 'BadAreaNumbers'
}

/**
 * The numbers of one area code, packed: what is stored is what is asked, so loading costs no more than reading. Bounded by 4 bytes
 * a number where there are few, by 2 bytes a number and 1.2 KB where there are many, and by 1.26 MB whatever there are. It never changes.
 */
export class AreaNumbers {
  readonly size: number
  readonly bytes: Uint8Array
  readonly #plain: Uint32Array | null
  readonly #starts: Uint32Array
  readonly #counts: Uint32Array
  readonly #data: Uint16Array

  /** Takes what `pack` has made: `[count][4-byte numbers]` or `[count][directory][blocks]`. Throws BadAreaNumbers. */
  constructor(packed: Uint8Array) {
    // Views need their alignment, which a slice of a larger buffer may not have.
    const bytes = packed.byteOffset % 4 === 0 ? packed : Uint8Array.from(packed)
    const { buffer, byteOffset, byteLength } = bytes
    if (byteLength < 4) throw new BadAreaNumbers('too short')
    const count = new Uint32Array(buffer, byteOffset, 1)[0]!
    if (count > LOCAL_NUMBERS) throw new BadAreaNumbers('more numbers than there are')
    this.size = count
    this.bytes = bytes
    if (count <= MOST_PLAIN) {
      if (byteLength !== 4 + 4 * count) throw new BadAreaNumbers('not as long as it says')
      this.#plain = new Uint32Array(buffer, byteOffset + 4, count)
      this.#starts = this.#counts = this.#plain
      this.#data = new Uint16Array(0)
      return
    }
    if (byteLength < 4 + DIRECTORY_BYTES) throw new BadAreaNumbers('too short')
    this.#plain = null
    this.#starts = new Uint32Array(buffer, byteOffset + 4, BLOCKS + 1)
    this.#counts = new Uint32Array(buffer, byteOffset + 4 + 4 * (BLOCKS + 1), BLOCKS)
    const dataBytes = byteLength - 4 - DIRECTORY_BYTES
    if (dataBytes !== this.#starts[BLOCKS]! * 2) throw new BadAreaNumbers('not as long as it says')
    for (let block = 0; block < BLOCKS; block++) {
      if (this.#starts[block + 1]! - this.#starts[block]! !== unitsOf(this.#counts[block]!))
        throw new BadAreaNumbers('a block is not as long as it says')
    }
    this.#data = new Uint16Array(buffer, byteOffset + 4 + DIRECTORY_BYTES, dataBytes / 2)
  }

  /** `local`: the seven digits after the area code. */
  has(local: number): boolean {
    if (this.#plain !== null) return isIn(this.#plain, local, 0, this.#plain.length)
    const block = local >>> 16
    const low = local & 0xffff
    const start = this.#starts[block]!
    const count = this.#counts[block]!
    if (count > MOST_LISTED) return (this.#data[start + (low >>> 4)]! & (1 << (low & 15))) !== 0
    return isIn(this.#data, low, start, start + count)
  }

  /** Marks every number in a bitmap of `LOCAL_NUMBERS` bits, 32 to a word. */
  mark(bits: Uint32Array): void {
    if (this.#plain !== null) {
      for (const local of this.#plain) bits[local >>> 5]! |= 1 << (local & 31)
      return
    }
    for (let block = 0; block < BLOCKS; block++) {
      const start = this.#starts[block]!
      const count = this.#counts[block]!
      const base = block << 16
      if (count > MOST_LISTED) {
        const words = Math.min(BITMAP_BYTES / 4, bits.length - (base >>> 5))
        for (let word = 0; word < words; word++)
          bits[(base >>> 5) + word]! |= this.#data[start + 2 * word]! | (this.#data[start + 2 * word + 1]! << 16)
      } else
        for (let at = start; at < start + count; at++) {
          const local = base | this.#data[at]!
          bits[local >>> 5]! |= 1 << (local & 31)
        }
    }
  }

  /** All of them, in their order. */
  toList(): Uint32Array {
    if (this.#plain !== null) return this.#plain
    const bits = new Uint32Array(LOCAL_NUMBERS / 32)
    this.mark(bits)
    return listBits(bits, this.size)
  }
}

/** The numbers marked in a bitmap, in their order; `count` of them. */
export function listBits(bits: Uint32Array, count: number): Uint32Array {
  const list = new Uint32Array(count)
  let at = 0
  for (let word = 0; word < bits.length; word++) {
    let rest = bits[word]!
    while (rest !== 0) {
      const low = rest & -rest
      list[at++] = (word << 5) | (31 - Math.clz32(low))
      rest ^= low
    }
  }
  return list
}

/** Packs local numbers that are in their order, each once. */
export function pack(sorted: Uint32Array): Uint8Array {
  const count = sorted.length
  if (count <= MOST_PLAIN) {
    const plain = new Uint32Array(1 + count)
    plain[0] = count
    plain.set(sorted, 1)
    return new Uint8Array(plain.buffer)
  }
  const counts = new Uint32Array(BLOCKS)
  for (const local of sorted) counts[local >>> 16]!++
  let units = 0
  const starts = new Uint32Array(BLOCKS + 1)
  for (let block = 0; block < BLOCKS; block++) {
    starts[block] = units
    units += unitsOf(counts[block]!)
  }
  starts[BLOCKS] = units
  const bytes = new Uint8Array(4 + DIRECTORY_BYTES + 2 * units)
  new Uint32Array(bytes.buffer, 0, 1)[0] = count
  new Uint32Array(bytes.buffer, 4, BLOCKS + 1).set(starts)
  new Uint32Array(bytes.buffer, 4 + 4 * (BLOCKS + 1), BLOCKS).set(counts)
  const data = new Uint16Array(bytes.buffer, 4 + DIRECTORY_BYTES)
  let from = 0
  for (let block = 0; block < BLOCKS; block++) {
    const start = starts[block]!
    const to = from + counts[block]!
    if (to - from > MOST_LISTED)
      for (let at = from; at < to; at++) {
        const low = sorted[at]! & 0xffff
        data[start + (low >>> 4)]! |= 1 << (low & 15)
      }
    else for (let at = from; at < to; at++) data[start + at - from] = sorted[at]! & 0xffff
    from = to
  }
  return bytes
}

/** How long a block is, counted in 2 bytes. */
function unitsOf(count: number): number {
  return count > MOST_LISTED ? BITMAP_BYTES / 2 : count
}

function isIn(sorted: Uint32Array | Uint16Array, value: number, from: number, to: number): boolean {
  let low = from
  let high = to - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const found = sorted[middle]!
    if (found === value) return true
    if (found < value) low = middle + 1
    else high = middle - 1
  }
  return false
}
