import { z } from 'zod'
import type { Criteria, Day, Geography, TagRule, TimeWindow } from '../model/bid.ts'
import { CERTIFICATE_KINDS, type ConsentDemand } from '../model/consent.ts'
import type { AccountId } from '../model/ids.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'
import { ATTESTATIONS } from '../model/stir.ts'
import * as s from './schemas.ts'

// What a call must be: the same words in a bid and in a campaign.

const MAX_VERTICALS = 200
const MAX_CITIES = 1000
const MAX_ZIPS = 10_000
const MAX_TAG_RULES = 50
const MAX_TAG_VALUES = 200
const MAX_SELLERS = 1000
const MAX_BREAKS = 10
/** A year's worth, and half of the next. */
const MAX_HOLIDAYS = 500
/** Half way round the earth: farther is everywhere. */
const MAX_RADIUS_MILES = 12_500
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const satisfies readonly Day[]
const STATES = new Set(
  (
    'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC ' +
    'SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AB BC MB NB NL NS NT NU ON PE QC SK YT'
  ).split(' '),
)

const state = z
  .string()
  .trim()
  .toUpperCase()
  .refine((code) => STATES.has(code), { error: 'must be a two-letter state or province, such as TX' })
const zip = z.string().regex(/^\d{5}$/, 'must be a five-digit ZIP code')
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time of day, such as 08:30')

export const TimeWindowInput = z.strictObject({
  start: clock,
  end: clock,
  days: z
    .array(z.string().trim().toLowerCase().pipe(z.enum(DAYS)))
    .max(7)
    .default([]),
  timezone: s.timezone().optional(),
  breaks: z
    .array(z.strictObject({ start: clock, end: clock }))
    .max(MAX_BREAKS)
    .default([])
    .meta({ description: 'Times within the window at which it is closed' }),
  holidays: z
    .array(z.iso.date())
    .max(MAX_HOLIDAYS)
    .default([])
    .meta({ description: 'Local dates on which the window does not start, such as 2026-12-25' }),
})

const center = z.union(
  [z.strictObject({ lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) }), zip],
  { error: 'must be {lat, lon} or a five-digit ZIP code' },
)

const GeographyInput = z.strictObject({
  states: z.array(state).max(STATES.size).default([]),
  cities: z.array(s.text(100)).max(MAX_CITIES).default([]),
  zips: z.array(zip).max(MAX_ZIPS).default([]),
  center: center.optional(),
  zip: zip.optional().meta({ description: 'The centre of the radius, in place of `center`' }),
  radius_miles: z.number().gt(0).max(MAX_RADIUS_MILES).optional(),
})

/** A tag's name, as numbers and criteria spell it. */
export const tagKey = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be letters, digits, _, . and -, at most 64 long')

const tagRules = z
  .record(tagKey, z.array(s.text(256)).max(MAX_TAG_VALUES))
  .refine((value) => Object.keys(value).length <= MAX_TAG_RULES, { error: `must be at most ${MAX_TAG_RULES} tags` })
const sellerIds = z.array(s.id<AccountId>()).max(MAX_SELLERS).default([])

/** Ten years. */
const MAX_CONSENT_HOURS = 87_660
const ANY_CERTIFICATE = ['any', ...CERTIFICATE_KINDS] as const
const mostHours = z.number().gt(0).max(MAX_CONSENT_HOURS).nullish()

const ConsentDemandInput = z
  .strictObject({
    one_to_one: z.boolean().default(false).meta({ description: 'It names your account, and no other business' }),
    on_record: z.boolean().default(false).meta({ description: 'What a call brings and nobody has kept is not enough' }),
    certificate: z.enum(ANY_CERTIFICATE).nullish().meta({ description: 'Whose certificate it must have' }),
    max_age_hours: mostHours,
    certificate_max_age_hours: mostHours,
  })
  .meta({ description: 'The consumer has consented to calls of the seller, or of yours: `{}` asks no more than that' })

export const CriteriaInput = z.strictObject({
  verticals: z.array(s.vertical()).max(MAX_VERTICALS).default([]),
  geography: GeographyInput.nullish(),
  time_window: TimeWindowInput.nullish(),
  tags: tagRules
    .default({})
    .meta({ description: 'Each tag must have one of its values; an empty list: it must be there at all' }),
  not_tags: tagRules.default({}).meta({ description: 'No tag may have one of these values; an empty list: any value' }),
  sellers: z
    .strictObject({ allow: sellerIds, deny: sellerIds })
    .nullish()
    .meta({ description: 'Accounts whose calls alone are wanted, and those whose are not' }),
  consent: ConsentDemandInput.nullish(),
  min_attestation: z
    .enum(ATTESTATIONS)
    .nullish()
    .meta({ description: 'The least that a verified STIR/SHAKEN signature must attest of the caller’s number' }),
})

