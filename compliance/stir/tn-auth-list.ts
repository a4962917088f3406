import { DER, DerError, expectTag, readAscii, readDer, readDerList, readSmallInteger, tagged } from './der.ts'

/** For whom a certificate may speak (RFC 8226 §9): a service provider's numbers by its code, ranges of numbers, single ones. */
export interface TnAuthList {
  /** Service provider codes. Which numbers are a provider's no certificate says. */
  readonly codes: readonly string[]
  readonly ranges: readonly TnRange[]
}

/** Canonical numbers from `first` on, `count` of them. */
interface TnRange {
  readonly first: string
  readonly count: number
}

/** Longer lists are not read: the certificate of a whole provider names its code. */
const MAX_ENTRIES = 10_000

/** Reads the extension's value. Throws DerError. */
export function readTnAuthList(bytes: Uint8Array): TnAuthList {
  const entries = readDerList(readDer(bytes, DER.sequence).content)
  if (entries.length === 0) throw new DerError('a TNAuthList of nothing')
  if (entries.length > MAX_ENTRIES) throw new DerError('a TNAuthList too long')
  const codes: string[] = []
  const ranges: TnRange[] = []
  for (const { tag, content } of entries) {
    if (tag === tagged(0)) codes.push(readAscii(readDer(content, DER.ia5String).content))
    else if (tag === tagged(1)) {
      const [first, count, ...more] = readDerList(readDer(content, DER.sequence).content)
      if (more.length > 0) throw new DerError('a TNAuthList range of more than a number and a count')
      const size = readSmallInteger(expectTag(count, DER.integer).content)
      if (size < 2) throw new DerError('a TNAuthList range of fewer than two numbers')
      ranges.push({ first: readNumber(expectTag(first, DER.ia5String).content), count: size })
    } else if (tag === tagged(2)) ranges.push({ first: readNumber(readDer(content, DER.ia5String).content), count: 1 })
    else throw new DerError('a TNAuthList entry of no known kind')
  }
  return { codes, ranges }
}

/**
 * Whether its holder may speak for this canonical number (RFC 8224 §6.2 step 2). A service provider code says nothing of numbers,
 * and is taken at its word: that is how SHAKEN has it (ATIS-1000080).
 */
export function speaksFor({ codes, ranges }: TnAuthList, tn: string): boolean {
  return codes.length > 0 || ranges.some((range) => holds(range, tn))
}

function holds({ first, count }: TnRange, tn: string): boolean {
  if (tn.length !== first.length || !/^\d+$/.test(tn) || !/^\d+$/.test(first)) return tn === first
  const offset = BigInt(tn) - BigInt(first)
  return offset >= 0n && offset < BigInt(count)
}

function readNumber(content: Uint8Array): string {
  const text = readAscii(content)
  if (!/^[0-9*#]{1,15}$/.test(text)) throw new DerError('a TNAuthList number that is none')
  return text
}
