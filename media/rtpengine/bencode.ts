/** What bencode can say: BEP 3. Texts are UTF-8; numbers whole. */
export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded | undefined }

/** Nesting deeper than rtpengine's deepest reply (a query's: five) by far; a longer one is refused, so that no reply can exhaust the stack. */
export const BENCODE_DEPTH = 32

/** A reply that is not bencode. */
export class NotBencode extends Error {
  override readonly name = 'NotBencode'
}

/** Writes a value; keys whose value is undefined are left out. Keys keep their order: rtpengine does not mind, though BEP 3 sorts them. */
export function writeBencode(value: Bencoded): string {
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`
  if (typeof value === 'number') return `i${Math.trunc(value)}e`
  if (Array.isArray(value)) return `l${value.map(writeBencode).join('')}e`
  let text = 'd'
  for (const [key, member] of Object.entries(value))
    if (member !== undefined) text += writeBencode(key) + writeBencode(member)
  return `${text}e`
}

/** Reads one value, which must be all there is from `start`. Throws NotBencode. */
export function parseBencode(bytes: Buffer, start = 0): Bencoded {
  const reader = new Reader(bytes, start)
  const value = reader.value(0)
  if (reader.at !== bytes.length) throw new NotBencode(`${bytes.length - reader.at} bytes follow the value`)
  return value
}

class Reader {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes
    this.at = start
  }

  value(depth: number): Bencoded {
    if (depth > BENCODE_DEPTH) throw new NotBencode(`nested deeper than ${BENCODE_DEPTH}`)
    const kind = this.#bytes[this.at]
    if (kind === 0x69) return this.#whole() // i
    if (kind === 0x6c) return this.#list(depth) // l
    if (kind === 0x64) return this.#dictionary(depth) // d
    return this.#text()
  }

  #list(depth: number): Bencoded[] {
    const list: Bencoded[] = []
    for (this.at++; !this.#ends();) list.push(this.value(depth + 1))
    return list
  }

  #dictionary(depth: number): { readonly [key: string]: Bencoded } {
    // No prototype: a reply's `__proto__` is a key like any other.
    const dictionary = Object.create(null) as Record<string, Bencoded>
    for (this.at++; !this.#ends();) dictionary[this.#text()] = this.value(depth + 1)
    return dictionary
  }

  #ends(): boolean {
    if (this.at >= this.#bytes.length) throw new NotBencode('it ends too early')
    if (this.#bytes[this.at] !== 0x65) return false // e
    this.at++
    return true
  }

  #whole(): number {
    this.at++
    return this.#number(0x65, true)
  }

  #text(): string {
    const length = this.#number(0x3a, false) // :
    const end = this.at + length
    if (end > this.#bytes.length) throw new NotBencode('a text is longer than what came')
    const text = this.#bytes.toString('utf8', this.at, end)
    this.at = end
    return text
  }

  /** Digits up to this byte, which is passed over. */
  #number(end: number, signed: boolean): number {
    const stop = this.#bytes.indexOf(end, this.at)
    const digits = stop === -1 ? '' : this.#bytes.toString('latin1', this.at, Math.min(stop, this.at + 24))
    if (!(signed ? /^-?\d{1,20}$/ : /^\d{1,9}$/).test(digits)) throw new NotBencode('not a number where one must be')
    this.at = stop + 1
    return Number(digits)
  }
}
