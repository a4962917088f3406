import type { RequestListener } from 'node:http'
import express, { type Express, type Request, type Response } from 'express'
import type { Endpoint, Method } from './endpoint.ts'
import { createFrontDoor } from './front-door.ts'
import type { Kit } from './kit.ts'
import { createObserve } from './observe.ts'
import { createPipeline, SECURITY_HEADERS, sendProblem, type Arrival, type ByMethod } from './pipeline.ts'
import { Problem } from './problems.ts'

/** An application that answers `endpoints`, and with a problem (RFC 9457) everything else. `pages` adds what is not JSON. */
export function createApp(kit: Kit, endpoints: readonly Endpoint[], pages: (app: Express) => void): RequestListener {
  const app = express()
  app.set('etag', false) // A thing's version is its ETag; hashing every answer would only cost.
  app.set('x-powered-by', false)
  app.set('query parser', 'simple')
  app.set('env', 'production')
  const observe = createObserve(kit)
  app.use((request, response, next) => {
    response.set(SECURITY_HEADERS)
    observe(request, response, () => routeOf(request))
    next()
  })
  pages(app)
  const answerAt = createPipeline(kit)
  const routes = routesOf(endpoints)
  for (const [path, byMethod] of routes) {
    app.all(path, (request, response) => answerAt(arrivalOf(request, response), byMethod))
  }
  app.use((request: Request) => {
    throw new Problem('unknown_route', `Nothing is at ${request.path.slice(0, 200)}; /openapi.json lists what is.`)
  })
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, response: Response, _next: () => void) => {
    const unreadable = error instanceof URIError || (error as { status?: number }).status === 400
    const said = unreadable ? new Problem('bad_request', 'The address cannot be decoded.') : error
    sendProblem(kit, arrivalOf(request, response), said)
  })
  return createFrontDoor(routes, answerAt, observe, app)
}

function arrivalOf(request: Request, response: Response): Arrival {
  const { path, query } = request
  // No path of ours has a wildcard, whose value would be a list.
  return { request, response, route: routeOf(request), path, params: request.params as Record<string, string>, query }
}

function routeOf(request: Request): string | null {
  const route: unknown = request.route?.path
  return typeof route === 'string' ? route : null
}

/** Endpoints by the path Express is told, then by method. */
function routesOf(endpoints: readonly Endpoint[]): Map<string, ByMethod> {
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
