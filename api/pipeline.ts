import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { isId } from '../model/ids.ts'
import { contentType, decodeText, parseJson, readBody } from './body.ts'
import type { ApiRequest, Caller, Endpoint, Method } from './endpoint.ts'
import { check } from './faults.ts'
import { printAnswer, runOnce, type SentAnswer } from './idempotency.ts'
import type { Kit } from './kit.ts'
import { matchesNone } from './preconditions.ts'
import { invalid, Problem, PROBLEM_TYPE, problemBody, problemOf } from './problems.ts'
import { createRateLimit } from './rate-limit.ts'

const NO_QUERY = z.strictObject({})
const JSON_TYPES = ['application/json', 'application/merge-patch+json']
const NO_BYTES = new Uint8Array()

export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** A request on its way to the endpoint its address names. Node's own request and answer: not all come through Express. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As it is declared, parameters behind colons; null: the address is nobody's. */
  readonly route: string | null
  readonly path: string
  readonly params: Record<string, string>
  readonly query: unknown
}

/** The endpoints of one address. */
export type ByMethod = ReadonlyMap<Method, Endpoint>

/** Answers an arrival by one of these endpoints, or says what is wrong with it; never throws. */
export type AnswerAt = (arrival: Arrival, byMethod: ByMethod) => Promise<void>

/** The way of a request: who, how often, allowed, well-formed, once; then its handler. */
export function createPipeline(kit: Kit): AnswerAt {
  const rateLimit = createRateLimit(kit.settings.loginPerMinute, kit.clock)

  async function answer(declared: Endpoint, { request, params, path, query: asked }: Arrival): Promise<SentAnswer> {
    const source = request.socket.remoteAddress ?? ''
    if (declared.guarded) rateLimit(declared.path, source)
    const caller = await identify(kit, declared, request)
    for (const [name, value] of Object.entries(params)) {
      if (name !== 'id' && !name.endsWith('_id')) continue
      const lower = value.toLowerCase()
      if (!isId(lower)) throw new Problem('not_found', `${value.slice(0, 64)} is not an id.`)
      params[name] = lower
    }
    const query: unknown = check(declared.query ?? NO_QUERY, asked, '/query')
    const bytes = declared.body ? await readBody(request, kit.settings.bodyLimitBytes) : NO_BYTES
    const body = declared.body ? readJson(declared, request, bytes) : undefined
    const key = request.headers['idempotency-key']
    const said: ApiRequest = {
      caller: caller!,
      params,
      query,
      body,
      source,
      ifMatch: request.headers['if-match'] ?? null,
      raw: request,
    }
    if (declared.method === 'get' || !caller || declared.streams || key === undefined)
      return printAnswer(await declared.handle(said))
    if (Array.isArray(key)) throw invalid('/headers/idempotency-key', 'must be given once', 'invalid_key')
    const { method = '' } = request
    return runOnce(kit.stores.idempotency, kit.log, { key, caller, method, path, body: bytes }, async () =>
      declared.handle(said),
    )
  }

  return async (arrival, byMethod) => {
    const { request, response } = arrival
    try {
      const method = request.method === 'HEAD' ? 'get' : request.method!.toLowerCase()
      const found = byMethod.get(method as Method)
      if (found) return send(request, response, await answer(found, arrival))
      const allow = [...byMethod.keys()].map((name) => name.toUpperCase()).join(', ')
      if (method === 'options') return void response.writeHead(204, { ...SECURITY_HEADERS, allow }).end()
      throw new Problem('method_not_allowed', `It takes ${allow}.`, { headers: { allow } })
    } catch (error) {
      sendProblem(kit, arrival, error)
    }
  }
}

async function identify(kit: Kit, declared: Endpoint, request: IncomingMessage): Promise<Caller | null> {
  if (declared.who === 'anyone') return null
  const caller = await kit.authenticator.fromHeader(request.headers.authorization, declared.takesPingKeys)
  if (!declared.who.includes(caller.role)) {
    throw new Problem('forbidden', `This is for ${declared.who.join(' and ')}; you are ${caller.role}.`)
  }
  if (declared.method !== 'get' && !declared.guarded) await kit.authenticator.requireActive(caller)
  return caller
}

function readJson(declared: Endpoint, request: IncomingMessage, bytes: Uint8Array): unknown {
  if (bytes.length === 0) {
    if (declared.bodyOptional) return check(declared.body!, {})
    throw new Problem('malformed_json', 'A JSON body is needed.')
  }
  if (!JSON_TYPES.includes(contentType(request))) {
    throw new Problem('unsupported_media_type', 'Send the body as `Content-Type: application/json`.')
  }
  return check(declared.body!, parseJson(decodeText(bytes)))
}

function send(request: IncomingMessage, response: ServerResponse, answer: SentAnswer): void {
  const { status, etag, stream, content, body } = answer
  const headers: Record<string, string> = { ...SECURITY_HEADERS, 'cache-control': 'no-store' }
  if (etag !== null) headers['etag'] = etag
  if (answer.replayed) headers['idempotent-replayed'] = 'true'
  Object.assign(headers, answer.headers)
  if (etag !== null && request.method === 'GET' && matchesNone(request.headers['if-none-match'], etag)) {
    response.writeHead(304, headers).end()
    return
  }
  if (stream) return sendStream(response, status, headers, stream)
  if (content) headers['content-type'] = content.type
  else if (body !== '') headers['content-type'] = 'application/json; charset=utf-8'
  sendWhole(request, response, status, headers, content?.bytes ?? body)
}

/** Head and body in one piece, which is one write to the socket. */
function sendWhole(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Uint8Array,
): void {
  if (status !== 204 && request.method !== 'HEAD') headers['content-length'] = String(Buffer.byteLength(body))
  response.writeHead(status, headers).end(body)
}

/** Whoever has gone is read nothing more for. What breaks off in the middle closes the connection: the length, or the last chunk, does not come. */
function sendStream(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  { type, length, chunks }: NonNullable<SentAnswer['stream']>,
): void {
  headers['content-type'] = type
  if (length !== null) headers['content-length'] = String(length)
  response.writeHead(status, headers)
  pipeline(Readable.from(chunks), response).catch(() => response.destroy())
}

export function sendProblem(kit: Kit, { request, response, route, path, params }: Arrival, error: unknown): void {
  const problem = problemOf(error) ?? new Problem('internal_error', 'It has been logged.')
  if (problem.code === 'internal_error') {
    // Where a key stands in the path, the log gets the route.
    kit.log.error({ error, method: request.method, path: params['key'] === undefined ? path : route }, 'request failed')
  }
  // What was not read of the body is read and dropped: unread, it would block or reset the connection under this answer.
  if (!request.complete) request.resume()
  if (response.headersSent) return void response.destroy()
  const headers = {
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    ...problem.headers,
    'content-type': PROBLEM_TYPE,
  }
  sendWhole(request, response, problem.status, headers, problemBody(problem))
}
