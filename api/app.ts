import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type Express, type Request, type Response } from 'express'
import { z } from 'zod'
import { isId } from '../model/ids.ts'
import { contentType, decodeText, parseJson, readBody } from './body.ts'
import type { Answer, ApiRequest, Caller, Endpoint, Method } from './endpoint.ts'
import { check } from './faults.ts'
import { printAnswer, runOnce, type SentAnswer } from './idempotency.ts'
import type { Kit } from './kit.ts'
import { matchesNone } from './preconditions.ts'
import { invalid, Problem, PROBLEM_TYPE, problemBody, problemOf } from './problems.ts'
import { createRateLimit } from './rate-limit.ts'

const NO_QUERY = z.strictObject({})
const JSON_TYPES = ['application/json', 'application/merge-patch+json']
const NO_BYTES = new Uint8Array()

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** An application that answers `endpoints`, and with a problem (RFC 9457) everything else. `pages` adds what is not JSON. */
export function createApp(kit: Kit, endpoints: readonly Endpoint[], pages: (app: Express) => void): Express {
  const app = express()
  app.set('etag', false) // A thing's version is its ETag; hashing every answer would only cost.
  app.set('x-powered-by', false)
  app.set('query parser', 'simple')
  app.set('env', 'production')
  app.use((request, response, next) => {
    response.set(SECURITY_HEADERS)
    const { onRequest } = kit
    if (onRequest) {
      const startedMs = kit.clock.monotonicMs()
      response.once('finish', () => {
        const route: unknown = request.route?.path
        const seconds = (kit.clock.monotonicMs() - startedMs) / 1000
        // What nothing is declared for is one route: made-up paths must not make metrics.
        const name = typeof route === 'string' ? route : 'other'
        onRequest({ method: request.method, route: name, status: response.statusCode, seconds })
      })
    }
    next()
  })
  pages(app)
  const answer = createPipeline(kit)
  for (const [path, byMethod] of routes(endpoints)) {
    // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- it catches everything itself.
    app.all(path, async (request, response) => {
      try {
        const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase()
        const found = byMethod.get(method as Method)
        if (found) return send(request, response, await answer(found, request))
        const allow = [...byMethod.keys()].map((name) => name.toUpperCase()).join(', ')
        if (method === 'options') return void response.status(204).set('allow', allow).end()
        throw new Problem('method_not_allowed', `It takes ${allow}.`, { headers: { allow } })
      } catch (error) {
        sendProblem(kit, request, response, error)
      }
    })
  }
  app.use((request: Request) => {
    throw new Problem('unknown_route', `Nothing is at ${request.path.slice(0, 200)}; /openapi.json lists what is.`)
  })
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: () => void) => {
    const unreadable = error instanceof URIError || (error as { status?: number }).status === 400
    sendProblem(
      kit,
      request,
      response,
      unreadable ? new Problem('bad_request', 'The address cannot be decoded.') : error,
    )
  })
  return app
}

/** Endpoints by the path Express is told, then by method. */
function routes(endpoints: readonly Endpoint[]): Map<string, Map<Method, Endpoint>> {
  const found = new Map<string, Map<Method, Endpoint>>()
  for (const declared of endpoints) {
    const path = declared.path.replace(/\{(\w+)\}/g, ':$1')
    const prefixes = declared.rootOnly ? [''] : declared.bare ? ['/api/v1', ''] : ['/api/v1']
    for (const prefix of prefixes) {
      const byMethod = found.get(prefix + path) ?? new Map<Method, Endpoint>()
      byMethod.set(declared.method, declared)
      found.set(prefix + path, byMethod)
    }
  }
  return found
}

