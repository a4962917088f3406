import type { Auction, Award } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { AccountId, AuctionId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Ping } from '../../model/ping.ts'
import type { DialledNumber } from '../../model/trunk.ts'
import type { AuctionRequest } from '../../routing/route-call.ts'
import type { Round } from '../bidders/round.ts'
import type { Taken } from '../taken.ts'

/** An accepted ping that no call has come for yet, with the places and the funds it keeps for one. */
export interface OpenPing {
  readonly ping: Ping
  readonly token: string
  /** The terms of the number as they were when its price was quoted, the ping's vertical in them. */
  readonly number: DialledNumber
  readonly request: AuctionRequest
  readonly auction: Auction
  /** The award that is kept. */
  readonly award: Award
  /** Why those ranked before it could not be. */
  readonly lost: readonly NonBidCode[]
  readonly taken: Taken
  readonly payoutMicros: Micros
  /** What bidders asked by HTTP have said; null: none was asked. */
  readonly round: Round | null
  /** Of the monotonic clock. */
  readonly openedAtMs: number
  readonly expiresAtMs: number
}

/** The open pings, by all that they are looked for. All are open for the same time, so the first is the first to expire. */
export class OpenPings {
  readonly #byToken = new Map<string, OpenPing>()
  readonly #byAuction = new Map<AuctionId, OpenPing>()
  readonly #byContent = new Map<string, OpenPing>()
  /** The last is the newest. */
  readonly #byCaller = new Map<string, OpenPing[]>()
  readonly #countOf = new Map<AccountId, number>()

  get size(): number {
    return this.#byToken.size
  }

  countOf(seller: AccountId): number {
    return this.#countOf.get(seller) ?? 0
  }

  add(open: OpenPing): void {
    const { ping, token, auction } = open
    this.#byToken.set(token, open)
    this.#byAuction.set(auction.id, open)
    this.#byContent.set(contentOf(ping), open)
    const caller = callerKey(ping.number, ping.caller)
    if (caller !== null) this.#byCaller.set(caller, [...(this.#byCaller.get(caller) ?? []), open])
    this.#countOf.set(ping.sellerId, this.countOf(ping.sellerId) + 1)
  }

  /** False when it is not open any more. */
  remove({ ping, token, auction }: OpenPing): boolean {
    if (!this.#byToken.delete(token)) return false
    this.#byAuction.delete(auction.id)
    this.#byContent.delete(contentOf(ping))
    const caller = callerKey(ping.number, ping.caller)
    const left = caller === null ? [] : this.#byCaller.get(caller)!.filter((open) => open.token !== token)
    if (caller !== null && left.length > 0) this.#byCaller.set(caller, left)
    else if (caller !== null) this.#byCaller.delete(caller)
    const count = this.countOf(ping.sellerId) - 1
    if (count > 0) this.#countOf.set(ping.sellerId, count)
    else this.#countOf.delete(ping.sellerId)
    return true
  }

  /** The same question, asked by the same seller. */
  same(ping: Ping): OpenPing | undefined {
    return this.#byContent.get(contentOf(ping))
  }

  ofToken(token: string): OpenPing | undefined {
    return this.#byToken.get(token)
  }

  ofAuction(id: AuctionId): OpenPing | undefined {
    return this.#byAuction.get(id)
  }

  /** The newest of a caller to a number. */
  ofCaller(number: PhoneNumber, caller: PhoneNumber | null): OpenPing | undefined {
    const key = callerKey(number, caller)
    return key === null ? undefined : this.#byCaller.get(key)?.at(-1)
  }

  /** The one that expires next. */
  first(): OpenPing | undefined {
    return this.#byToken.values().next().value
  }
}

function callerKey(number: PhoneNumber, caller: PhoneNumber | null): string | null {
  return caller === null ? null : `${number} ${caller}`
}

/** One spelling for each ping: the tags in the order of their names. */
export function contentOf({ sellerId, caller, number, vertical, zip, tags }: Ping): string {
  const names = Object.keys(tags)
  const sorted = names.length < 2 ? names : names.toSorted()
  return JSON.stringify([sellerId, caller, number, vertical, zip, ...sorted.flatMap((name) => [name, tags[name]])])
}