/** A checked input as the model's criteria; throws 422 under `pointer` for what one field cannot see. */
export function readCriteria(
  kit: Pick<Kit, 'resolveZip'>,
  input: z.output<typeof CriteriaInput>,
  accountTimezone: string,
  pointer = '/criteria',
): Criteria {
  const { allow = [], deny = [] } = input.sellers ?? {}
  const both = allow.find((id) => deny.includes(id))
  if (both !== undefined) throw invalid(`${pointer}/sellers/deny`, `${both} is in both lists`, 'contradiction')
  const tags = [...readTagRules(input.tags, false), ...readTagRules(input.not_tags, true)]
  return {
    verticals: unique(input.verticals),
    geography: input.geography ? readGeography(kit, input.geography, `${pointer}/geography`) : null,
    timeWindow: input.time_window ? readTimeWindow(input.time_window, accountTimezone, `${pointer}/time_window`) : null,
    ...(tags.length > 0 && { tags }),
    ...(input.consent && { consent: readConsentDemand(input.consent) }),
    ...(input.min_attestation && { minAttestation: input.min_attestation }),
    ...(allow.length + deny.length > 0 && { sellers: { allow: unique(allow), deny: unique(deny) } }),
  }
}

function readConsentDemand(input: z.output<typeof ConsentDemandInput>): ConsentDemand {
  return {
    isOneToOne: input.one_to_one,
    isOnRecord: input.on_record,
    certificate: input.certificate ?? null,
    maxAgeHours: input.max_age_hours ?? null,
    maxCertificateAgeHours: input.certificate_max_age_hours ?? null,
  }
}

function readTagRules(rules: Readonly<Record<string, readonly string[]>>, isNot: boolean): TagRule[] {
  return Object.entries(rules).map(([key, values]) => ({ key, values: unique(values), isNot }))
}

function printTagRules(rules: readonly TagRule[], isNot: boolean): Record<string, string[]> {
  return Object.fromEntries(rules.filter((rule) => rule.isNot === isNot).map(({ key, values }) => [key, [...values]]))
}

/** `end` may lie before `start`: the window then crosses midnight, and `days` name the day it starts on. */
export function readTimeWindow(
  input: z.output<typeof TimeWindowInput>,
  accountTimezone: string,
  pointer: string,
): TimeWindow {
  const startMinute = minuteOf(input.start)
  const endMinute = minuteOf(input.end)
  if (startMinute === 1440) throw invalid(`${pointer}/start`, 'a window cannot start at 24:00', 'invalid_time')
  if (startMinute === endMinute) throw invalid(`${pointer}/end`, 'must differ from start', 'invalid_time')
  const breaks = input.breaks.map(({ start, end }, i) => {
    const pause = { startMinute: minuteOf(start), endMinute: minuteOf(end) }
    if (pause.startMinute === 1440)
      throw invalid(`${pointer}/breaks/${i}/start`, 'a break cannot start at 24:00', 'invalid_time')
    if (pause.startMinute === pause.endMinute)
      throw invalid(`${pointer}/breaks/${i}/end`, 'must differ from start', 'invalid_time')
    if (isClosed(startMinute, endMinute, [pause]))
      throw invalid(`${pointer}/breaks/${i}`, 'leaves nothing of the window', 'empty_window')
    return pause
  })
  if (isClosed(startMinute, endMinute, breaks))
    throw invalid(`${pointer}/breaks`, 'together leave nothing of the window', 'empty_window')
  return {
    startMinute,
    endMinute,
    days: unique(input.days),
    timezone: input.timezone ?? accountTimezone,
    ...(breaks.length > 0 && { breaks }),
    ...(input.holidays.length > 0 && { holidays: unique(input.holidays) }),
  }
}

/** Whether there is a break at every minute of the window, either of which may cross midnight. */
function isClosed(
  startMinute: number,
  endMinute: number,
  breaks: readonly { readonly startMinute: number; readonly endMinute: number }[],
): boolean {
  const after = (from: number, to: number): number => (to - from + 1440) % 1440
  let minute = startMinute
  let left = after(startMinute, endMinute) || 1440
  while (left > 0) {
    const here = minute
    // How much longer the longest break at this minute lasts.
    const longest = Math.max(
      0,
      ...breaks.map((pause) => {
        const into = after(pause.startMinute, here)
        return (after(pause.startMinute, pause.endMinute) || 1440) - into
      }),
    )
    if (longest === 0) return false
    minute = (minute + longest) % 1440
    left -= longest
  }
  return true
}

