/** One record of a CSV, and the line it begins on. */
export interface CsvRecord {
  readonly line: number
  readonly fields: readonly string[]
}

/** A record that cannot be read, and after which none can be. */
export class BadCsv extends Error {
  override readonly name = 'BadCsv'
}

/**
 * The records of a CSV (RFC 4180) as its text comes in: quoted fields may have commas, quotes and line breaks in them. Lines that are
 * empty are left out. Throws BadCsv for a record of more than `mostLetters`, or a quote that is never closed.
 */
export async function* csvRecords(texts: AsyncIterable<string>, mostLetters: number): AsyncGenerator<CsvRecord> {
  let line = 1
  let begun = 1
  let fields: string[] = []
  let field = ''
  let letters = 0
  let isQuoted = false
  /** A quote has come within a quoted field: it ends it, or a second one makes it a quote. */
  let isEnding = false
  let afterReturn = false

  const take = (): CsvRecord | null => {
    fields.push(field)
    const record = { line: begun, fields }
    const isEmpty = fields.length === 1 && field === ''
    fields = []
    field = ''
    letters = 0
    isQuoted = isEnding = false
    return isEmpty ? null : record
  }

  for await (const text of texts) {
    for (const letter of text) {
      if (afterReturn && letter === '\n' && !isOpen()) {
        afterReturn = false
        continue
      }
      afterReturn = false
      if (++letters > mostLetters)
        throw new BadCsv(`line ${begun}: the record is longer than ${mostLetters} letters; is a quote left open?`)
      if (isOpen() && letter !== '"') {
        if (letter === '\n') line++
        field += letter
        continue
      }
      if (letter === '"') {
        if (isEnding) {
          field += '"'
          isEnding = false
        } else if (isQuoted) isEnding = true
        else if (field === '') isQuoted = true
        else field += '"'
      } else if (letter === ',') {
        fields.push(field)
        field = ''
        isQuoted = isEnding = false
      } else if (letter === '\n' || letter === '\r') {
        const record = take()
        afterReturn = letter === '\r'
        line++
        begun = line
        if (record) yield record
      } else field += letter
    }
  }
  if (isOpen()) throw new BadCsv(`line ${begun}: a quote is left open`)
  const last = fields.length > 0 || field !== '' ? take() : null
  if (last) yield last

  function isOpen(): boolean {
    return isQuoted && !isEnding
  }
}
