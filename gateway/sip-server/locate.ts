import { resolve4 } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { uriOf } from './headers.ts'
import { parseUri } from './uri.ts'
import type { Uri } from './uri.ts'

/** Where to send: what RFC 3263 calls the result of locating a server. */
export interface Hop {
  readonly transport: string
  /** An IP literal, without brackets. */
  readonly host: string
  readonly port: number
}

/** The request line and Route headers of a request, and the URI that says where it goes next. */
export interface Routing {
  readonly requestUri: string
  readonly routes: readonly string[]
  readonly nextUri: string
}

/**
 * Applies a route set (RFC 3261 §12.2.1.1). To a loose router (`lr`) the request goes with its target untouched; a strict one
 * gets itself as Request-URI and the target as the last Route.
 */
export function applyRouteSet(target: string, routeSet: readonly string[]): Routing {
  const first = routeSet[0]
  if (first === undefined) return { requestUri: target, routes: routeSet, nextUri: target }
  const firstUri = uriOf(first) ?? first
  if (parseUri(firstUri)?.params.has('lr') === true) return { requestUri: target, routes: routeSet, nextUri: firstUri }
  return { requestUri: firstUri, routes: [...routeSet.slice(1), `<${target}>`], nextUri: firstUri }
}

/** The transport a URI asks for; `null` for one that SIP has no transport for. */
function transportOf(uri: Uri): string | null {
  if (uri.scheme === 'tel') return null
  const asked = uri.params.get('transport')?.toLowerCase()
  if (uri.scheme === 'sips') return asked === 'ws' || asked === 'wss' ? 'wss' : 'tls'
  return asked ?? 'udp'
}

/** How long a resolved name is believed. */
const NAME_TTL_MS = 30_000
const MAX_NAMES = 10_000

/**
 * Finds the next hop. IP literals, which is nearly all of them, are answered at once; names by their A record.
 * NAPTR and SRV (RFC 3263 §4.1, §4.2) belong between the two, in `#resolve`.
 */
export class Locator {
  readonly #names = new Map<string, { host: string; untilMs: number }>()
  readonly #resolveName: (name: string) => Promise<string[]>

  constructor(resolveName: (name: string) => Promise<string[]> = resolveA) {
    this.#resolveName = resolveName
  }

  /** The hop, or `null` when the name has no address. Names we know lately, and literals, need no promise. */
  locate(uri: Uri): Hop | Promise<Hop | null> | null {
    const transport = transportOf(uri)
    if (transport === null) return null
    const port = uri.port ?? (transport === 'tls' || transport === 'wss' ? 5061 : 5060)
    // `maddr` says where to go whatever the host part says (§19.1.1).
    const name = uri.params.get('maddr') ?? uri.host
    const host = name.startsWith('[') ? name.slice(1, -1) : name
    if (isLiteral(host)) return { transport, host, port }
    const known = this.#names.get(host)
    if (known !== undefined && known.untilMs > Date.now()) return { transport, host: known.host, port }
    return this.#resolve(host, transport, port)
  }

  async #resolve(name: string, transport: string, port: number): Promise<Hop | null> {
    try {
      const [host] = await this.#resolveName(name)
      if (host === undefined) return null
      if (this.#names.size >= MAX_NAMES) this.#names.clear()
      this.#names.set(name, { host, untilMs: Date.now() + NAME_TTL_MS })
      return { transport, host, port }
    } catch {
      return null
    }
  }
}

/** Asked for each request: node's test for both families at once runs its IPv6 expression over every IPv4 address. */
function isLiteral(host: string): boolean {
  return host.includes(':') ? isIPv6(host) : isIPv4(host)
}

/** `localhost` is in no DNS. */
async function resolveA(name: string): Promise<string[]> {
  return name.toLowerCase() === 'localhost' ? ['127.0.0.1'] : resolve4(name)
}

/** The route set a UAC takes from a response (reversed) or a UAS from a request (as it stands): RFC 3261 §12.1. */
export function routeSetOf(recordRoutes: readonly string[], isReversed: boolean): string[] {
  return isReversed ? recordRoutes.toReversed() : [...recordRoutes]
}
