import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Day } from '../model/bid.ts'
import { DAY_MS, WEEK } from '../model/time-zone.ts'
import { Holidays, type HolidayRule } from './holidays.ts'

/** Minutes of a day in which calls may be made, the end exclusive; null: none that day. */
export type Hours = { readonly startMinute: number; readonly endMinute: number } | null

/** What one state (or the nation) says of calling hours, for as long as it says so. */
export interface HoursRule {
  /** What a refusal names: `calling-hours:FL`. */
  readonly rule: string
  /** The day the row was last changed in the table, `2026-11-22`: with `rule` it names exactly what was judged by. */
  readonly version: string
  /** The statute or summary it was read from. */
  readonly source: string
  /** In force on these local days (days since 1 January 1970), the last exclusive. */
  readonly fromDay: number
  readonly untilDay: number
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
  /** In the order of their days, which do not overlap; a day that none is of is the nation's. */
  readonly states: ReadonlyMap<string, readonly HoursRule[]>
  readonly holidays: Holidays
}

/** The hours of the nation, minutes of a day. */
type FederalHours = NonNullable<Hours>

/** A row of config/reference/calling-hours.json: `week` is every day that is not named beside it, null forbids a day. */
type Row = {
  /** In force from this day on and until this one, that one exclusive, `2021-07-01` at the place; absent: always. */
  readonly valid_from?: string
  readonly valid_until?: string
  readonly week: string
  readonly version: string
  readonly source: string
  readonly holidays?: null
  readonly presumes_area_code?: true
  readonly frequency?: FrequencyLaw
} & {
  readonly [day in Day]?: string | null
}

interface File {
  readonly federal: { readonly source: string; readonly version: string }
  readonly states: Readonly<Record<string, readonly Row[]>>
  readonly holidays: readonly HolidayRule[]
}

/** An operator's own table: each state it names is as it says, and as the nation where it lists no row. */
type OwnFile = Partial<Pick<File, 'states' | 'holidays'>>

const PATH = join(import.meta.dirname, '../config/reference/calling-hours.json')

/**
 * Reads the calling hours of the states; `federal` are those of every other place, and no state's are looser than them:
 * an operator who narrows the national hours narrows them all. `ownPath` is of an operator's table in the same form, whose
 * states take the place of ours and whose holidays are added. Throws when a row cannot be read.
 */
export function readHoursRules(federal: FederalHours, ownPath: string | null = null, path: string = PATH): HoursRules {
  const file = JSON.parse(readFileSync(path, 'utf8')) as File
  const own = ownPath === null ? {} : readOwn(ownPath)
  const states = new Map<string, readonly HoursRule[]>()
  for (const [state, rows] of Object.entries({ ...file.states, ...own.states })) {
    assert(/^[A-Z]{2}$/.test(state), `calling hours of ${state}: a state is two capital letters`)
    assert(Array.isArray(rows), `calling hours of ${state}: not a list of rows`)
    states.set(state, inOrder(state, rows as readonly Row[], federal))
  }
  return {
    federal: {
      rule: 'calling-hours:US',
      version: file.federal.version,
      source: file.federal.source,
      fromDay: -Infinity,
      untilDay: Infinity,
      week: WEEK.map(() => federal),
      callsOnHolidays: true,
      presumesAreaCode: false,
    },
    states,
    holidays: new Holidays([...file.holidays, ...(own.holidays ?? [])]),
  }
}

function readOwn(path: string): OwnFile {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as OwnFile
  } catch (error) {
    throw new Error(`compliance.tcpa.state_hours_file: ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function inOrder(state: string, rows: readonly Row[], federal: FederalHours): readonly HoursRule[] {
  const rules = rows.map((row) => readRow(state, row, federal)).toSorted((a, b) => a.fromDay - b.fromDay)
  for (const [i, { untilDay, fromDay }] of rules.entries()) {
    assert(fromDay < untilDay, `calling hours of ${state}: valid_until is not later than valid_from`)
    const next = rules[i + 1]
    assert(!next || untilDay <= next.fromDay, `calling hours of ${state}: two rows are of the same day`)
  }
  return rules
}

function readRow(state: string, row: Row, federal: FederalHours): HoursRule {
  assert(row.source, `calling hours of ${state}: no source`)
  assert(row.version, `calling hours of ${state}: no version`)
  if (row.frequency) {
    const { calls, hours, source } = row.frequency
    const isLimit = Number.isInteger(calls) && calls > 0 && hours > 0 && source
    assert(isLimit, `calling hours of ${state}: frequency is not so many calls in so many hours, with a source`)
  }
  return {
    rule: `calling-hours:${state}`,
    version: row.version,
    source: row.source,
    fromDay: row.valid_from === undefined ? -Infinity : readDay(row.valid_from, state),
    untilDay: row.valid_until === undefined ? Infinity : readDay(row.valid_until, state),
    week: WEEK.map((day) => within(readHours(row[day] === undefined ? row.week : row[day], state), federal)),
    callsOnHolidays: row.holidays !== null,
    presumesAreaCode: row.presumes_area_code === true,
    ...(row.frequency && { frequency: row.frequency }),
  }
}

function readDay(text: string, state: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN
  assert(!Number.isNaN(ms), `calling hours of ${state}: "${text}" is not a day like 2021-07-01`)
  return ms / DAY_MS
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

function within(hours: Hours, federal: FederalHours): Hours {
  if (hours === null) return null
  const startMinute = Math.max(hours.startMinute, federal.startMinute)
  const endMinute = Math.min(hours.endMinute, federal.endMinute)
  return startMinute < endMinute ? { startMinute, endMinute } : null
}
