import type { NaptrRecord, SrvRecord } from 'node:dns'
import type { Dns } from './dns.ts'
import type { SipServerLimits } from './limits.ts'
import type { Weighted } from './srv-order.ts'

/** What is asked of the DNS about one host of a URI. */
export interface Question {
  /** In lower case. */
  readonly name: string
  /** The transport the URI names; null: whatever the domain offers. */
  readonly transport: string | null
  /** The port the URI names: then no SRV record counts (RFC 3263 §4.2). */
  readonly port: number | null
  /** A sips URI: only transports over TLS will do. */
  readonly isSecure: boolean
}

/** One server of a domain: where SRV records say it is, or the domain's own address. */
export interface Server extends Weighted {
  readonly transport: string
  readonly port: number
  readonly hosts: readonly string[]
}

/** A domain's servers, in groups: one for each transport, the preferred first. For so long they may be believed. */
export interface Located {
  readonly groups: readonly (readonly Server[])[]
  readonly ttlMs: number
}

/** Whether this server can send over a transport to an address family. */
export type CanSend = (transport: string, family: 4 | 6) => boolean

/** The services of RFC 3263 §4.1 and RFC 7118 §8, and the transport each names. */
const SERVICES: ReadonlyMap<string, string> = new Map([
  ['SIP+D2U', 'udp'],
  ['SIP+D2T', 'tcp'],
  ['SIPS+D2T', 'tls'],
  ['SIP+D2W', 'ws'],
  ['SIPS+D2W', 'wss'],
])

const SRV_PREFIXES: Readonly<Record<string, string>> = { udp: '_sip._udp.', tcp: '_sip._tcp.', tls: '_sips._tcp.' }

/** Without a NAPTR record to say so: the one every SIP server speaks comes first. */
const WITHOUT_POINTERS = ['udp', 'tcp', 'tls']

/** RFC 3261 §19.1.2, RFC 7118 §5.6. */
export function defaultPort(transport: string): number {
  switch (transport) {
    case 'tls':
      return 5061
    case 'ws':
      return 80
    case 'wss':
      return 443
    default:
      return 5060
  }
}

/** The transport of a URI that names none (RFC 3263 §4.1). */
export function defaultTransport(isSecure: boolean): string {
  return isSecure ? 'tls' : 'udp'
}

/** One look-up: what was asked, and what is known of the answers' age. */
class LookUp {
  /** The smallest time to live of the addresses used. */
  ttlMs = Infinity
  /** A question nobody could answer was passed over. */
  isPartial = false
}

/**
 * Finds the servers of a domain by NAPTR, SRV and address records (RFC 3263 §4.1, §4.2). Rejects when no address could be
 * asked for; a NAPTR or SRV question that nobody answers counts as none (some servers never answer those), for a short time.
 */
export class Services {
  readonly #dns: Dns
  readonly #canSend: CanSend
  readonly #limits: SipServerLimits

  constructor(dns: Dns, canSend: CanSend, limits: SipServerLimits) {
    this.#dns = dns
    this.#canSend = canSend
    this.#limits = limits
  }

  async find(question: Question): Promise<Located> {
    const lookUp = new LookUp()
    const groups = (await this.#groups(question, lookUp)).filter((group) => group.length > 0)
    return { groups, ttlMs: this.#believedMs(lookUp, groups.length > 0) }
  }

  #believedMs({ ttlMs, isPartial }: LookUp, isFound: boolean): number {
    const { nameTtlFloorMs, nameTtlCeilingMs, nameNegativeTtlMs } = this.#limits
    if (!isFound) return nameNegativeTtlMs
    const ceilingMs = isPartial ? Math.min(nameNegativeTtlMs, nameTtlCeilingMs) : nameTtlCeilingMs
    return Math.min(Math.max(ttlMs, nameTtlFloorMs), ceilingMs)
  }

  async #groups(question: Question, lookUp: LookUp): Promise<Server[][]> {
    const { name, transport, port, isSecure } = question
    if (port === null && transport === null) {
      const groups = await this.#byPointers(name, isSecure, lookUp)
      const known = groups.length > 0 ? groups : await this.#byPrefixes(name, isSecure, lookUp)
      if (known.length > 0) return known
    } else if (port === null && transport !== null) {
      const group = await this.#byService(SRV_PREFIXES[transport], name, transport, lookUp)
      if (group !== null) return [group]
    }
    const wanted = transport ?? defaultTransport(isSecure)
    const hosts = await this.#hosts(name, wanted, lookUp)
    if (hosts.length === 0) return []
    return [[{ transport: wanted, port: port ?? defaultPort(wanted), hosts, priority: 0, weight: 0 }]]
  }

