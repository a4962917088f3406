import assert from 'node:assert/strict'
import { createBalances, type Balances } from '../../accounts/holds.ts'
import { createLogger } from '../../config/logger.ts'
import { createTelemetry } from '../../config/telemetry.ts'
import type { AccountUsage, UsedCall } from '../../gateway/needs.ts'
import { rebuiltFrom } from '../../gateway/reserving/rebuild-account.ts'
import { OwnReservations, type Reservations, type Reserved } from '../../gateway/reserving/reserve.ts'
import { SharedReservations } from '../../gateway/reserving/shared-reservations.ts'
import type { Taken } from '../../gateway/taken.ts'
import type { Award } from '../../model/auction.ts'
import type { BookChange } from '../../model/book.ts'
import { systemClock } from '../../model/clock.ts'
import { newId, type AccountId, type BidId, type CallId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { RedisCounters } from '../../storage/redis/redis-counters.ts'
import { anAccount, CALLER, change, NOON } from './market.ts'

const { logger: log } = createLogger({ level: 'silent' })
const telemetry = createTelemetry()
telemetry.close()

export const SELLER = 'seller' as AccountId

/** What gateways write down, for counters to be rebuilt from: all of it is durable at once. */
export class WrittenCalls {
  readonly #deposits = new Map<AccountId, Micros>()
  readonly #ended: (UsedCall & { id: string; buyerId: AccountId })[] = []
  readonly open = new Map<string, AccountUsage['open'][number]>()
  /** Rebuilds that have been asked for. */
  reads = 0

  deposit(accountId: AccountId, micros: Micros): void {
    this.#deposits.set(accountId, (this.#deposits.get(accountId) ?? 0n) + micros)
  }

  ended(id: string, billedMicros: Micros | null): void {
    const call = this.open.get(id)!
    this.open.delete(id)
    if (billedMicros === null) return
    this.#ended.push({ ...call, id, priceMicros: billedMicros, isConverted: billedMicros > 0n })
    this.deposit(call.buyerId, -billedMicros)
  }

  get billed(): number {
    return this.#ended.length
  }

  usageOf(accountId: AccountId): AccountUsage {
    this.reads++
    const isOf = (call: { buyerId: AccountId; sellerId: AccountId }): boolean =>
      call.buyerId === accountId || call.sellerId === accountId
    const calls = this.#ended.filter(isOf)
    return {
      balanceMicros: this.#deposits.get(accountId) ?? 0n,
      version: 0,
      calls,
      contacts: calls.filter(({ buyerId }) => buyerId === accountId),
      open: [...this.open.values()].filter(isOf),
      kept: [],
    }
  }
}

export interface GatewayOptions {
  readonly url?: string
  /** Further nodes, where it is a cluster. */
  readonly cluster?: readonly string[]
  readonly leaseMs?: number
  readonly gateways?: number
  readonly rejoinMs?: number
  readonly deadlineMs?: number
}

/** The parts of a gateway that take places and funds; without a `url` it counts alone. */
export class ReservingGateway {
  readonly routing: Routing
  readonly balances: Balances
  readonly reservations: Reservations
  readonly sharing: SharedReservations | null
  readonly shared: RedisCounters | null
  readonly #written: WrittenCalls
  isInDatabase = true

  constructor(book: readonly BookChange[], written: WrittenCalls, options: GatewayOptions = {}) {
    this.#written = written
    const clock = systemClock
    this.balances = createBalances({ clock, newId })
    this.routing = createRouting({ availableMicros: (id) => this.balances.availableMicros(id), clock, newId })
    for (const one of [...book, change.account(anAccount(SELLER, { type: 'seller' }))]) this.apply(one)
    const own = new OwnReservations(this.routing, this.balances)
    const { url, cluster, leaseMs = 15_000, gateways = 2, rejoinMs = 0, deadlineMs = 10_000 } = options
    if (url === undefined) {
      this.reservations = own
      this.sharing = this.shared = null
      return
    }
    this.shared = new RedisCounters({
      url,
      ...(cluster && { cluster }),
      leaseMs,
      deadlineMs,
      connectTimeoutMs: 10_000,
      log,
    })
    this.reservations = this.sharing = new SharedReservations(
      {
        own,
        routing: this.routing,
        voidHold: ({ hold }) => void this.balances.void(hold),
        shared: this.shared,
        read: async (id) => rebuiltFrom(id, written.usageOf(id), this.routing),
        isInDatabase: () => this.isInDatabase,
        clock,
        log,
        telemetry,
      },
      { leaseMs, gateways, rejoinMs },
    )
  }

  apply(one: BookChange): void {
    this.routing.apply(one)
    this.balances.apply(one)
    this.sharing?.apply(one)
  }

  /** Opens a purse as the ledger has it. */
  fund(accountId: AccountId, balanceMicros: Micros): void {
    this.balances.load([{ accountId, currency: 'USD', balanceMicros }])
  }

  /** An award of this bid, at this price. */
  award(bid: { id: string }, priceMicros: Micros): Award {
    return {
      id: newId(),
      rank: 1,
      bidId: bid.id as BidId,
      campaignId: `${bid.id}-campaign`,
      buyerId: `${bid.id}-buyer`,
      targetId: `${bid.id}-target`,
      amountMicros: priceMicros,
      score: priceMicros,
      priceMicros,
      billableAfter: 30,
    } as unknown as Award
  }

  async reserve(
    bid: { id: string },
    priceMicros: Micros,
    {
      ani = CALLER,
      atMs = NOON,
      sellerId = SELLER,
    }: { ani?: PhoneNumber | null; atMs?: number; sellerId?: AccountId } = {},
  ): Promise<Reserved> {
    const award = this.award(bid, priceMicros)
    const callId = newId<CallId>()
    const reserved = await this.reservations.reserve({ award, callId, ani, atMs, sellerId, currency: 'USD' })
    if (typeof reserved === 'string') return reserved
    const { campaignId, targetId, buyerId, bidId } = award
    const holdId = reserved.hold.id
    const call = {
      campaignId,
      targetId,
      buyerId,
      bidId,
      sellerId,
      ani,
      awardedAtMs: atMs,
      priceMicros,
      fundsMicros: priceMicros,
      holdId,
    }
    this.#written.open.set(holdId, { ...call, isConverted: false, isAnswered: false })
    return reserved
  }

  async taken(...args: Parameters<ReservingGateway['reserve']>): Promise<Taken> {
    const reserved = await this.reserve(...args)
    return typeof reserved === 'string' ? assert.fail(reserved) : reserved
  }

  /** The call was not answered. */
  giveBack({ reservation, hold }: Taken): void {
    reservation.release()
    this.balances.void(hold)
    this.#written.ended(hold.id, null)
  }

  answer({ reservation, hold }: Taken): void {
    reservation.answered()
    this.#written.open.set(hold.id, { ...this.#written.open.get(hold.id)!, isAnswered: true })
  }

  /** The call has ended, and what is billed is in the ledger. */
  end({ reservation, hold }: Taken, billedMicros: Micros = hold.amountMicros): void {
    reservation.settle(billedMicros)
    this.balances.void(hold)
    this.balances.apply({
      kind: 'posting',
      posting: {
        id: newId(),
        kind: 'call',
        callId: hold.callId,
        currency: 'USD',
        reference: '',
        postedAt: new Date(),
        entries: [
          { accountId: hold.accountId, amountMicros: -billedMicros },
          { accountId: SELLER, amountMicros: billedMicros },
        ],
      },
    })
    this.#written.ended(hold.id, billedMicros)
    reservation.written()
  }

  /** Everything it had to tell has been heard. */
  async settled(): Promise<void> {
    if (!this.sharing) return
    while (!this.sharing.isIdle) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async close(): Promise<void> {
    await this.sharing?.close()
  }
}
