import { CallerRing } from './caller-ring.ts'
import { RecentNodes, type CallerNode, type NumberNode, type SellerNode } from './nodes.ts'

/** What the graph says of a call that arrives, in this order; each is 0 for a caller without a number. */
export const GRAPH_SIGNS = [
  /** Numbers the caller called within the window, this one among them: at most `numbersOfCaller`. */
  'graph.numbers',
  /** Sellers it came through: at most `sellersOfCaller`. */
  'graph.sellers',
  /** Targets that spoke with it: at most `targetsOfCaller`. */
  'graph.targets',
  /** Other callers that called at least `numbersInCommon` of the same numbers. */
  'graph.neighbours',
  /** Callers of its ring: they share numbers with each other, one with the next. 0: it is in none. */
  'graph.ring',
  /** Of the seller's callers, the share that also came through one other seller: the largest. */
  'graph.sellerOverlap',
] as const

/** What the graph holds at most. A caller costs about 400 bytes: 20 MB with these. */
export const GRAPH_LIMITS = {
  callers: 50_000,
  numbers: 20_000,
  sellers: 5000,
  /** Who has called this many numbers lately shows what it is; the oldest gives way to the next. */
  numbersOfCaller: 16,
  sellersOfCaller: 8,
  targetsOfCaller: 8,
  /** Callers a number remembers. With `numbersOfCaller` this bounds a search: 512 steps. */
  callersOfNumber: 32,
  ringMembers: 512,
  /** Other sellers a seller is compared with. */
  overlapsOfSeller: 64,
  /** Two callers are neighbours from this many numbers in common: one or two come about by advertisement. */
  numbersInCommon: 3,
  /** A caller who was not heard of for so long begins anew. */
  windowMs: 6 * 3_600_000,
}

/** A call as the graph sees it. */
export interface GraphCall {
  readonly caller: number
  readonly number: number
  readonly seller: number
  readonly atMs: number
}

/** A seller with fewer callers than this overlaps with none: a share of three callers says nothing. */
const MIN_CALLERS = 20

/**
 * Who calls what through whom: callers ↔ numbers ↔ sellers ↔ targets, kept up call by call. Each call costs a bounded
 * number of steps, and the oldest of everything is forgotten.
 */
export class CallGraph {
  readonly #limits: typeof GRAPH_LIMITS
  readonly #callers: RecentNodes<CallerNode>
  readonly #numbers: RecentNodes<NumberNode>
  readonly #sellers: RecentNodes<SellerNode>
  #searches = 0

  constructor(limits: Partial<typeof GRAPH_LIMITS> = {}) {
    this.#limits = { ...GRAPH_LIMITS, ...limits }
    this.#callers = new RecentNodes(this.#limits.callers, forgetCaller)
    this.#numbers = new RecentNodes(this.#limits.numbers)
    this.#sellers = new RecentNodes(this.#limits.sellers)
  }

