import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { promisify } from 'node:util'

/** Of one question, ms; it is asked once. */
const ANSWER_MS = 1000
/** The longest that an answer is taken for true, whatever it says itself. */
const MAX_KEPT_MS = 60_000
const MAX_NAMES = 10_000
const MAX_UNDER_WAY = 1000
const HOSTS_FILE = '/etc/hosts'

export interface NameLookupOptions {
  /** Whether names that only this machine knows have addresses: `localhost`, and those of its hosts file as it was at the start. */
  readonly knowsHouse: boolean
  /** DNS servers, with or without a port; absent: the machine's. */
  readonly servers?: readonly string[]
  readonly nowMs?: () => number
  readonly maxNames?: number
  readonly maxUnderWay?: number
}

interface Known {
  readonly addresses: readonly LookupAddress[]
  readonly untilMs: number
}

/**
 * Addresses of names that customers' URLs have, asked of the DNS without the threads of `getaddrinfo`: those are four, disks need them as well, and a
 * name whose servers are dead keeps one for many seconds.
 */
export class NameLookup {
  readonly #resolver = new Resolver({ timeout: ANSWER_MS, tries: 1 })
  readonly #houseNames: ReadonlySet<string>
  readonly #nowMs: () => number
  readonly #maxNames: number
  readonly #maxUnderWay: number
  readonly #known = new Map<string, Known>()
  readonly #underWay = new Map<string, Promise<readonly LookupAddress[]>>()

  constructor({ knowsHouse, servers, nowMs, maxNames, maxUnderWay }: NameLookupOptions) {
    this.#houseNames = knowsHouse ? namesOfHouse() : new Set()
    this.#nowMs = nowMs ?? (() => performance.now())
    this.#maxNames = maxNames ?? MAX_NAMES
    this.#maxUnderWay = maxUnderWay ?? MAX_UNDER_WAY
    if (servers) this.#resolver.setServers(servers)
  }

  get size(): number {
    return this.#known.size
  }

  /** Rejects with the DNS's error when there is none, and when too many names are being looked up. */
  addressesOf(hostname: string): Promise<readonly LookupAddress[]> {
    const family = isIP(hostname)
    if (family !== 0) return Promise.resolve([{ address: hostname, family }])
    const name = hostname.toLowerCase().replace(/\.$/, '')
    const known = this.#known.get(name)
    if (known && this.#nowMs() < known.untilMs) return Promise.resolve(known.addresses)
    const asked = this.#underWay.get(name)
    if (asked) return asked
    if (this.#underWay.size >= this.#maxUnderWay) return Promise.reject(new Error('too many names are being looked up'))
    const asking = this.#ask(name).finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, asking)
    return asking
  }

  async #ask(name: string): Promise<readonly LookupAddress[]> {
    if (this.#houseNames.has(name) || (this.#houseNames.size > 0 && name.endsWith('.localhost')))
      return promisify(lookUp)(name, { all: true })
    const [v4, v6] = await Promise.allSettled([
      this.#resolver.resolve4(name, { ttl: true }),
      this.#resolver.resolve6(name, { ttl: true }),
    ])
    const records = [
      ...(v4.status === 'fulfilled' ? v4.value.map((each) => ({ ...each, family: 4 })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map((each) => ({ ...each, family: 6 })) : []),
    ]
    if (records.length === 0) throw v4.status === 'rejected' ? v4.reason : new Error(`${name} has no address`)
    const addresses = records.map(({ address, family }) => ({ address, family }))
    this.#keep(name, addresses, Math.min(MAX_KEPT_MS, ...records.map(({ ttl }) => ttl * 1000)))
    return addresses
  }

  #keep(name: string, addresses: readonly LookupAddress[], forMs: number): void {
    this.#known.delete(name)
    for (const [oldest] of this.#known) {
      if (this.#known.size < this.#maxNames) break
      this.#known.delete(oldest)
    }
    this.#known.set(name, { addresses, untilMs: this.#nowMs() + forMs })
  }
}

function namesOfHouse(): Set<string> {
  const names = new Set(['localhost'])
  try {
    for (const line of readFileSync(HOSTS_FILE, 'utf8').split('\n')) {
      const [, ...ofLine] = line.replace(/#.*/, '').trim().split(/\s+/)
      for (const name of ofLine) names.add(name.toLowerCase())
    }
  } catch {
    // Without a hosts file no other name is the house's own.
  }
  return names
}
