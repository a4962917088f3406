import { StringDecoder } from 'node:string_decoder'
import type { ImportMode } from '../../model/suppression-list.ts'
import { BadImport, type AreaDrafts } from './area-drafts.ts'
import { putNumber, readDeed, ReadCounts, type NumberReader } from './read-numbers.ts'

/** A tag, or the text between two. */
const TOKEN = /<([/!?]?)([\w:.-]*)([^<>]*)>|([^<>]+)/g
const ATTRIBUTE = /([\w:.-]+)\s*=\s*["']([^"']*)["']/g
/** A tag longer than this is none. */
const MAX_TAG = 4096
/** Elements within one another; a list has three or four. */
const MAX_DEPTH = 100

/**
 * A list in tags: numbers as text or as attribute, of ten digits, or of seven within an element that says the area code:
 * `<ac val="202"><ph val="5551234"/></ac>`, `<number>2025551234</number>`. In a list of changes the deed is an attribute's
 * value, or the name of an element around the number (`<add>`, `<delete>`). What else there is, is passed over.
 */
export class XmlReader implements NumberReader {
  readonly counts = new ReadCounts()
  readonly #drafts: AreaDrafts
  readonly #mode: ImportMode
  readonly #decoder = new StringDecoder('utf8')
  readonly #open: { deed: 'add' | 'remove' | null; area: string | null }[] = []
  #text = ''
  /** Of the last element that said so without being around the numbers. */
  #area: string | null = null

  constructor(drafts: AreaDrafts, mode: ImportMode) {
    this.#drafts = drafts
    this.#mode = mode
  }

  take(bytes: Buffer): void {
    this.#text += this.#decoder.write(bytes)
    const cut = Math.max(this.#text.lastIndexOf('>') + 1, 0)
    const whole = this.#text.slice(0, cut)
    this.#text = this.#text.slice(cut)
    if (this.#text.length > MAX_TAG) this.#text = ''
    this.#read(whole)
  }

  end(): void {
    this.#read(this.#text)
    this.#text = ''
  }

  #read(text: string): void {
    for (const [, mark, name = '', rest = '', between] of text.matchAll(TOKEN)) {
      if (between !== undefined) this.#value(between.trim(), null)
      else if (mark === '/') this.#open.pop()
      else if (mark === '') this.#element(name, rest)
    }
  }

  #element(name: string, rest: string): void {
    // A page that says why there is no list has a telephone number too.
    if (/^html$/i.test(name)) throw new BadImport('the file is a web page')
    const values = [...rest.matchAll(ATTRIBUTE)].map(([, , value]) => value!.trim())
    const deed = values.map(readDeed).find((each) => each !== null) ?? readDeed(name)
    const area = values.find((value) => /^\d{3}$/.test(value)) ?? null
    const isAlone = rest.trimEnd().endsWith('/')
    if (!isAlone) {
      if (this.#open.length >= MAX_DEPTH) throw new BadImport(`more than ${MAX_DEPTH} elements within one another`)
      this.#open.push({ deed, area })
    }
    for (const value of values) {
      // Its own area code stands before those around it.
      if (/^\d{7}$/.test(value) && area !== null) this.#put(area + value, deed)
      else this.#value(value, deed)
    }
  }

  #value(value: string, deed: 'add' | 'remove' | null): void {
    if (/^\d{3}$/.test(value)) this.#area = value
    else if (/^\d{3}-?\d{4}$/.test(value)) {
      const area = this.#open.findLast((each) => each.area !== null)?.area ?? this.#area
      this.#put((area ?? '') + value, deed)
    } else if (/^\+?[\d()\s.-]{10,20}$/.test(value) && value.replaceAll(/\D/g, '').length >= 10 && !isDate(value))
      this.#put(value, deed)
  }

  #put(number: string, deed: 'add' | 'remove' | null): void {
    this.counts.lines++
    const said = deed ?? this.#open.findLast((each) => each.deed !== null)?.deed ?? null
    const what = this.#mode === 'change' ? said : this.#mode === 'remove' ? 'remove' : 'add'
    if (what === null || !putNumber(this.#drafts, number, what === 'remove'))
      this.counts.refuse(this.counts.lines, number)
  }
}

/** `2026-11-01 10:15` has as many digits as a number. */
function isDate(value: string): boolean {
  return /^\d{4}-\d\d-\d\d/.test(value)
}
