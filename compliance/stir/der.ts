/** One value of DER (ITU-T X.690 §8.1): its tag with class bits, what it holds, and itself whole. */
export interface DerValue {
  readonly tag: number
  readonly content: Uint8Array
  readonly whole: Uint8Array
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const

/** A constructed, context-specific tag: `[number]` of a module with explicit tags. */
export function tagged(number: number): number {
  return 0xa0 | number
}

/** What is not DER, or not the DER that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** Reads the value at the start of `bytes`, which it must fill. Throws DerError. */
export function readDer(bytes: Uint8Array, tag?: number): DerValue {
  const value = readAt(bytes, 0)
  if (value.whole.length !== bytes.length) throw new DerError('bytes after the value')
  return expectTag(value, tag)
}

/** The values one after another in `bytes`. Throws DerError. */
export function readDerList(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length;) {
    const value = readAt(bytes, at)
    values.push(value)
    at += value.whole.length
  }
  return values
}

/** The value itself, if it has that tag. Throws DerError when there is none, or another. */
export function expectTag(value: DerValue | undefined, tag: number | undefined): DerValue {
  if (value === undefined) throw new DerError('a value is missing')
  if (tag !== undefined && value.tag !== tag)
    throw new DerError(`tag ${value.tag.toString(16)} where ${tag.toString(16)} belongs`)
  return value
}

/** The dotted name of an object identifier (§8.19), of its content. */
export function readObjectId(content: Uint8Array): string {
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an object identifier too large')
    if (byte & 0x80) continue
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - Math.min(2, Math.floor(arc / 40)) * 40)
    else arcs.push(arc)
    arc = 0
  }
  return arcs.join('.')
}

/** A small INTEGER that is not negative (§8.3). */
export function readSmallInteger(content: Uint8Array): number {
  if (content.length === 0 || content.length > 6 || content[0]! & 0x80) throw new DerError('an integer out of range')
  return content.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** One-byte characters: IA5String, and times. */
export function readAscii(content: Uint8Array): string {
  if (content.some((byte) => byte > 0x7e || byte < 0x20)) throw new DerError('characters that are not ASCII')
  return Buffer.from(content).toString('latin1')
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them, ms since the epoch. */
export function readTime({ tag, content }: DerValue): number {
  const text = readAscii(content)
  const full = tag === DER.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)
  if ((tag !== DER.utcTime && tag !== DER.generalizedTime) || !match) throw new DerError('a time that is none')
  const [, year, month, day, hour, minute, second] = match
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function readAt(bytes: Uint8Array, at: number): DerValue {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) throw new DerError('the value is cut off')
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of more than one byte')
  let start = at + 2
  let length = first
  if (first & 0x80) {
    const more = first & 0x7f
    if (more === 0 || more > 4) throw new DerError('a length that DER does not have')
    length = 0
    for (let i = 0; i < more; i++) length = length * 256 + (bytes[start + i] ?? 0)
    start += more
  }
  if (start + length > bytes.length) throw new DerError('the value is cut off')
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) }
}
