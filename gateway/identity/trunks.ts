import ipaddr from 'ipaddr.js'
import type { BookChange } from '../../model/book.ts'
import type { TrunkId } from '../../model/ids.ts'
import type { Trunk } from '../../model/trunk.ts'
import { frontDoorOf } from './front-door.ts'
import { TokenBucket } from './token-bucket.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

interface Block {
  readonly address: Address
  readonly prefix: number
  readonly trunk: Trunk
}

/** The inbound trunks whose blocks hold an address. */
interface Sourced {
  /** The most specific block first, then the oldest. */
  readonly all: readonly Trunk[]
  /** Those of the most specific block. */
  readonly nearest: readonly Trunk[]
}

/** Sources remembered with their trunks: past this many (a scan), the memory starts afresh. */
const MAX_REMEMBERED_SOURCES = 10_000

/**
 * Who sent this INVITE, and whether they have room: inbound trunks by source address, their calls per second (a token
 * bucket) and their calls at once.
 */
export class Trunks {
  readonly #trunks = new Map<TrunkId, Trunk>()
  readonly #buckets = new Map<TrunkId, TokenBucket>()
  readonly #concurrent = new Map<TrunkId, number>()
  #blocks: Block[] = []
  #outbound: readonly Trunk[] = []
  #remembered = new Map<string, Sourced>()
  #tlsTrunks = new Map<string, Trunk[]>()
  /** Where the outbound trunks’ carriers are. */
  #carriers = new Set<string | null>()

