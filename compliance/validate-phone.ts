import type { ReferencePlaces } from '../config/reference-data.ts'
import { parsePhoneNumber, type PhoneNumber } from '../model/phone-number.ts'

/** The answer of `GET /debug/validate/phone/{number}`, in camel case. */
export interface PhoneValidation {
  readonly valid: boolean
  readonly e164: PhoneNumber | null
  /** ISO 3166; null when the number belongs to none (toll-free). */
  readonly country: string | null
  readonly states: readonly string[]
  readonly timezones: readonly string[]
  /** Why it is not valid, or why it has no place. */
  readonly reason?: string
}

/** Says what a text is as a telephone number and where such a number may be. */
export function validatePhone(text: string, places: ReferencePlaces): PhoneValidation {
  const number = parsePhoneNumber(text)
  if (number === null) {
    const reason = 'not a telephone number: neither E.164 nor ten or eleven digits of the North American plan'
    return { valid: false, e164: null, country: null, states: [], timezones: [], reason }
  }
  const found = places.ofNumber(number)
  const reason = places.whyNowhere(number)
  // Well formed is not enough in a plan whose area codes we know.
  const valid = reason !== 'the area code is not assigned'
  return {
    valid,
    e164: number,
    country: places.countryOf(number),
    states: [...new Set(found.map((place) => place.state))],
    timezones: [...new Set(found.map((place) => place.timezone))],
    ...(reason === null ? {} : { reason }),
  }
}