  /** §4.1: the domain's NAPTR records say which transports it wants, and where their SRV records are. */
  async #byPointers(name: string, isSecure: boolean, lookUp: LookUp): Promise<Server[][]> {
    const pointers = await this.#orNone(this.#dns.pointers(name), lookUp)
    const usable = pointers
      .filter((each) => this.#isUsable(each, isSecure))
      .toSorted((a, b) => a.order - b.order || a.preference - b.preference)
      .slice(0, this.#limits.maxServersOfName)
    const groups = await Promise.all(
      usable.map((each) => this.#byService('', each.replacement, transportOf(each)!, lookUp)),
    )
    return groups.filter((group) => group !== null)
  }

  #isUsable(pointer: NaptrRecord, isSecure: boolean): boolean {
    const transport = transportOf(pointer)
    if (transport === undefined || !/^s$/i.test(pointer.flags) || pointer.replacement === '') return false
    if (isSecure && !pointer.service.toUpperCase().startsWith('SIPS+')) return false
    return this.#isSpoken(transport)
  }

  #isSpoken(transport: string): boolean {
    return this.#canSend(transport, 4) || this.#canSend(transport, 6)
  }

  /** §4.1: without NAPTR records, the SRV records of every transport we speak. */
  async #byPrefixes(name: string, isSecure: boolean, lookUp: LookUp): Promise<Server[][]> {
    const transports = isSecure ? ['tls'] : WITHOUT_POINTERS
    const groups = await Promise.all(
      transports
        .filter((transport) => this.#isSpoken(transport))
        .map((transport) => this.#byService(SRV_PREFIXES[transport], name, transport, lookUp)),
    )
    return groups.filter((group) => group !== null)
  }

  /** The servers of one SRV name; null when it has no SRV record, `[]` when they say the service is not there. */
  async #byService(
    prefix: string | undefined,
    name: string,
    transport: string,
    lookUp: LookUp,
  ): Promise<Server[] | null> {
    if (prefix === undefined) return null
    const records = await this.#orNone(this.#dns.services(prefix + name), lookUp)
    if (records.length === 0) return null
    lookUp.ttlMs = Math.min(lookUp.ttlMs, this.#limits.serviceTtlMs)
    // RFC 2782: a target of "." means that the service is decidedly not available at this domain.
    const there = records.filter((record) => record.name !== '' && record.name !== '.')
    const nearest = there.toSorted((a, b) => a.priority - b.priority).slice(0, this.#limits.maxServersOfName)
    const servers = await Promise.all(nearest.map((record) => this.#server(record, transport, lookUp)))
    return servers.filter((server) => server !== null)
  }

  /** One SRV record with its addresses: a server whose own name cannot be resolved does not take the others with it. */
  async #server(record: SrvRecord, transport: string, lookUp: LookUp): Promise<Server | null> {
    const { name, port, priority, weight } = record
    const hosts = await this.#orNone(this.#hosts(name.toLowerCase(), transport, lookUp), lookUp)
    return hosts.length === 0 ? null : { transport, port, priority, weight, hosts }
  }

  /** Addresses of every family we can send to, IPv4 first: that is what our audio speaks. */
  async #hosts(name: string, transport: string, lookUp: LookUp): Promise<string[]> {
    const families = ([4, 6] as const).filter((family) => this.#canSend(transport, family))
    // Nothing speaks this transport here: the address is still asked for, so that the failure names the true reason.
    if (families.length === 0) families.push(4)
    const answers = await Promise.allSettled(families.map((family) => this.#dns.addresses(name, family)))
    const hosts: string[] = []
    let failure: unknown = null
    for (const answer of answers) {
      if (answer.status === 'rejected') {
        failure = answer.reason
        lookUp.isPartial = true
        continue
      }
      for (const { address, ttl } of answer.value) {
        hosts.push(address)
        lookUp.ttlMs = Math.min(lookUp.ttlMs, ttl * 1000)
      }
    }
    if (hosts.length === 0 && failure !== null) throw failure
    return hosts
  }

  async #orNone<T>(answer: Promise<readonly T[]>, lookUp: LookUp): Promise<readonly T[]> {
    try {
      return await answer
    } catch {
      lookUp.isPartial = true
      return []
    }
  }
}

function transportOf(pointer: NaptrRecord): string | undefined {
  return SERVICES.get(pointer.service.toUpperCase())
}