function readGeography(
  kit: Pick<Kit, 'resolveZip'>,
  input: z.output<typeof GeographyInput>,
  pointer: string,
): Geography | null {
  if (input.center !== undefined && input.zip !== undefined) {
    throw invalid(`${pointer}/zip`, 'give the centre once: center or zip', 'ambiguous')
  }
  const middle = input.center ?? input.zip
  if (input.radius_miles !== undefined && middle === undefined) {
    throw invalid(`${pointer}/radius_miles`, 'a radius needs a centre: center or zip', 'radius_without_center')
  }
  if (middle !== undefined && input.radius_miles === undefined) {
    throw invalid(`${pointer}/radius_miles`, 'a centre needs a radius', 'required')
  }
  const { states, cities, zips } = input
  const field = `${pointer}/${input.center === undefined ? 'zip' : 'center'}`
  const circle = middle === undefined ? null : { ...centerOf(kit, middle, field), radiusMiles: input.radius_miles! }
  if (!circle && states.length + cities.length + zips.length === 0) return null
  return { states: unique(states), cities: unique(cities), zips: unique(zips), circle }
}

function centerOf(kit: Pick<Kit, 'resolveZip'>, middle: string | { lat: number; lon: number }, pointer: string) {
  if (typeof middle !== 'string') return middle
  const place = kit.resolveZip(middle)
  if (!place) throw invalid(pointer, `ZIP code ${middle} is unknown`, 'unknown_zip')
  return { lat: place.lat, lon: place.lon }
}

export const TimeWindowAnswer = z.strictObject({
  start: z.string(),
  end: z.string(),
  days: z.array(z.enum(DAYS)),
  timezone: z.string(),
  breaks: z.array(z.strictObject({ start: z.string(), end: z.string() })),
  holidays: z.array(z.string()),
})
const printedTags = z.record(z.string(), z.array(z.string()))
export const CriteriaAnswer = z.strictObject({
  verticals: z.array(z.string()),
  geography: z
    .strictObject({
      states: z.array(z.string()),
      cities: z.array(z.string()),
      zips: z.array(z.string()),
      center: z.strictObject({ lat: z.number(), lon: z.number() }).nullable(),
      radius_miles: z.number().nullable(),
    })
    .nullable(),
  time_window: TimeWindowAnswer.nullable(),
  tags: printedTags,
  not_tags: printedTags,
  sellers: z.strictObject({ allow: z.array(s.printedId()), deny: z.array(s.printedId()) }).nullable(),
  consent: z
    .strictObject({
      one_to_one: z.boolean(),
      on_record: z.boolean(),
      certificate: z.enum(ANY_CERTIFICATE).nullable(),
      max_age_hours: z.number().nullable(),
      certificate_max_age_hours: z.number().nullable(),
    })
    .nullable(),
  min_attestation: z.enum(ATTESTATIONS).nullable(),
})

export function printCriteria(criteria: Criteria): z.input<typeof CriteriaAnswer> {
  const { geography, timeWindow, tags = [], sellers = null, consent = null, minAttestation = null } = criteria
  return {
    verticals: [...criteria.verticals],
    geography: geography && {
      states: [...geography.states],
      cities: [...geography.cities],
      zips: [...geography.zips],
      center: geography.circle && { lat: geography.circle.lat, lon: geography.circle.lon },
      radius_miles: geography.circle?.radiusMiles ?? null,
    },
    time_window: timeWindow && printTimeWindow(timeWindow),
    tags: printTagRules(tags, false),
    not_tags: printTagRules(tags, true),
    sellers: sellers && { allow: [...sellers.allow], deny: [...sellers.deny] },
    consent: consent && {
      one_to_one: consent.isOneToOne,
      on_record: consent.isOnRecord,
      certificate: consent.certificate,
      max_age_hours: consent.maxAgeHours,
      certificate_max_age_hours: consent.maxCertificateAgeHours,
    },
    min_attestation: minAttestation,
  }
}

export function printTimeWindow(window: TimeWindow): z.input<typeof TimeWindowAnswer> {
  return {
    start: clockText(window.startMinute),
    end: clockText(window.endMinute),
    days: [...window.days],
    timezone: window.timezone,
    breaks: (window.breaks ?? []).map((pause) => ({
      start: clockText(pause.startMinute),
      end: clockText(pause.endMinute),
    })),
    holidays: [...(window.holidays ?? [])],
  }
}

function minuteOf(text: string): number {
  const [hours = '0', minutes = '0'] = text.split(':')
  return Number(hours) * 60 + Number(minutes)
}

function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
