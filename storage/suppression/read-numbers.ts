import { parsePhoneNumber } from '../../model/phone-number.ts'
import { areaOf, isNorthAmerican, localOf, type ImportMode } from '../../model/suppression-list.ts'
import type { AreaDrafts } from './area-drafts.ts'

/** Lines that are no numbers are all counted; this many are shown, so much of each. */
const MAX_INVALID_SHOWN = 20
const MAX_VALUE_SHOWN = 100
/** A line beyond this is cut: it is no number anyway. */
const MAX_LINE = 1000
const FIRST_LOCAL = 2_000_000

/** Reads a text of numbers as its bytes come in. */
export interface NumberReader {
  readonly counts: ReadCounts
  take(bytes: Buffer): void
  end(): void
}

export class ReadCounts {
  lines = 0
  invalid = 0
  readonly shown: { line: number; value: string }[] = []

  refuse(line: number, value: string): void {
    this.invalid++
    if (this.shown.length < MAX_INVALID_SHOWN) this.shown.push({ line, value: value.slice(0, MAX_VALUE_SHOWN).trim() })
  }
}

/**
 * A number a line: `202,5551234` as the registry's full list has it, `2025550123`, `+12025550123` or `(202) 555-0123` in the first column.
 * In a list of changes (`change`) each line also says which: a field `A` (add) or `D` (delete), wherever it stands; other fields, dates among
 * them, are not looked at. A first line without a digit is a heading.
 */
export class LineReader implements NumberReader {
  readonly counts = new ReadCounts()
  readonly #drafts: AreaDrafts
  readonly #mode: ImportMode
  #rest: Buffer = Buffer.alloc(0)
  /** Within a line that was cut. */
  #isSkipping = false

  constructor(drafts: AreaDrafts, mode: ImportMode) {
    this.#drafts = drafts
    this.#mode = mode
  }

  take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let from = 0
    for (let to = all.indexOf(LF); to >= 0; to = all.indexOf(LF, from)) {
      this.#line(all, from, to)
      from = to + 1
    }
    // Old Macintosh files end lines by CR alone: where there is no LF at all, a CR is an end.
    if (from === 0 && all.length > MAX_LINE && all.includes(CR)) {
      for (let to = all.indexOf(CR); to >= 0; to = all.indexOf(CR, from)) {
        this.#line(all, from, to)
        from = to + 1
      }
    }
    const rest = all.subarray(from)
    if (rest.length > MAX_LINE) {
      if (!this.#isSkipping) this.#line(rest, 0, MAX_LINE)
      this.#isSkipping = true
      this.#rest = Buffer.alloc(0)
    } else this.#rest = Buffer.from(rest)
  }

  end(): void {
    if (this.#rest.length === 0) return
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    let from = 0
    for (let to = rest.indexOf(CR); to >= 0 && to < rest.length - 1; to = rest.indexOf(CR, from)) {
      this.#line(rest, from, to)
      from = to + 1
    }
    this.#line(rest, from, rest.length)
  }

  #line(bytes: Buffer, from: number, to: number): void {
    if (this.#isSkipping) {
      this.#isSkipping = false
      return
    }
    if (to > from && bytes[to - 1] === CR) to--
    this.counts.lines++
    if (this.#mode !== 'change' && this.#plain(bytes, from, to)) return
    this.#slow(bytes.toString('utf8', from, Math.min(to, from + MAX_LINE)).replace(/^\uFEFF/, ''))
  }

  /** `202,5551234` and `2025551234`, which are nearly all there are. False: it is another. */
  #plain(bytes: Buffer, from: number, to: number): boolean {
    const length = to - from
    if (length !== 11 && length !== 10) return false
    if (length === 11 && bytes[from + 3] !== COMMA) return false
    let area = 0
    let local = 0
    for (let at = from; at < from + 3; at++) {
      const digit = bytes[at]! - ZERO
      if (digit < 0 || digit > 9) return false
      area = area * 10 + digit
    }
    for (let at = to - 7; at < to; at++) {
      const digit = bytes[at]! - ZERO
      if (digit < 0 || digit > 9) return false
      local = local * 10 + digit
    }
    if (area < 200 || local < FIRST_LOCAL) return false
    this.#drafts.put(area, local, this.#mode === 'remove')
    return true
  }

  #slow(line: string): void {
    const { lines } = this.counts
    if (line.trim() === '') return
    if (lines === 1 && !/\d/.test(line)) return
    const fields = line.split(/[,;\t]/).map((field) =>
      field
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .trim(),
    )
    const deed = this.#mode === 'change' ? deedOf(fields) : this.#mode === 'remove' ? 'remove' : 'add'
    const number = this.#mode === 'change' ? numberAmong(fields) : numberAt(fields, 0)
    if (deed === null || number === null || !putNumber(this.#drafts, number, deed === 'remove'))
      this.counts.refuse(lines, line)
  }
}

const [LF, CR, COMMA, ZERO] = [10, 13, 44, 48]

type Deed = 'add' | 'remove'

function deedOf(fields: readonly string[]): Deed | null {
  for (const field of fields) {
    const deed = readDeed(field)
    if (deed !== null) return deed
  }
  return null
}

/** `A` and `D`, or words that begin so. */
export function readDeed(text: string): Deed | null {
  if (/^a(?:dd(?:ed|ition|itions|s)?)?$/i.test(text)) return 'add'
  if (/^(?:d(?:el(?:ete[ds]?|etion|etions|s)?)?|r(?:em(?:ove[ds]?|oval|ovals)?)?)$/i.test(text)) return 'remove'
  return null
}

function numberAmong(fields: readonly string[]): string | null {
  for (let at = 0; at < fields.length; at++) {
    const number = numberAt(fields, at)
    if (number !== null) return number
  }
  return null
}

/** An area code and the seven digits behind it, or a number whole. */
function numberAt(fields: readonly string[], at: number): string | null {
  const field = fields[at]!
  const next = fields[at + 1]?.replace('-', '')
  if (/^\d{3}$/.test(field)) return next !== undefined && /^\d{7}$/.test(next) ? field + next : null
  return /^[+(\d]/.test(field) && field.replaceAll(/\D/g, '').length >= 10 ? field : null
}

/** False: it is no number. */
export function putNumber(drafts: AreaDrafts, text: string, isRemoval: boolean): boolean {
  const number = parsePhoneNumber(text)
  if (number === null) return false
  if (isNorthAmerican(number)) drafts.put(areaOf(number), localOf(number), isRemoval)
  else drafts.putForeign(number, isRemoval)
  return true
}
