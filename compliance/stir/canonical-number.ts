import { numberOfUri } from '../../model/phone-number.ts'

/**
 * A number as PASSporTs have it (RFC 8224 §8.3): digits alone, the country's first; also of one that nobody can have. Null for a URI of no
 * number.
 */
export function canonicalNumber(uri: string): string | null {
  const number = numberOfUri(uri)
  if (number) return number.slice(1)
  const user = /^(?:sips?:\+?([\d*#().-]{1,32})(?:;[^@]*)?@|tel:\+?([\d*#().-]{1,32})(?:;|$))/i.exec(uri)
  const digits = (user?.[1] ?? user?.[2] ?? '').replaceAll(/[().-]/g, '')
  return /^[\d*#]{1,15}$/.test(digits) ? digits : null
}
