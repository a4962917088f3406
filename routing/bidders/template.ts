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

/**
 * Makes a template ready. Each value is escaped for its place, so that none can end the string, the element or the parameter it stands in;
 * in JSON a value outside a string stands as it is when it is a number, else as a string of its own. Throws TemplateError.
 */
export function compileTemplate(template: string, use: TemplateUse): Fill {
  const parts: (string | ((from: TemplateValues) => string))[] = []
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
  return (from) => {
    let text = ''
    for (const part of parts) text += typeof part === 'string' ? part : part(from)
    return text
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
