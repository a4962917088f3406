import type { PhoneNumber } from './phone-number.ts'

/** What people put between digits, and URIs in place of a blank. */
const SEPARATOR = '(?:[\\s.\\-()/\\u00a0\\u2010-\\u2013]|%20){0,3}'
/** Digits of a trunk in front of a number. */
const MOST_PREFIX = 6

/**
 * A regular expression, for JavaScript and for PostgreSQL, that finds a number in a text in every spelling people and carriers use: with
 * its plus sign, 00, 011 or without, in groups, of North America also without its 1 or behind a trunk's digits.
 */
export function spellingsOf(number: PhoneNumber): string {
  const digits = number.slice(1)
  const abroad = `(?:(?:\\+|%2[Bb]|00|011)${SEPARATOR})?`
  if (!digits.startsWith('1') || digits.length !== 11) return `(?<!\\d)${abroad}${spaced(digits)}(?!\\d)`
  const national = [digits.slice(1, 4), digits.slice(4, 7), digits.slice(7)].join(SEPARATOR)
  const behindPrefix = `(?<![\\d+])\\d{1,${MOST_PREFIX}}${digits}(?!\\d)`
  return `(?<!\\d)(?:${abroad}1${SEPARATOR})?\\(?${national}(?!\\d)|${behindPrefix}`
}

/** Groups of other countries may be of any length. */
function spaced(digits: string): string {
  return digits.split('').join(SEPARATOR)
}

/** Digits that stand together at the end of every spelling: a search for them is cheap, and says where not to look closer. */
export function endingOf(number: PhoneNumber): string {
  return number.startsWith('+1') ? number.slice(-4) : number.slice(-1)
}

/** The text with `instead` wherever the number stood. */
export function withoutNumber(text: string, number: PhoneNumber, instead: string): string {
  if (!text.includes(endingOf(number))) return text
  return text.replaceAll(new RegExp(spellingsOf(number), 'g'), instead)
}

/** The same of JSON, which stays JSON: where the number stood as one, a text stands instead. */
export function jsonWithoutNumber(json: string, number: PhoneNumber, instead: string): string {
  const replaced = withoutNumber(json, number, instead)
  if (replaced === json || isJson(replaced)) return replaced
  return JSON.stringify(walk(JSON.parse(json), number, instead))
}

function walk(value: unknown, number: PhoneNumber, instead: string): unknown {
  if (typeof value === 'string') return withoutNumber(value, number, instead)
  if (typeof value === 'number') return withoutNumber(String(value), number, '') === '' ? instead : value
  if (Array.isArray(value)) return value.map((item) => walk(item, number, instead))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([key, item]) => [withoutNumber(key, number, instead), walk(item, number, instead)]),
  )
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const CANDIDATE = /(?:\+|%2[Bb])?\d[\d\s.\-()/\u00a0\u2010-\u2013]{5,28}\d/g
const LEAST_DIGITS = 10
const MOST_DIGITS = 15 + MOST_PREFIX

/**
 * What in a text may be a telephone number, as E.164 without its plus sign: every number that `spellingsOf` finds there is among them, and
 * much that is none.
 */
export function possibleNumbers(text: string): Set<string> {
  const found = new Set<string>()
  for (const [match] of text.replaceAll('%20', ' ').matchAll(CANDIDATE)) {
    const isAbroad = !/^\d/.test(match)
    // Two numbers with a blank between them are one match: each group is tried, and each with those that follow it.
    const groups = match.replace(/^%2[Bb]/, '').match(/\d+/g)!
    for (let from = 0; from < groups.length; from++) {
      let digits = ''
      for (const group of groups.slice(from)) {
        digits += group
        if (digits.length > MOST_DIGITS) break
        if (digits.length >= LEAST_DIGITS || isAbroad) addForms(found, digits)
      }
    }
  }
  return found
}

function addForms(found: Set<string>, digits: string): void {
  found.add(digits)
  if (digits.length === 10) found.add(`1${digits}`)
  for (const abroad of ['00', '011']) if (digits.startsWith(abroad)) found.add(digits.slice(abroad.length))
  const last = digits.slice(-11)
  if (last.startsWith('1')) found.add(last)
}
