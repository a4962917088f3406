import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Day } from '../model/bid.ts'
import { WEEK } from '../model/time-zone.ts'
import type { HolidayRule } from './holidays.ts'

/** Minutes of a day in which calls may be made, the end exclusive; null: none that day. */
export type Hours = { readonly startMinute: number; readonly endMinute: number } | null

/** What one state (or the nation) says of calling hours. */
export interface HoursRule {
  /** What a refusal names: `calling-hours:FL`. */
  readonly rule: string
  /** The statute or summary it was read from. */
  readonly source: string
  /** Monday first. */
  readonly week: readonly Hours[]
  readonly callsOnHolidays: boolean
  /** A number of one of the state's area codes is presumed to be a resident's, whatever else is known of the person. */
  readonly presumesAreaCode: boolean
  /** The most calls to one consumer on one subject in so many hours; absent: as many as one likes. */
  readonly frequency?: FrequencyLaw
}

export interface FrequencyLaw {
  readonly calls: number
  readonly hours: number
  readonly source: string
}

export interface HoursRules {
  readonly federal: HoursRule
  readonly states: ReadonlyMap<string, HoursRule>
  readonly holidays: readonly HolidayRule[]
}

/** A row of config/reference/calling-hours.json: `week` is every day that is not named beside it, null forbids a day. */
type Row = {
  readonly week: string
  readonly source: string
  readonly holidays?: null
  readonly presumes_area_code?: true
  readonly frequency?: FrequencyLaw
} & {
  readonly [day in Day]?: string | null
}

interface File {
  readonly federal: { readonly source: string }
  readonly states: Readonly<Record<string, Row>>
  readonly holidays: readonly HolidayRule[]
}

const PATH = join(import.meta.dirname, '../config/reference/calling-hours.json')

/**
 * Reads the calling hours of the states; `federal` are those of every other place, and no state's are looser than them:
 * an operator who narrows the national hours narrows them all. Throws when a row cannot be read.
 */
export function readHoursRules(federal: { startMinute: number; endMinute: number }, path: string = PATH): HoursRules {
  const file = JSON.parse(readFileSync(path, 'utf8')) as File
  const states = new Map<string, HoursRule>()
  for (const [state, row] of Object.entries(file.states)) {
    assert(row.source, `calling hours of ${state}: no source`)
    const week = WEEK.map((day) => within(readHours(row[day] === undefined ? row.week : row[day], state), federal))
    states.set(state, {
      rule: `calling-hours:${state}`,
      source: row.source,
      week,
      callsOnHolidays: row.holidays !== null,
      presumesAreaCode: row.presumes_area_code === true,
      ...(row.frequency && { frequency: row.frequency }),
    })
  }
  const everyDay: Hours = { startMinute: federal.startMinute, endMinute: federal.endMinute }
  return {
    federal: {
      rule: 'calling-hours:US',
      source: file.federal.source,
      week: WEEK.map(() => everyDay),
      callsOnHolidays: true,
      presumesAreaCode: false,
    },
    states,
    holidays: file.holidays,
  }
}

function readHours(text: string | null, state: string): Hours {
  if (text === null) return null
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/.exec(text)
  assert(match, `calling hours of ${state}: "${text}" is not like 08:00-20:00`)
  const [startHour, startMinute, endHour, endMinute] = match.slice(1).map(Number) as [number, number, number, number]
  const hours = { startMinute: startHour * 60 + startMinute, endMinute: endHour * 60 + endMinute }
  assert(hours.startMinute < hours.endMinute, `calling hours of ${state}: "${text}" ends before it starts`)
  return hours
}

function within(hours: Hours, federal: { startMinute: number; endMinute: number }): Hours {
  if (hours === null) return null
  const startMinute = Math.max(hours.startMinute, federal.startMinute)
  const endMinute = Math.min(hours.endMinute, federal.endMinute)
  return startMinute < endMinute ? { startMinute, endMinute } : null
}
