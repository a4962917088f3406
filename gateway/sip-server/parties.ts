import { isIP } from 'node:net'
import { addressBytes } from './address-blocks.ts'
import { METHODS } from './methods.ts'
import type { SipMessage } from './message.ts'
import type { Direction } from './tap.ts'
import type { TransportName } from './transport.ts'

/** Somebody whose requests are counted apart. */
export interface Party {
  readonly name: string
  /** Addresses and blocks its requests come from; empty where only the application knows. */
  readonly addresses: readonly string[]
}

/** Finished requests of one party. */
export interface PartyCount {
  readonly party: string
  /** `in`: from it to us. */
  readonly direction: Direction
  readonly transport: TransportName
  /** `other` for those we do not know. */
  readonly method: string
  /** The final status, `2xx` and so on beyond the limit; `timeout` and `unreachable` when there was none. */
  readonly status: string
  readonly count: number
}

/** By what an application says in its answers and requests whose they are: taken off before they are sent. */
export const PARTY_KEY = 'x-dce-party'

/** What parties beyond the limit are counted as. */
const OTHER = 'other'
const METHOD_NAMES = [...METHODS, 'CANCEL', 'ACK', OTHER]
const METHOD_INDEX = new Map(METHOD_NAMES.map((name, index) => [name, index]))
const TRANSPORTS: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']
/** Ends of requests that got no answer, after the statuses. */
export const TIMEOUT = 700
export const UNREACHABLE = 701
const STATUSES = 702

/** Addresses whose party is remembered: past this many the memory starts afresh. */
export const MAX_REMEMBERED = 10_000

/**
 * Counts each request by the party it is of, its direction, method, transport and final status. Whose it is its dialog says, for
 * which the application did; outside dialogs the address does, where one party alone has it in its smallest block.
 */
export class Parties {
  readonly #maxSeries: number
  readonly #counts = new Map<string, Map<number, number>>()
  readonly #beyond = new Map<number, number>()
  #series = 0
  /** To themselves: what is kept is this text of a name and not a piece of some frame, which would live as long. */
  #names: ReadonlyMap<string, string> = new Map()
  /** By prefix length, the longest first: whose each network is, '' when it is several's. */
  #networks: readonly (readonly [number, ReadonlyMap<string, string>])[] = []
  #remembered = new Map<string, string>()

  /** `maxSeries`: kinds of requests of all parties that are told apart. */
  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries
  }

  /** Says anew who there is. What has been counted stays. */
  set(parties: readonly Party[]): void {
    this.#names = new Map(parties.map(({ name }) => [name, name]))
    const networks = new Map<number, Map<string, string>>()
    for (const { name, addresses } of parties)
      for (const block of addresses) {
        const [host = '', bits] = block.split('/')
        if (isIP(host) === 0) continue
        const bytes = addressBytes(host)
        const prefix = bits === undefined ? bytes.length * 8 : Number(bits)
        let ofPrefix = networks.get(prefix)
        if (ofPrefix === undefined) networks.set(prefix, (ofPrefix = new Map()))
        const network = networkOf(bytes, prefix)
        ofPrefix.set(network, (ofPrefix.get(network) ?? name) === name ? name : '')
      }
    this.#networks = [...networks].toSorted(([a], [b]) => b - a)
    this.#remembered = new Map()
  }

  /** Addresses whose party is remembered. */
  get remembered(): number {
    return this.#remembered.size
  }

  /** Whom the application names in a message of its own; '' for nobody we know. */
  namedIn(message: SipMessage): string {
    if (this.#names.size === 0) return ''
    const name = message.get(PARTY_KEY)
    return name === undefined ? '' : (this.#names.get(name) ?? '')
  }

  /** Whose address this is; '' when it is nobody's, or several's. */
  ofAddress(host: string): string {
    if (this.#networks.length === 0) return ''
    let party = this.#remembered.get(host)
    if (party === undefined) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered = new Map()
      this.#remembered.set(host, (party = this.#search(host)))
    }
    return party
  }

  #search(host: string): string {
    const bytes = addressBytes(host)
    for (const [prefix, networks] of this.#networks) {
      const party = prefix <= bytes.length * 8 ? networks.get(networkOf(bytes, prefix)) : undefined
      if (party !== undefined) return party
    }
    return ''
  }

  /** `status`: the final one, `TIMEOUT` or `UNREACHABLE`. */
  count(party: string, direction: Direction, method: string, transport: TransportName, status: number): void {
    if (party === '') return
    let kinds = this.#counts.get(party)
    if (kinds === undefined) {
      if (this.#series >= this.#maxSeries) return this.#countBeyond(direction, method, transport, status)
      this.#counts.set(party, (kinds = new Map()))
    }
    const key = keyOf(direction, method, transport, status)
    const before = kinds.get(key)
    if (before === undefined && this.#series >= this.#maxSeries)
      return this.#countBeyond(direction, method, transport, status)
    if (before === undefined) this.#series++
    kinds.set(key, (before ?? 0) + 1)
  }

  #countBeyond(direction: Direction, method: string, transport: TransportName, status: number): void {
    const key = keyOf(direction, method, transport, status >= TIMEOUT ? status : status - (status % 100))
    this.#beyond.set(key, (this.#beyond.get(key) ?? 0) + 1)
  }

  counts(): PartyCount[] {
    const list: PartyCount[] = []
    for (const [party, kinds] of this.#counts)
      for (const [key, count] of kinds) list.push(read(party, key, count, false))
    for (const [key, count] of this.#beyond) list.push(read(OTHER, key, count, true))
    return list
  }
}

/** The first `prefix` bits of an address, as a key that IPv4 and IPv6 do not share. */
function networkOf(address: Buffer, prefix: number): string {
  const whole = prefix >> 3
  const rest = prefix & 7
  const head = address.toString('latin1', 0, whole)
  const last = rest === 0 ? '' : String.fromCharCode(address[whole]! & (0xff00 >> rest))
  return `${address.length} ${head}${last}`
}

function keyOf(direction: Direction, method: string, transport: TransportName, status: number): number {
  const methodIndex = METHOD_INDEX.get(method) ?? METHOD_NAMES.length - 1
  const way = TRANSPORTS.indexOf(transport) * 2 + (direction === 'in' ? 0 : 1)
  return (methodIndex * TRANSPORTS.length * 2 + way) * STATUSES + status
}

function read(party: string, key: number, count: number, isClass: boolean): PartyCount {
  const status = key % STATUSES
  const kind = Math.floor(key / STATUSES)
  const way = kind % (TRANSPORTS.length * 2)
  return {
    party,
    direction: way % 2 === 0 ? 'in' : 'out',
    transport: TRANSPORTS[Math.floor(way / 2)]!,
    method: METHOD_NAMES[Math.floor(kind / (TRANSPORTS.length * 2))]!,
    status: nameOf(status, isClass),
    count,
  }
}

function nameOf(status: number, isClass: boolean): string {
  if (status === TIMEOUT) return 'timeout'
  if (status === UNREACHABLE) return 'unreachable'
  return isClass ? `${status / 100}xx` : String(status)
}
