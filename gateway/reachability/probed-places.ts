import ipaddr from 'ipaddr.js'
import type { Bid } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import type { AccountId, BidId, TargetId, TrunkId } from '../../model/ids.ts'
import type { Target, Trunk } from '../../model/trunk.ts'

/** Somewhere to send an OPTIONS to. */
export interface Place {
  readonly id: TargetId | TrunkId
  readonly kind: 'target' | 'trunk'
  readonly accountId: AccountId
  readonly name: string
  readonly uri: string
  /** A trunk that challenges is answered. */
  readonly auth: { readonly username: string; readonly password: string } | null
}

export interface PlacesOptions {
  /** Whether inbound trunks of a single address are asked as well. */
  readonly withInboundTrunks: boolean
  /** Whether a URI is one that phones register at here. */
  readonly isAddressOfRecord: (uri: string) => boolean
}

/** Which places are worth asking: SIP targets of active bids, outbound trunks, and inbound ones of one address if wanted. */
export class ProbedPlaces {
  readonly #targets = new Map<TargetId, Target>()
  readonly #targetOfBid = new Map<BidId, TargetId>()
  readonly #bidsOfTarget = new Map<TargetId, number>()
  readonly #places = new Map<string, Place>()
  readonly #options: PlacesOptions
  readonly #onChange: (id: string, place: Place | null) => void

  /** `onChange` hears of each place that has to be asked from now on, at another URI, or (null) no more. */
  constructor(options: PlacesOptions, onChange: (id: string, place: Place | null) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  get size(): number {
    return this.#places.size
  }

  apply(change: BookChange): void {
    if (change.kind === 'target') {
      if (change.value) this.#targets.set(change.id, change.value)
      else this.#targets.delete(change.id)
      this.#refreshTarget(change.id)
    } else if (change.kind === 'bid') this.#applyBid(change.id, change.value)
    else if (change.kind === 'trunk') this.#put(change.id, change.value && this.#trunkPlace(change.value))
  }

  #applyBid(id: BidId, bid: Bid | null): void {
    const before = this.#targetOfBid.get(id)
    const now = bid?.status === 'active' ? bid.targetId : undefined
    if (before === now) return
    if (before !== undefined) this.#count(before, -1)
    if (now === undefined) this.#targetOfBid.delete(id)
    else {
      this.#targetOfBid.set(id, now)
      this.#count(now, 1)
    }
  }

  #count(id: TargetId, change: number): void {
    const count = (this.#bidsOfTarget.get(id) ?? 0) + change
    if (count === 0) this.#bidsOfTarget.delete(id)
    else this.#bidsOfTarget.set(id, count)
    this.#refreshTarget(id)
  }

  #refreshTarget(id: TargetId): void {
    const target = this.#targets.get(id)
    const isWanted = target !== undefined && this.#bidsOfTarget.has(id) && this.#isElsewhere(target.uri)
    this.#put(
      id,
      isWanted
        ? { id, kind: 'target', accountId: target.accountId, name: target.name, uri: target.uri, auth: null }
        : null,
    )
  }

  /** An address of record of ours is up when somebody is registered there: the registrar knows. */
  #isElsewhere(uri: string): boolean {
    return /^sips?:/i.test(uri) && !this.#options.isAddressOfRecord(uri)
  }

  #trunkPlace(trunk: Trunk): Place | null {
    const { id, accountId, name, direction, host, username, password } = trunk
    if (direction === 'outbound') {
      const auth = username !== null && password !== null ? { username, password } : null
      return host === null ? null : { id, kind: 'trunk', accountId, name, uri: `sip:${host}`, auth }
    }
    const address = this.#options.withInboundTrunks ? onlyAddressOf(trunk) : null
    return address === null ? null : { id, kind: 'trunk', accountId, name, uri: `sip:${address}`, auth: null }
  }

  #put(id: string, place: Place | null): void {
    const before = this.#places.get(id)
    if (before?.uri === place?.uri && before?.auth?.password === place?.auth?.password) return
    if (place) this.#places.set(id, place)
    else this.#places.delete(id)
    this.#onChange(id, place)
  }
}

/** The address of an inbound trunk that has just one, as a URI writes it. */
function onlyAddressOf({ addresses }: Trunk): string | null {
  const [only, ...others] = addresses
  if (only === undefined || others.length > 0) return null
  const [address = '', bits] = only.split('/')
  if (!ipaddr.isValid(address)) return null
  const isSix = ipaddr.parse(address).kind() === 'ipv6'
  if (bits !== undefined && bits !== (isSix ? '128' : '32')) return null
  return isSix ? `[${address}]` : address
}