/** The way of a request: who, how often, allowed, well-formed, once; then its handler. */
function createPipeline(kit: Kit): (declared: Endpoint, request: Request) => Promise<SentAnswer> {
  const rateLimit = createRateLimit(kit.settings.loginPerMinute, kit.clock)

  return async (declared, request) => {
    const source = request.socket.remoteAddress ?? ''
    if (declared.guarded) rateLimit(declared.path, source)
    const caller = await identify(kit, declared, request)
    const { params } = request
    for (const [name, value] of Object.entries(params)) {
      if (name !== 'id' && !name.endsWith('_id')) continue
      const lower = String(value).toLowerCase()
      if (!isId(lower)) throw new Problem('not_found', `${String(value).slice(0, 64)} is not an id.`)
      params[name] = lower
    }
    const query: unknown = check(declared.query ?? NO_QUERY, request.query, '/query')
    const bytes = declared.body ? await readBody(request, kit.settings.bodyLimitBytes) : NO_BYTES
    const body = declared.body ? readJson(declared, request, bytes) : undefined
    const key = request.headers['idempotency-key']
    const asked: ApiRequest = {
      caller: caller!,
      params: params as Record<string, string>,
      query,
      body,
      source,
      ifMatch: request.headers['if-match'] ?? null,
      raw: request,
    }
    const run = async (): Promise<Answer> => declared.handle(asked)
    if (declared.method === 'get' || !caller || declared.streams || key === undefined) return printAnswer(await run())
    if (Array.isArray(key)) throw invalid('/headers/idempotency-key', 'must be given once', 'invalid_key')
    const { method, path } = request
    return runOnce(kit.stores.idempotency, kit.log, { key, caller, method, path, body: bytes }, run)
  }
}

async function identify(kit: Kit, declared: Endpoint, request: Request): Promise<Caller | null> {
  if (declared.who === 'anyone') return null
  const caller = await kit.authenticator.fromHeader(request.headers.authorization, declared.takesPingKeys)
  if (!declared.who.includes(caller.role)) {
    throw new Problem('forbidden', `This is for ${declared.who.join(' and ')}; you are ${caller.role}.`)
  }
  if (declared.method !== 'get' && !declared.guarded) await kit.authenticator.requireActive(caller)
  return caller
}

function readJson(declared: Endpoint, request: Request, bytes: Uint8Array): unknown {
  if (bytes.length === 0) {
    if (declared.bodyOptional) return check(declared.body!, {})
    throw new Problem('malformed_json', 'A JSON body is needed.')
  }
  if (!JSON_TYPES.includes(contentType(request))) {
    throw new Problem('unsupported_media_type', 'Send the body as `Content-Type: application/json`.')
  }
  return check(declared.body!, parseJson(decodeText(bytes)))
}

function send(request: Request, response: Response, answer: SentAnswer): void {
  if (answer.etag !== null) response.set('etag', answer.etag)
  if (answer.replayed) response.set('idempotent-replayed', 'true')
  response.set('cache-control', 'no-store').set(answer.headers)
  if (answer.etag !== null && request.method === 'GET' && matchesNone(request.headers['if-none-match'], answer.etag)) {
    response.status(304).end()
    return
  }
  response.status(answer.status)
  if (answer.stream) sendStream(response, answer.stream)
  else if (answer.content) response.set('content-type', answer.content.type).end(answer.content.bytes)
  else if (answer.body === '') response.end()
  else response.set('content-type', 'application/json; charset=utf-8').end(answer.body)
}

/** Whoever has gone is read nothing more for. What breaks off in the middle closes the connection: the length, or the last chunk, does not come. */
function sendStream(response: Response, { type, length, chunks }: NonNullable<SentAnswer['stream']>): void {
  response.set('content-type', type)
  if (length !== null) response.set('content-length', String(length))
  pipeline(Readable.from(chunks), response).catch(() => response.destroy())
}

function sendProblem(kit: Kit, request: Request, response: Response, error: unknown): void {
  const problem = problemOf(error) ?? new Problem('internal_error', 'It has been logged.')
  if (problem.code === 'internal_error') {
    // Where a key stands in the path, the log gets the route.
    const path: unknown = request.params['key'] === undefined ? request.path : request.route?.path
    kit.log.error({ error, method: request.method, path }, 'request failed')
  }
  // What was not read of the body is read and dropped: unread, it would block or reset the connection under this answer.
  if (!request.complete) request.resume()
  if (response.headersSent) return void response.destroy()
  response.set('cache-control', 'no-store').set(problem.headers)
  response.status(problem.status).set('content-type', PROBLEM_TYPE).end(problemBody(problem))
}
