import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Kit } from './kit.ts'

/** Tells the metrics of a request once it is answered. `routeOf` is asked then: null is for what nothing is declared for. */
export type Observe = (request: IncomingMessage, response: ServerResponse, routeOf: () => string | null) => void

export function createObserve({ clock, onRequest }: Pick<Kit, 'clock' | 'onRequest'>): Observe {
  if (!onRequest) return () => undefined
  return (request, response, routeOf) => {
    const startedMs = clock.monotonicMs()
    response.once('finish', () => {
      const seconds = (clock.monotonicMs() - startedMs) / 1000
      // What nothing is declared for is one route: made-up paths must not make metrics.
      const route = routeOf() ?? 'other'
      onRequest({ method: request.method!, route, status: response.statusCode, seconds })
    })
  }
}