  /**
   * Puts a call in, and writes what the graph says of it to `to`, from `at` on, in the order of `GRAPH_SIGNS`. Everybody is
   * known by a number of its own other than 0; a caller of 0 withheld it.
   */
  arrive({ caller: key, number, seller: sellerKey, atMs }: GraphCall, to: Float64Array, at: number): void {
    if (key === 0) {
      to.fill(0, at, at + GRAPH_SIGNS.length)
      return
    }
    const { windowMs } = this.#limits
    if (atMs - (this.#callers.peek(key)?.lastMs ?? atMs) > windowMs) this.#callers.forget(key)
    const caller = this.#callers.use(key, newCaller)
    caller.lastMs = atMs
    const seller = this.#sellers.use(sellerKey, newSeller)
    rotate(seller, atMs, windowMs)
    this.#linkSeller(caller, seller, atMs)
    const isNewNumber = this.#linkNumber(caller, number)
    // With fewer numbers it has no neighbours yet.
    const neighbours = caller.numbers.length >= this.#limits.numbersInCommon ? this.#meet(caller, isNewNumber) : 0
    to[at++] = caller.numbers.length
    to[at++] = caller.sellers.length
    to[at++] = caller.targets.length
    to[at++] = neighbours
    to[at++] = caller.ring?.size ?? 0
    to[at] = overlapOf(seller)
  }

  /** Notes that a target spoke with a caller. */
  answer(caller: number, target: number): void {
    const known = this.#callers.peek(caller)
    if (known) remember(known.targets, target, this.#limits.targetsOfCaller)
  }

  /** The callers of this caller's ring, itself among them; 0: it is in none. */
  ringSizeOf(caller: number): number {
    return this.#callers.peek(caller)?.ring?.size ?? 0
  }

  get sizes(): { readonly callers: number; readonly numbers: number; readonly sellers: number } {
    return { callers: this.#callers.size, numbers: this.#numbers.size, sellers: this.#sellers.size }
  }

  #linkNumber(caller: CallerNode, id: number): boolean {
    const number = this.#numbers.use(id, newNumber)
    if (!remember(caller.numbers, number, this.#limits.numbersOfCaller)) return false
    if (number.callers.includes(caller)) return true
    number.callers[number.next] = caller
    number.next = (number.next + 1) % this.#limits.callersOfNumber
    return true
  }

  /** A caller new to a seller is one more of its callers, and one more in common with every seller the caller had before. */
  #linkSeller(caller: CallerNode, seller: SellerNode, atMs: number): void {
    const known = [...caller.sellers]
    if (!remember(caller.sellers, seller, this.#limits.sellersOfCaller)) return
    seller.callers++
    for (const other of known) {
      rotate(other, atMs, this.#limits.windowMs)
      this.#share(seller, other.id)
      this.#share(other, seller.id)
    }
  }

  #share(seller: SellerNode, other: number): void {
    const count = seller.shared.get(other)
    if (count !== undefined || seller.shared.size < this.#limits.overlapsOfSeller)
      seller.shared.set(other, (count ?? 0) + 1)
  }

  /** Counts the callers that have enough numbers in common with this one, and joins their rings when it is news. */
  #meet(caller: CallerNode, isNews: boolean): number {
    const search = ++this.#searches
    const { numbersInCommon, ringMembers, windowMs } = this.#limits
    let neighbours = 0
    for (const number of caller.numbers) {
      for (const other of number.callers) {
        if (other === caller || other.isGone || caller.lastMs - other.lastMs > windowMs) continue
        if (other.countedIn !== search) {
          other.countedIn = search
          other.counted = 0
        }
        if (++other.counted !== numbersInCommon) continue
        neighbours++
        if (isNews) CallerRing.join(caller, other, ringMembers)
      }
    }
    return neighbours
  }
}

/** Puts an item at the end of a short list, the oldest giving way; false when it is there already. */
function remember<T>(list: T[], item: T, limit: number): boolean {
  if (list.includes(item)) return false
  if (list.length >= limit) list.shift()
  list.push(item)
  return true
}

/** Numbers still hold it until others have overwritten it: it holds nothing any more, so that no chain of the forgotten is kept alive. */
function forgetCaller(caller: CallerNode): void {
  caller.isGone = true
  caller.ring?.leave(caller)
  caller.numbers.length = 0
  caller.sellers.length = 0
  caller.targets.length = 0
}

function rotate(seller: SellerNode, atMs: number, windowMs: number): void {
  const passed = atMs - seller.windowStart
  if (passed < windowMs) return
  const isNext = passed < 2 * windowMs
  seller.callersBefore = isNext ? seller.callers : 0
  seller.sharedBefore = isNext ? seller.shared : new Map()
  seller.callers = 0
  seller.shared = new Map()
  seller.windowStart = atMs - (atMs % windowMs)
}

function overlapOf(seller: SellerNode): number {
  const callers = seller.callers + seller.callersBefore
  if (callers < MIN_CALLERS) return 0
  let most = 0
  for (const [other, count] of seller.shared) most = Math.max(most, count + (seller.sharedBefore.get(other) ?? 0))
  for (const count of seller.sharedBefore.values()) most = Math.max(most, count)
  return most / callers
}

function newCaller(): CallerNode {
  return {
    lastMs: 0,
    numbers: [],
    sellers: [],
    targets: [],
    ring: null,
    isGone: false,
    countedIn: 0,
    counted: 0,
  }
}

function newNumber(): NumberNode {
  return { callers: [], next: 0 }
}

function newSeller(id: number): SellerNode {
  return { id, windowStart: 0, callers: 0, callersBefore: 0, shared: new Map(), sharedBefore: new Map() }
}