  apply(change: BookChange): void {
    if (change.kind !== 'trunk') return
    if (change.value) this.#trunks.set(change.id, change.value)
    else {
      this.#trunks.delete(change.id)
      this.#buckets.delete(change.id)
    }
    const inbound = [...this.#trunks.values()].filter((trunk) => trunk.direction === 'inbound')
    this.#blocks = inbound.flatMap(blocksOf)
    this.#outbound = [...this.#trunks.values()]
      .filter((trunk) => trunk.direction === 'outbound' && trunk.host !== null)
      .toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1))
    this.#carriers = new Set(this.#outbound.map(({ host }) => frontDoorOf(`sip:${host}`)))
    this.#tlsTrunks = new Map()
    for (const trunk of inbound)
      for (const name of trunk.tlsNames) {
        const key = name.toLowerCase()
        this.#tlsTrunks.set(key, [...(this.#tlsTrunks.get(key) ?? []), trunk])
      }
    this.#remembered = new Map()
  }

  /** The inbound trunks whose most specific block holds this address: several when carriers share it; none: nobody's. */
  ofSource(source: string): readonly Trunk[] {
    return this.#lookUp(source).nearest
  }

  /**
   * All inbound trunks with a block that holds this address, the most specific first. Sellers name their addresses themselves: one who
   * names a single address of another's block must not have the other's calls.
   */
  holding(source: string): readonly Trunk[] {
    return this.#lookUp(source).all
  }

  #lookUp(source: string): Sourced {
    const known = this.#remembered.get(source)
    if (known) return known
    const found = this.#search(source)
    if (this.#remembered.size >= MAX_REMEMBERED_SOURCES) this.#remembered = new Map()
    this.#remembered.set(source, found)
    return found
  }

  #search(source: string): Sourced {
    const address = parseAddress(source)
    if (!address) return { all: [], nearest: [] }
    const matching = this.#blocks
      .filter((block) => holds(block, address))
      .toSorted((a, b) => b.prefix - a.prefix || (a.trunk.id < b.trunk.id ? -1 : 1))
    const longest = matching[0]?.prefix
    const nearest = matching.filter((block) => block.prefix === longest)
    const trunksOf = (blocks: readonly Block[]): Trunk[] => [...new Set(blocks.map(({ trunk }) => trunk))]
    return { all: trunksOf(matching), nearest: trunksOf(nearest) }
  }

  get(id: TrunkId): Trunk | undefined {
    return this.#trunks.get(id)
  }

  /** Whether any trunk is known by its certificate: else nobody need look at one. */
  get haveTlsNames(): boolean {
    return this.#tlsTrunks.size > 0
  }

  /** The inbound trunks that one of these verified certificate names (DNS, or `sip:` URIs) belongs to, the oldest first. */
  ofTlsNames(names: readonly string[]): readonly Trunk[] {
    const found = names.flatMap((name) => this.#tlsTrunks.get(name.toLowerCase().replace(/^sip:/, '')) ?? [])
    return [...new Set(found)].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Every address and block that an inbound trunk's calls may come from. */
  get sources(): string[] {
    return [...new Set(this.#blocks.map(({ address, prefix }) => `${address.toString()}/${prefix}`))]
  }

  /** Every trunk by its id, with the addresses that requests of an inbound one come from: for the SIP server's counts. */
  get parties(): { name: TrunkId; addresses: string[] }[] {
    const parties = new Map([...this.#trunks.keys()].map((id) => [id, { name: id, addresses: [] as string[] }]))
    for (const { address, prefix, trunk } of this.#blocks)
      parties.get(trunk.id)?.addresses.push(`${address.toString()}/${prefix}`)
    return [...parties.values()]
  }

  /** Whether a carrier may prove who it is by a certificate, from wherever it calls. */
  get takesCertificates(): boolean {
    return this.#tlsTrunks.size > 0
  }

  /**
   * The house's ways out to plain numbers: by priority, the oldest of equals first; those not in working order, in the same order,
   * come after the others.
   */
  outboundInTurn(isWorking: (id: TrunkId) => boolean): readonly Trunk[] {
    const working = this.#outbound.filter(({ id }) => isWorking(id))
    if (working.length === this.#outbound.length) return this.#outbound
    return [...working, ...this.#outbound.filter((trunk) => !working.includes(trunk))]
  }

  /**
   * Whether a URI leads to the carrier of an outbound trunk. Calls that go there are charged to the house, most often by its address
   * alone: so nobody but the house sends them there, be it as a target, a phone, a redirection or a transfer.
   */
  isCarrier(uri: string): boolean {
    return this.#carriers.size > 0 && this.#carriers.has(frontDoorOf(uri) ?? '')
  }

  /** Takes a call's place on its trunk, or says which limit refused it. */
  admit(trunk: Trunk, nowMonotonicMs: number): { release(): void } | 'max_cps' | 'max_concurrent_calls' {
    const { id, maxCps, maxConcurrentCalls } = trunk
    const up = this.#concurrent.get(id) ?? 0
    if (maxConcurrentCalls !== null && up >= maxConcurrentCalls) return 'max_concurrent_calls'
    if (maxCps !== null && !this.#bucketOf(id, maxCps, nowMonotonicMs).take(nowMonotonicMs)) return 'max_cps'
    this.#concurrent.set(id, up + 1)
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        const left = this.#concurrent.get(id)! - 1
        if (left === 0) this.#concurrent.delete(id)
        else this.#concurrent.set(id, left)
      },
    }
  }

  #bucketOf(id: TrunkId, capacity: number, nowMonotonicMs: number): TokenBucket {
    let bucket = this.#buckets.get(id)
    if (bucket?.capacity !== capacity) {
      bucket = new TokenBucket(capacity, nowMonotonicMs)
      this.#buckets.set(id, bucket)
    }
    return bucket
  }
}

function blocksOf(trunk: Trunk): Block[] {
  return trunk.addresses.flatMap((text) => {
    const [host = '', bits] = text.split('/')
    const address = parseAddress(host)
    if (!address) return [] // The API refuses such a trunk; a hand-made row must not stop the others.
    return [{ address, prefix: bits === undefined ? address.toByteArray().length * 8 : Number(bits), trunk }]
  })
}

function parseAddress(text: string): Address | null {
  const bare = text.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : null // process(): ::ffff:192.0.2.1 is 192.0.2.1.
}

function holds(block: Block, address: Address): boolean {
  return block.address.kind() === address.kind() && address.match(block.address, block.prefix)
}
