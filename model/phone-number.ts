/** An E.164 number with its plus sign: `+12125550123`. */
export type PhoneNumber = string & { readonly __phoneNumber: true }

/** How a number is read when it does not say its country. Only the North American plan is known without one. */
export interface NumberContext {
  readonly defaultCountry: 'US'
}

/** Longer text is no number in any notation: it is refused before it is looked at. */
const MAX_TEXT = 64
/** E.164 §6: at most 15 digits; the shortest numbers in use have 7 with their country code. */
const E164 = /^[1-9]\d{6,14}$/
/**
 * North American Numbering Plan: NPA [2-9]XX and exchange [2-9]XX, neither an N11 service code; NPAs with 9 in the middle
 * are kept for the plan's expansion (ATIS-0300055, Central Office Code Assignment Guidelines).
 */
const NANP = /^(?!.11)([2-9])(?!9)\d\d(?!.11)[2-9]\d{6}$/
/** What people and RFC 3966 §5.1.1 put between digits. */
const SEPARATORS = /[\s.\-()/\u00a0\u2010-\u2013]/g

/**
 * Reads a number as people and carriers write it: `+12125550123`, `12125550123`, `2125550123`, `(212) 555-0123`. Ten digits,
 * and eleven beginning with 1, are North American and must be possible there; anything else needs its plus sign (or 011).
 * Null when it is no number.
 */
export function parsePhoneNumber(text: string, context: NumberContext = { defaultCountry: 'US' }): PhoneNumber | null {
  if (text.length > MAX_TEXT) return null
  const compact = text.replaceAll(SEPARATORS, '')
  if (compact.startsWith('+')) return international(compact.slice(1))
  if (!/^\d+$/.test(compact) || context.defaultCountry !== 'US') return null
  if (compact.length === 10) return NANP.test(compact) ? (`+1${compact}` as PhoneNumber) : null
  if (compact.length === 11 && compact.startsWith('1')) return international(compact)
  // 011 is how North America dials abroad (ITU-T E.164 §7.1.4).
  if (compact.startsWith('011') && compact.length > 13) return international(compact.slice(3))
  return null
}

function international(digits: string): PhoneNumber | null {
  if (!E164.test(digits)) return null
  if (digits.startsWith('1') && !NANP.test(digits.slice(1))) return null
  return `+${digits}` as PhoneNumber
}

/** User parts that say the caller withheld the number (RFC 3323 §4.1.1.3 and what carriers send). */
const WITHHELD = new Set(['anonymous', 'restricted', 'unavailable', 'unknown', 'private', 'asserted', 'blocked'])

/**
 * Reads the number in a SIP or tel URI, a name-addr around one, or a bare user part:
 * `"Ann" <sip:+1-212-555-0123;npdi;rn=+12125550000@host;user=phone>` → `+12125550123`. The number is what was called, not
 * the routing number `rn` of a ported one (RFC 4694 §5). `stripPrefix` (digits a trunk puts in front) is taken off once.
 * Null when it is withheld, empty or no number.
 */
export function numberOfUri(
  text: string,
  { stripPrefix = null }: { stripPrefix?: string | null } = {},
): PhoneNumber | null {
  let user = userPart(text)
  if (user === null || user === '' || WITHHELD.has(user.toLowerCase())) return null
  if (stripPrefix && user.startsWith(stripPrefix)) user = user.slice(stripPrefix.length)
  return parsePhoneNumber(user)
}

/** The user part of a URI without parameters and escapes; null when the text is not one. */
function userPart(text: string): string | null {
  if (text.length > 4096) return null
  const bracket = text.lastIndexOf('<')
  const uri = (bracket < 0 ? text : cut(text.slice(bracket + 1), '>')).trim()
  const scheme = /^(sips?|tel):/i.exec(uri)?.[0] ?? ''
  let user = uri.slice(scheme.length)
  if (!/^tel:$/i.test(scheme)) {
    const at = user.indexOf('@')
    // A SIP URI without a user names a host, and 10.0.0.1 is not a telephone number.
    if (at < 0 && scheme !== '') return null
    if (at >= 0) user = user.slice(0, at)
    user = cut(user, ':') // A password, RFC 3261 §19.1.1.
  }
  user = cut(user, ';')
  if (!user.includes('%')) return user
  try {
    return cut(decodeURIComponent(user), ';')
  } catch {
    return null
  }
}

function cut(text: string, mark: string): string {
  const at = text.indexOf(mark)
  return at < 0 ? text : text.slice(0, at)
}

/** A number for people who need not know it: `+12125550123` → `+1212*****23`. */
export function maskNumber(number: string): string {
  const shown = number.length >= 10 ? 5 : 0
  return number.slice(0, shown) + '*'.repeat(Math.max(0, number.length - shown - 2)) + number.slice(-2)
}
