import { z } from 'zod'
import type { AcceptPlace, AnswerPlace, AnswerTemplate, PostTemplate, RequestTemplate } from '../model/bidder.ts'
import { PathError, readPath } from '../routing/bidders/answer.ts'
import {
  compileTemplate,
  requireValues,
  secretsIn,
  TemplateError,
  type TemplateMoment,
  type TemplateUse,
} from '../routing/bidders/template.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'

// What a bidder's buyer writes: how requests are made, and where the answer stands in what comes back.

const MAX_URL = 2048
const MAX_BODY = 16_384
const MAX_HEADERS = 20
const MAX_POST_MS = 2000
const BODY_TYPES = ['json', 'form', 'xml', 'text'] as const
const METHODS = ['GET', 'POST', 'PUT'] as const
/** RFC 9110 §5.6.2. */
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'must be the name of a header')
/** What the connection itself says, or must not be said of it, and what we say of our own requests. */
const OWN_HEADERS =
  /^(?:host|content-length|transfer-encoding|connection|upgrade|te|trailer|expect|keep-alive|accept-encoding|idempotency-key|proxy-.*|x-dce-.*)$/i

const headerValue = z
  .string()
  .max(1024)
  .regex(/^[\u0020-\u007E]*$/, 'must be visible ASCII')

const request = {
  method: z.enum(METHODS),
  url: z
    .string()
    .trim()
    .min(1)
    .max(MAX_URL)
    .meta({ description: 'http or https; {{placeholders}} in its path and query' }),
  headers: z
    .record(headerName, headerValue)
    .refine((value) => Object.keys(value).length <= MAX_HEADERS, { error: `must be at most ${MAX_HEADERS}` }),
  body: z.string().max(MAX_BODY).nullable(),
  body_type: z.enum(BODY_TYPES),
}
const defaults = {
  method: request.method.default('POST'),
  url: request.url,
  headers: request.headers.default({}),
  body: request.body.default(null),
  body_type: request.body_type.default('json'),
}

const mark = z.string().max(200)
const jsonPlace = { json: z.string().min(1).max(500).meta({ description: 'A path, such as offer.bids[0].price' }) }
const textPlace = {
  after: mark.min(1).meta({ description: 'The value begins behind the first of these' }),
  before: mark.meta({ description: 'and ends at the next of these; empty: with the answer' }),
}
const valuePlace = z.union([z.strictObject(jsonPlace), z.strictObject(textPlace)], {
  error: 'must be {json} or {after, before}',
})
const equals = z.array(mark.min(1)).min(1).max(20).optional()
const acceptPlace = z.union([z.strictObject({ ...jsonPlace, equals }), z.strictObject({ ...textPlace, equals })], {
  error: 'must be {json} or {after, before}, and may say what it equals',
})

export const RequestInput = z.strictObject(defaults)
export const AnswerInput = z.strictObject({
  accept: acceptPlace.nullable().default(null),
  bid: valuePlace,
  destination: valuePlace.nullable().default(null),
  billable_after: valuePlace.nullable().default(null),
})
export const PostInput = z.strictObject({
  ...defaults,
  accept: acceptPlace.nullable().default(null),
  destination: valuePlace.nullable().default(null),
  timeout_ms: z.int().min(50).max(MAX_POST_MS).default(1000).meta({ description: 'For all tries together' }),
})

const Place = z.union([z.strictObject({ json: z.string() }), z.strictObject({ after: z.string(), before: z.string() })])
const printedEquals = z.array(z.string()).optional()
const Accept = z.union([
  z.strictObject({ json: z.string(), equals: printedEquals }),
  z.strictObject({ after: z.string(), before: z.string(), equals: printedEquals }),
])
export const RequestAnswer = z.strictObject(request)
export const AnswerAnswer = z.strictObject({
  accept: Accept.nullable(),
  bid: Place,
  destination: Place.nullable(),
  billable_after: Place.nullable(),
})
export const PostAnswer = z.strictObject({
  ...request,
  accept: Accept.nullable(),
  destination: Place.nullable(),
  timeout_ms: z.int(),
})

