import { z } from 'zod'
import { isId } from '../model/ids.ts'
import { formatMoney, parseMoney, type Micros } from '../model/money.ts'

// The words every resource's schema is made of. Inputs are turned into the model's own types while they are checked.

/** Refuses a value from inside a transform, with a code for programs. */
export function refuse(ctx: z.RefinementCtx, input: unknown, code: string, message: string): never {
  ctx.issues.push({ code: 'custom', message, params: { code }, input })
  return z.NEVER
}

const MONEY_RULE = 'must be an amount with at most 6 decimals and not negative, such as "2.50"'

/** `"2.50"` or 2.5 → micros, at least `minimum`. */
export const money = (minimum: Micros = 0n) =>
  z
    .union([z.string(), z.number()], { error: MONEY_RULE })
    .transform((input, ctx): Micros => {
      const micros = parseMoney(input)
      if (micros === null) return refuse(ctx, input, 'invalid_money', MONEY_RULE)
      if (micros < minimum) return refuse(ctx, input, 'too_small', `must be at least ${formatMoney(minimum)}`)
      return micros
    })
    .meta({ description: `A decimal, preferably as a string, at most 6 decimals, at least ${formatMoney(minimum)}` })

/** A line people read: trimmed, no control characters (a NUL would not even fit in the database). */
export const text = (maxLength: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    // oxlint-disable-next-line no-control-regex
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value) && value.isWellFormed(), {
      error: 'must not contain control characters',
    })

export const email = () => z.string().trim().toLowerCase().max(254).pipe(z.email())

/** A password as given: long enough to be worth hashing, short enough not to be a burden (NIST SP 800-63B §3.1.1.2). */
export const newPassword = () => z.string().min(8).max(256)

/** The id of a thing named in a body. */
export const id = <T extends string>() =>
  z
    .string()
    .transform((input, ctx): T => {
      const lower = input.toLowerCase()
      return isId(lower) ? (lower as T) : refuse(ctx, input, 'invalid_id', 'must be a UUID')
    })
    .meta({ description: 'A UUID' })

/** An IANA zone, as Node's own tables spell it; `UTC` and links such as `US/Eastern` are taken as they are. */
export const timezone = () =>
  z
    .string()
    .max(64)
    .transform((input, ctx) =>
      isTimezone(input)
        ? input
        : refuse(ctx, input, 'invalid_timezone', 'must be an IANA zone, such as America/New_York'),
    )
    .meta({ description: 'An IANA zone, such as America/New_York' })

const knownZones = new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])

function isTimezone(name: string): boolean {
  if (knownZones.has(name)) return true
  if (!/^[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)+$/.test(name)) return false // Offsets such as +05:00 are not zones.
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const currencies = new Set(Intl.supportedValuesOf('currency'))

/** ISO 4217. */
export const currency = () =>
  z
    .string()
    .transform((input, ctx) => {
      const code = input.toUpperCase()
      return currencies.has(code)
        ? code
        : refuse(ctx, input, 'invalid_currency', 'must be an ISO 4217 code, such as USD')
    })
    .meta({ description: 'ISO 4217' })

/** A line of business: `home_services`, `Auto insurance`. Spelt one way (lower case, single spaces), so that numbers and bids meet. */
export const vertical = () =>
  z
    .string()
    .transform((input) => input.trim().toLowerCase().replace(/ +/g, ' '))
    .pipe(
      z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} _&/.+-]{0,63}$/u, 'must be a word or a few, at most 64 characters'),
    )

/** RFC 3339 with an offset. */
export const instant = () =>
  z
    .string()
    .max(40)
    .transform((input, ctx) => {
      const day = /^(\d{4}-\d\d-\d\d)[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.exec(input)?.[1]
      const time = day !== undefined && isDay(day) ? new Date(input) : null
      if (time && !Number.isNaN(time.getTime())) return time
      return refuse(ctx, input, 'invalid_time', 'must be an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z')
    })
    .meta({ description: 'RFC 3339' })

/** Whether the calendar has this day: `Date` would read February 30th as March 2nd. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
}

/** A whole number in a query string. */
const queryInteger = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))

/** The most things a list answers with at once. */
export const MAX_PAGE = 1000
const DEFAULT_PAGE = 100

/** What every list takes. */
export const pageQuery = {
  limit: queryInteger(1, MAX_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().max(1024).optional(),
}

/** A time as answers print it. */
export function printTime(time: Date): string
export function printTime(time: Date | null): string | null
export function printTime(time: Date | null): string | null {
  return time === null ? null : time.toISOString()
}

export function printMoney(micros: Micros): string
export function printMoney(micros: Micros | null): string | null
export function printMoney(micros: Micros | null): string | null {
  return micros === null ? null : formatMoney(micros)
}

// Words of answers.
export const printedMoney = () => z.string().regex(/^-?\d+\.\d{2,6}$/)
export const printedTime = () => z.string().meta({ format: 'date-time' })
export const printedId = () => z.string().meta({ format: 'uuid' })
/** What every stored thing's answer carries. */
export const printedStored = { version: z.int(), created_at: printedTime(), updated_at: printedTime() }

export function printStored(thing: { version: number; createdAt: Date; updatedAt: Date }) {
  return { version: thing.version, created_at: printTime(thing.createdAt), updated_at: printTime(thing.updatedAt) }
}
/** One page of `item`. */
export const pageOf = (item: z.ZodType) => z.strictObject({ data: z.array(item), next_cursor: z.string().nullable() })
