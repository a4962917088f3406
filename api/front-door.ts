import type { RequestListener } from 'node:http'
import type { AnswerAt, ByMethod } from './pipeline.ts'
import type { Observe } from './observe.ts'

interface Door {
  readonly route: string
  readonly byMethod: ByMethod
}

/** A parameter in this spelling is what Express makes of it, too. */
const PLAIN = /^[\w-]{1,64}$/
const NO_QUERY = {}

/**
 * Answers what is declared `busy` ahead of Express, whose way to an endpoint (middleware, hundreds of routes in turn) costs more than
 * the rest of such an answer. An address in any other spelling than the plain one (a query, capitals, an escape, a slash too
 * many) goes to Express, which knows the same endpoints: there is no door that says anything else.
 */
export function createFrontDoor(
  routes: ReadonlyMap<string, ByMethod>,
  answerAt: AnswerAt,
  observe: Observe,
  express: RequestListener,
): RequestListener {
  const exact = new Map<string, Door>()
  /** By what comes before the parameter. */
  const open = new Map<string, Door & { readonly parameter: string }>()
  for (const [route, byMethod] of routes) {
    if (![...byMethod.values()].some(({ isBusy }) => isBusy)) continue
    const [, before, parameter] = /^([^:]+\/):(\w+)$/.exec(route) ?? []
    if (before !== undefined && parameter !== undefined) open.set(before, { route, byMethod, parameter })
    else if (!route.includes(':')) exact.set(route, { route, byMethod })
    else throw new Error(`${route}: a busy address has at most one parameter, at its end`)
  }

  function find(path: string): (Door & { readonly params: Record<string, string> }) | null {
    const door = exact.get(path)
    if (door) return { ...door, params: {} }
    const cut = path.lastIndexOf('/') + 1
    const opened = open.get(path.slice(0, cut))
    if (!opened) return null
    const value = path.slice(cut)
    return PLAIN.test(value) ? { ...opened, params: { [opened.parameter]: value } } : null
  }

  return (request, response) => {
    const path = request.url!
    const found = find(path)
    if (!found) {
      express(request, response)
      return
    }
    const { route, byMethod, params } = found
    observe(request, response, () => route)
    void answerAt({ request, response, route, path, params, query: NO_QUERY }, byMethod)
  }
}
