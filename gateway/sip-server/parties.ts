import { AddressBlocks } from './address-blocks.ts'
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

interface Block {
  readonly addresses: AddressBlocks
  readonly prefix: number
  readonly party: string
}

/** Addresses whose party is remembered: past this many the memory starts afresh. */
const MAX_REMEMBERED = 10_000

/**
 * Counts each request by the party it is of, its direction, method, transport and final status. Whose it is its dialog says, for
 * which the application did; outside dialogs the address does, where one party alone has it in its smallest block.
 */
export class Parties {
  readonly #maxSeries: number
  readonly #counts = new Map<string, Map<number, number>>()
  readonly #beyond = new Map<number, number>()
  #series = 0
  #names: ReadonlySet<string> = new Set()
  #all = new AddressBlocks([])
  #blocks: readonly Block[] = []
  #remembered = new Map<string, string>()

  /** `maxSeries`: kinds of requests of all parties that are told apart. */
  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries
  }

  /** Says anew who there is. What has been counted stays. */
  set(parties: readonly Party[]): void {
    this.#names = new Set(parties.map(({ name }) => name))
    this.#all = new AddressBlocks(parties.flatMap(({ addresses }) => addresses))
    this.#blocks = parties
      .flatMap(({ name, addresses }) =>
        addresses.map((block) => ({ addresses: new AddressBlocks([block]), prefix: prefixOf(block), party: name })),
      )
      .toSorted((a, b) => b.prefix - a.prefix)
    this.#remembered = new Map()
  }

  /** Whom the application names in a message of its own; '' for nobody we know. */
  namedIn(message: SipMessage): string {
    if (this.#names.size === 0) return ''
    const name = message.get(PARTY_KEY)
    return name !== undefined && this.#names.has(name) ? name : ''
  }

  /** Whose address this is; '' when it is nobody's, or several's. */
  ofAddress(host: string): string {
    if (this.#blocks.length === 0) return ''
    let party = this.#remembered.get(host)
    if (party === undefined) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered = new Map()
      this.#remembered.set(host, (party = this.#search(host)))
    }
    return party
  }

  #search(host: string): string {
    if (!this.#all.has(host)) return ''
    const first = this.#blocks.find(({ addresses }) => addresses.has(host))!
    const isShared = this.#blocks.some(
      ({ addresses, prefix, party }) => prefix === first.prefix && party !== first.party && addresses.has(host),
    )
    return isShared ? '' : first.party
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

function prefixOf(block: string): number {
  const [host = '', bits] = block.split('/')
  return bits === undefined ? (host.includes(':') ? 128 : 32) : Number(bits)
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
