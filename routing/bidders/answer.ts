import type { AcceptPlace, AnswerPlace } from '../../model/bidder.ts'

/** What an answer says, as far as it was asked for: texts as they stand there. */
export type FindIn = (answer: Answer) => string | null

/** An answer's text, and its value where it is JSON. */
export class Answer {
  readonly text: string
  #json: unknown
  #isParsed = false

  constructor(text: string) {
    this.text = text
  }

  /** Undefined: it is no JSON. */
  get json(): unknown {
    if (!this.#isParsed) {
      this.#isParsed = true
      try {
        this.#json = JSON.parse(this.text)
      } catch {
        this.#json = undefined
      }
    }
    return this.#json
  }
}

/** A path that cannot be read. */
export class PathError extends Error {
  override readonly name = 'PathError'
}

const MAX_STEPS = 16
const STEP = /(?:^|\.)(?<name>[A-Za-z_][A-Za-z0-9_-]{0,63})|\[(?<index>\d{1,4})\]/y

/** The steps of `offer.bids[0].price`, also with `$` or `$.` before them. Throws PathError. */
export function readPath(path: string): (string | number)[] {
  const steps: (string | number)[] = []
  const text = path.replace(/^\$\.?/, '')
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const { name, index } = STEP.exec(text)?.groups ?? {}
    if (name === undefined && index === undefined) throw new PathError('must be a path such as offer.bids[0].price')
    steps.push(name ?? Number(index))
    if (steps.length > MAX_STEPS) throw new PathError(`must have at most ${MAX_STEPS} steps`)
  }
  if (steps.length === 0) throw new PathError('must be a path such as offer.bids[0].price')
  return steps
}

/** Finds a value in answers; null where it is not there. Throws PathError. */
export function finder(place: AnswerPlace): FindIn {
  if ('after' in place) return ({ text }) => between(text, place.after, place.before)
  const steps = readPath(place.json)
  return ({ json }) => {
    let value: unknown = json
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return null
      if (Array.isArray(value) && typeof step === 'string') return null
      value = (value as Record<string | number, unknown>)[step]
    }
    if (typeof value === 'string') return value
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
  }
}

function between(text: string, after: string, before: string): string | null {
  const from = text.indexOf(after)
  if (from < 0) return null
  const start = from + after.length
  const to = before === '' ? text.length : text.indexOf(before, start)
  return to < 0 ? null : text.slice(start, to).trim()
}

const NO = new Set(['', 'false', '0', 'no', 'null'])

/** Whether an answer says yes. Throws PathError. */
export function acceptance(place: AcceptPlace): (answer: Answer) => boolean {
  const find = finder(place)
  const yes = place.equals && new Set(place.equals.map((value) => value.trim().toLowerCase()))
  return (answer) => {
    const value = find(answer)?.trim().toLowerCase()
    if (value === undefined) return false
    return yes ? yes.has(value) : !NO.has(value)
  }
}