/** Checks a request whole, and throws a 422 that names what is wrong in it under `pointer`. */
export function readRequest(kit: Kit, input: z.output<typeof RequestInput>, moment: 'ping' | 'post'): RequestTemplate {
  const pointer = `/${moment}`
  const { method, url, headers, body, body_type: bodyType } = input
  requireUrl(kit, url, `${pointer}/url`, moment)
  for (const [name, value] of Object.entries(headers)) {
    const at = `${pointer}/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (OWN_HEADERS.test(name)) throw invalid(at, 'is a header that we say ourselves', 'not_allowed')
    requireTemplate(value, 'header', at, moment)
  }
  if (body !== null) {
    if (method === 'GET') throw invalid(`${pointer}/body`, 'a GET has no body', 'not_allowed')
    requireTemplate(body, bodyType, `${pointer}/body`, moment)
    if (bodyType === 'json') requireJson(body, `${pointer}/body`)
  }
  return { method, url, headers, body, bodyType }
}

/** Where a request goes must not depend on the call: the origin holds no placeholder, and is no address that is not called. Throws 422. */
export function requireUrl(kit: Kit, url: string, pointer: string, moment: TemplateMoment): void {
  const origin = /^https?:\/\/[^/?#\\]+(?=[/?#]|$)/i.exec(url)?.[0]
  if (origin === undefined || !URL.canParse(origin) || origin.includes('{'))
    throw invalid(pointer, 'must begin with https:// or http:// and a host that is no placeholder', 'invalid_url')
  const { username, password, hostname } = new URL(origin)
  if (username !== '' || password !== '')
    throw invalid(pointer, 'must not hold a password: use a header with a {{secret:name}}', 'not_allowed')
  if (url.includes('#')) throw invalid(pointer, 'must have no fragment', 'invalid_url')
  if (!kit.mayCall(hostname))
    throw invalid(pointer, 'leads to an address that is not called from here', 'address_refused')
  requireTemplate(url, 'url', pointer, moment)
}

function requireTemplate(template: string, use: TemplateUse, pointer: string, moment: TemplateMoment): void {
  try {
    compileTemplate(template, use)
    requireValues(template, moment)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw invalid(pointer, error.message, 'invalid_template')
  }
}

/** The body must be JSON whatever is put in: 0 fits within a string and outside one. */
function requireJson(template: string, pointer: string): void {
  try {
    JSON.parse(template.replaceAll(/\{\{[^{}]*\}\}/g, '0'))
  } catch {
    throw invalid(pointer, 'is not JSON once its placeholders are filled in', 'invalid_template')
  }
}

export function readAnswer(input: z.output<typeof AnswerInput>): AnswerTemplate {
  const { accept, bid, destination, billable_after: billableAfter } = input
  for (const [name, each] of Object.entries({ accept, bid, destination, billable_after: billableAfter }))
    if (each) requirePath(each, `/answer/${name}`)
  return { accept: acceptOf(accept), bid, destination, billableAfter }
}

export function readPost(kit: Kit, input: z.output<typeof PostInput>): PostTemplate {
  const { accept, destination, timeout_ms: timeoutMs, ...rest } = input
  if (rest.method === 'GET') throw invalid('/post/method', 'a call is not posted by GET', 'not_allowed')
  if (accept) requirePath(accept, '/post/accept')
  if (destination) requirePath(destination, '/post/destination')
  return { request: readRequest(kit, rest, 'post'), accept: acceptOf(accept), destination, timeoutMs }
}

function requirePath(place: AnswerPlace, pointer: string): void {
  if (!('json' in place)) return
  try {
    readPath(place.json)
  } catch (error) {
    if (!(error instanceof PathError)) throw error
    throw invalid(`${pointer}/json`, error.message, 'invalid_path')
  }
}

function acceptOf(input: z.output<typeof acceptPlace> | null): AcceptPlace | null {
  if (input === null) return null
  const { equals: yes, ...rest } = input
  return yes === undefined ? rest : { ...rest, equals: yes }
}

/** Names of secrets that templates ask for, with where. */
export function secretsAsked(
  requests: readonly { readonly template: RequestTemplate | null; readonly pointer: string }[],
  urls: Readonly<Record<string, string | null>>,
): Map<string, string> {
  const asked = new Map<string, string>()
  const ask = (text: string | null, pointer: string): void => {
    for (const name of text === null ? [] : secretsIn(text)) if (!asked.has(name)) asked.set(name, pointer)
  }
  for (const { template, pointer } of requests) {
    if (!template) continue
    ask(template.url, `${pointer}/url`)
    ask(template.body, `${pointer}/body`)
    for (const [name, value] of Object.entries(template.headers)) ask(value, `${pointer}/headers/${name}`)
  }
  for (const [pointer, url] of Object.entries(urls)) ask(url, pointer)
  return asked
}

export function printRequest({ method, url, headers, body, bodyType }: RequestTemplate): z.input<typeof RequestAnswer> {
  return { method, url, headers: { ...headers }, body, body_type: bodyType }
}

export function printAnswer(answer: AnswerTemplate): z.input<typeof AnswerAnswer> {
  const { accept, bid, destination, billableAfter } = answer
  return { accept: printAccept(accept), bid, destination, billable_after: billableAfter }
}

export function printPost(post: PostTemplate): z.input<typeof PostAnswer> {
  const { request: template, accept, destination, timeoutMs } = post
  return { ...printRequest(template), accept: printAccept(accept), destination, timeout_ms: timeoutMs }
}

function printAccept(accept: AcceptPlace | null): z.input<typeof Accept> | null {
  if (accept === null) return null
  const { equals: yes, ...rest } = accept
  return yes === undefined ? rest : { ...rest, equals: [...yes] }
}
