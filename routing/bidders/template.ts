import type { BodyType } from '../../model/bidder.ts'

/** What a template may put in, by name; `tag:` and `secret:` take any. */
export const PLACEHOLDERS = [
  'ping_id',
  'caller',
  'caller_number',
  'area_code',
  'state',
  'zip',
  'vertical',
  'currency',
  'max_bid',
  'timeout_ms',
  'time',
  'call_id',
  'bid',
  'price',
  'result',
  'reason',
  'reason_code',
] as const
type Placeholder = (typeof PLACEHOLDERS)[number]

/** When a template is filled in: that says what there is to put in. */
export type TemplateMoment = 'ping' | 'post' | 'notice'
const SOLD = ['call_id', 'bid', 'price'] as const
const ENDED = ['bid', 'price', 'result', 'reason', 'reason_code'] as const
const LATER: ReadonlySet<string> = new Set([...SOLD, ...ENDED])
const LATER_AT: Readonly<Record<TemplateMoment, ReadonlySet<string>>> = {
  ping: new Set(),
  post: new Set(SOLD),
  notice: new Set(ENDED),
}

/** What is put in; what is absent is nothing. */
export interface TemplateValues {
  readonly values: Readonly<Partial<Record<Placeholder, string>>>
  readonly tags: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
}

/** Where a template stands: that says how a value is written there. */
export type TemplateUse = BodyType | 'url' | 'header'

/** Fills a template. */
export type Fill = (from: TemplateValues) => string

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g
const NAME = /^(?:(?<kind>tag|secret):(?<key>[A-Za-z0-9_.-]{1,64})|(?<plain>[a-z_]{1,32}))$/

/** A template that cannot be used, in words for whoever wrote it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** The secrets a template asks for. */
export function secretsIn(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, name]) => NAME.exec(name!)?.groups?.['key'] ?? [])
}

/** Throws TemplateError for a placeholder that has no value when this template is filled in. */
export function requireValues(template: string, moment: TemplateMoment): void {
  for (const [, inner] of template.matchAll(PLACEHOLDER)) {
    const name = inner!.trim()
    if (LATER.has(name) && !LATER_AT[moment].has(name)) throw new TemplateError(`has no value {{${name}}} here`)
  }
}

/**
 * Makes a template ready. Each value is escaped for its place, so that none can end the string, the element or the parameter it stands in;
 * in JSON a value outside a string stands as it is when it is a number, else as a string of its own. Throws TemplateError.
 */
export function compileTemplate(template: string, use: TemplateUse): Fill {
  const parts: Part[] = []
  let end = 0
  let isInString = false
  for (const match of template.matchAll(PLACEHOLDER)) {
    const before = template.slice(end, match.index)
    if (use === 'json') isInString = endsInString(before, isInString)
    parts.push(before, valueOf(match[1]!.trim(), escapeFor(use, isInString)))
    end = match.index + match[0].length
  }
  const rest = template.slice(end)
  if (template.replaceAll(PLACEHOLDER, '').includes('{{')) throw new TemplateError('has {{ without }}')
  parts.push(rest)
  return use === 'url' ? fillUrl(parts) : (from) => filled(parts, from)
}

type Part = string | Fill

function filled(parts: readonly Part[], from: TemplateValues): string {
  let text = ''
  for (const part of parts) text += typeof part === 'string' ? part : part(from)
  return text
}

/** A segment that is not what it says but a step, as a URL is read (WHATWG URL §4.3): control characters left out, with what ends it. */
const DOTS = /^(?:\.|%2e){1,2}[/\\?]?$/i

/** Whoever names a tag `..` would have another path called: a value that makes a segment a step is left out. */
function fillUrl(parts: readonly Part[]): Fill {
  const segments: Part[][] = [[]]
  let isPath = true
  for (const part of parts) {
    const pieces = typeof part === 'string' && isPath ? part.split(/(?<=[/\\?])/) : [part]
    for (const piece of pieces) {
      segments.at(-1)!.push(piece)
      if (!isPath || typeof piece !== 'string') continue
      if (piece.endsWith('?')) isPath = false
      if (/[/\\?]$/.test(piece)) segments.push([])
    }
  }
  return (from) => {
    let url = ''
    for (const segment of segments) {
      const text = filled(segment, from)
      const isStep = DOTS.test(text.replaceAll(/[\t\r\n]/g, ''))
      url += isStep ? segment.filter((part) => typeof part === 'string').join('') : text
    }
    return url
  }
}

function valueOf(name: string, escape: (value: string) => string): (from: TemplateValues) => string {
  const { kind, key, plain } = NAME.exec(name)?.groups ?? {}
  if (kind === 'tag') return ({ tags }) => escape((Object.hasOwn(tags, key!) && tags[key!]) || '')
  if (kind === 'secret') return ({ secrets }) => escape((Object.hasOwn(secrets, key!) && secrets[key!]) || '')
  if (plain === undefined || !(PLACEHOLDERS as readonly string[]).includes(plain))
    throw new TemplateError(`has no value {{${name.slice(0, 64)}}}`)
  return ({ values }) => escape(values[plain as Placeholder] ?? '')
}

/** Whether a piece of JSON, begun in a string or not, ends in one. */
function endsInString(json: string, began: boolean): boolean {
  let isInString = began
  for (let i = 0; i < json.length; i++) {
    if (json[i] === '"') isInString = !isInString
    else if (json[i] === '\\' && isInString) i++
  }
  return isInString
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/

function escapeFor(use: TemplateUse, isInString: boolean): (value: string) => string {
  switch (use) {
    case 'json':
      if (isInString) return (value) => JSON.stringify(value).slice(1, -1)
      return (value) => (JSON_NUMBER.test(value) ? value : JSON.stringify(value))
    case 'url':
    case 'form':
      return (value) => encodeURIComponent(value.toWellFormed())
    case 'xml':
      return (value) => value.replaceAll(/[&<>"']|[^\t\n\r\u0020-\uFFFD]/g, (character) => XML[character] ?? '')
    case 'header':
      // RFC 9110 §5.5: what is not visible ASCII has no place in a field.
      return (value) => value.replaceAll(/[^\u0020-\u007E]/g, '')
    case 'text':
      return (value) => value
  }
}

const XML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
