import { isIPv4, isIPv6 } from 'node:net'
import type { Dns } from './dns.ts'
import type { Hop } from './hop.ts'
import { uriOf } from './headers.ts'
import type { SipServerLimits } from './limits.ts'
import { Penalties } from './penalties.ts'
import { defaultPort, defaultTransport, Services } from './services.ts'
import type { CanSend, Located, Question } from './services.ts'
import { orderServers } from './srv-order.ts'
import { parseUri } from './uri.ts'
import type { Uri } from './uri.ts'

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

/** The transport a URI names, `''` for none; `null` for one that SIP has no transport for. */
function transportIn(uri: Uri): string | null {
  if (uri.scheme === 'tel') return null
  const asked = uri.params.get('transport')?.toLowerCase()
  if (uri.scheme === 'sip') return asked ?? ''
  if (asked === undefined) return ''
  return asked === 'ws' || asked === 'wss' ? 'wss' : 'tls'
}

/** What is known of one question, and until when it is believed. */
interface Known {
  readonly groups: Located['groups']
  untilMs: number
  /** When it was learned: for how long it may stand in while nobody can be asked. */
  readonly learnedMs: number
}

export interface LocatorOptions {
  readonly dns: Dns
  readonly limits: SipServerLimits
  readonly canSend: CanSend
  readonly nowMs: () => number
  /** A random whole number from 0 up to, not including, `limit`: for the weights of SRV records. */
  readonly below: (limit: number) => number
}

const NOWHERE: readonly Hop[] = []

/**
 * Finds the next hops of a URI (RFC 3263 §4), the best first. IP literals, which is nearly all of them, and names asked for
 * lately are answered at once; others by NAPTR, SRV and address records. What has just failed comes last (§4.3).
 */
export class Locator {
  readonly penalties: Penalties
  readonly #services: Services
  readonly #limits: SipServerLimits
  readonly #nowMs: () => number
  readonly #below: (limit: number) => number
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<Located['groups']>>()

  constructor(options: LocatorOptions) {
    this.#limits = options.limits
    this.#nowMs = options.nowMs
    this.#below = options.below
    this.#services = new Services(options.dns, options.canSend, options.limits)
    this.penalties = new Penalties(options.limits.maxHopPenalties, this.#nowMs)
  }

  /** Questions whose answer is remembered, and those under way. */
  get size(): { readonly known: number; readonly asking: number } {
    return { known: this.#known.size, asking: this.#asking.size }
  }

  /**
   * The hops, at most `maxHops`; `[]` when the name has no address, `null` when SIP has no transport for the URI. `instead` is
   * the transport of a URI that names none, when the caller knows one.
   */
  locate(uri: Uri, instead: string | null = null): readonly Hop[] | Promise<readonly Hop[]> | null {
    const named = transportIn(uri)
    if (named === null) return null
    const transport = named === '' ? instead : named
    // `maddr` says where to go whatever the host part says (§19.1.1).
    const text = uri.params.get('maddr') ?? uri.host
    const host = text.startsWith('[') ? text.slice(1, -1) : text
    const isSecure = uri.scheme === 'sips'
    if (isLiteral(host)) {
      const by = transport ?? defaultTransport(isSecure)
      return [{ transport: by, host, port: uri.port ?? defaultPort(by) }]
    }
    const name = (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
    return this.#byName({ name, transport, port: uri.port, isSecure })
  }

  #byName(question: Question): readonly Hop[] | Promise<readonly Hop[]> {
    const key = `${question.name} ${question.transport ?? ''} ${question.port ?? ''} ${question.isSecure}`
    const known = this.#known.get(key)
    if (known !== undefined && known.untilMs > this.#nowMs()) return this.#order(known.groups)
    let answer = this.#asking.get(key)
    if (answer === undefined) {
      if (this.#asking.size >= this.#limits.maxNameLookups)
        return known === undefined ? NOWHERE : this.#order(known.groups)
      answer = this.#ask(key, question)
      this.#asking.set(key, answer)
    }
    return answer.then((groups) => this.#order(groups))
  }

  /** Asks, and remembers the answer; never rejects. While nobody answers, what was known last stands in (RFC 8767). */
  async #ask(key: string, question: Question): Promise<Located['groups']> {
    try {
      const { groups, ttlMs } = await this.#inTime(this.#services.find(question))
      return this.#remember(key, groups, this.#nowMs(), ttlMs)
    } catch {
      const before = this.#known.get(key)
      const nowMs = this.#nowMs()
      const isStale = before === undefined || nowMs - before.learnedMs > this.#limits.nameStaleMs
      const [groups, learnedMs] = isStale ? [[], nowMs] : [before.groups, before.learnedMs]
      return this.#remember(key, groups, learnedMs, this.#limits.nameFailureTtlMs)
    } finally {
      this.#asking.delete(key)
    }
  }

  #remember(key: string, groups: Located['groups'], learnedMs: number, ttlMs: number): Located['groups'] {
    this.#known.delete(key)
    // The oldest goes: it is the likeliest to be of no use any more.
    if (this.#known.size >= this.#limits.maxNames) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(key, { groups, learnedMs, untilMs: this.#nowMs() + ttlMs })
    return groups
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('the DNS did not answer in time')), this.#limits.nameLookupMs)
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  #order(groups: Located['groups']): readonly Hop[] {
    const { maxHops } = this.#limits
    const hops: Hop[] = []
    const penalised: Hop[] = []
    for (const group of groups) {
      for (const { transport, port, hosts } of orderServers(group, this.#below)) {
        for (const host of hosts) {
          const hop = { transport, host, port }
          if (this.penalties.holds(hop)) penalised.push(hop)
          else hops.push(hop)
        }
      }
    }
    hops.push(...penalised)
    if (hops.length > maxHops) hops.length = maxHops
    return hops
  }
}

/** Asked for each request: node's test for both families at once runs its IPv6 expression over every IPv4 address. */
function isLiteral(host: string): boolean {
  return host.includes(':') ? isIPv6(host) : isIPv4(host)
}

/** The route set a UAC takes from a response (reversed) or a UAS from a request (as it stands): RFC 3261 §12.1. */
export function routeSetOf(recordRoutes: readonly string[], isReversed: boolean): string[] {
  return isReversed ? recordRoutes.toReversed() : [...recordRoutes]
}
