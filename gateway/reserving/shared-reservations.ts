import { setTimeout as sleep } from 'node:timers/promises'
import { mostOf } from '../../accounts/conversion.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import { MOST_SHARED_MICROS } from '../../model/claim.ts'
import type { AccountId, HoldId } from '../../model/ids.ts'
import type { Hold } from '../../model/ledger.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Billed, ClaimEnd, Heard, OpenCall, ReserveAnswer } from '../needs.ts'
import type { Taken } from '../taken.ts'
import { accountsOf, byAccount, isOver, newLease, NOWHERE, type Lease } from './lease.ts'
import { LocalSlice } from './local-slice.ts'
import { Rebuilds } from './rebuilds.ts'
import { codeOf } from './refusals.ts'
import { SharedReservation } from './shared-reservation.ts'
import type { Reservations, Reserved, ReserveRequest } from './reserve.ts'
import type { SharingNeeds, SharingOptions } from './sharing-needs.ts'

/** Claims of this gateway that the counters have not heard the end of: past it nothing more is taken. */
export const MOST_LEASES = 100_000
/** Facts the counters have not heard of: past it they are given up until they have. */
export const MOST_FACTS_BEHIND = 10_000
/** How often what the counters have not heard is told again, ms. */
const TELL_EVERY_MS = 250
/** Unanswered questions in a row after which nobody is asked for a while. */
const FAILURES_TO_OPEN = 3
/** How often a start looks whether it has joined, ms. */
const JOIN_POLL_MS = 20
/** Claims told or renewed in one go. */
const PAGE = 200

const MOST_SHARED = BigInt(MOST_SHARED_MICROS)
const NOTHING: Billed = { priceMicros: 0, fundsMicros: 0 }

/**
 * The reservations of a gateway that is not alone: what its own counters allow is asked of the shared ones, which have the last word. Its own know
 * less (only its own calls), so they never refuse what the shared ones would allow.
 *
 * Everything taken is a lease, kept here until the counters have heard how it ended, and renewed while it lives. While they cannot be
 * asked, `LocalSlice` says what may be sold; when they are back, they are told all leases before anything else is asked.
 */
export class SharedReservations implements Reservations {
  readonly #needs: SharingNeeds
  readonly #options: SharingOptions
  readonly #slice: LocalSlice
  readonly #leases = new Map<HoldId, Lease>()
  readonly #rebuilds: Rebuilds
  /** What happened beside the leases and the counters have not heard, in its order. */
  readonly #facts: (() => Promise<Heard>)[] = []
  readonly #timers: NodeJS.Timeout[]
  /** Ends of leases that are being told. */
  #onTheWay = 0
  #isUp = false
  #failures = 0
  #telling: Promise<void> | null = null
  #isClosed = false

  constructor(needs: SharingNeeds, options: SharingOptions) {
    this.#needs = needs
    this.#options = options
    this.#rebuilds = new Rebuilds(needs.shared, needs.read, needs.clock)
    this.#slice = new LocalSlice(options.gateways, options.leaseMs)
    needs.shared.onReady = () => void this.#tell()
    needs.shared.onLost = () => this.#lose('the connection is gone')
    needs.telemetry.sharedUp.set(0)
    this.#timers = [
      setInterval(() => void this.#tell(), TELL_EVERY_MS),
      setInterval(() => void this.#renew(), options.leaseMs / 3),
    ]
    void this.#tell()
  }

  /** Whether the counters are asked; else this gateway lives on its slice. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Claims whose end the counters have not heard. */
  get leaseCount(): number {
    return this.#leases.size
  }

  /** Nothing is on its way to the counters, or waits to be told. */
  get isIdle(): boolean {
    if (!this.#isUp || this.#onTheWay > 0 || this.#facts.length > 0 || this.#telling !== null) return false
    for (const { isBehind } of this.#leases.values()) if (isBehind) return false
    return true
  }

  /** Resolves when the counters are asked, or the time is up. */
  async joined(timeoutMs: number): Promise<boolean> {
    const deadline = this.#needs.clock.monotonicMs() + timeoutMs
    while (!this.#isUp && this.#needs.clock.monotonicMs() < deadline) {
      await this.#tell()
      if (!this.#isUp) await sleep(JOIN_POLL_MS)
    }
    return this.#isUp
  }

  reserve(request: ReserveRequest): Reserved | Promise<Reserved> {
    if (this.#leases.size >= MOST_LEASES || this.#isClosed) return 'counters_away'
    const { award } = request
    if (award.amountMicros > MOST_SHARED || mostOf(award) > MOST_SHARED) return 'counters_away'
    const taken = this.#needs.own.reserve(request)
    return typeof taken === 'string' ? taken : this.#share(taken, request)
  }

  /** A call that an earlier life of this process left open has been closed, and written down; `billed` null: it was no sale. */
  closed({ call, sale }: Pick<OpenCall, 'call' | 'sale'>, end: 'done' | 'keep', billed: Billed | null): void {
    if (sale === null) return
    for (const accountId of [sale.terms.buyerId, call.sellerId])
      this.#noteEnd(accountId, sale.hold.id, billed ? end : 'release', billed ?? NOTHING)
  }

  /** What is still held of a call that may yet be charged; 0: nothing any more. */
  holds({ id, accountId, amountMicros }: Hold): void {
    const [lease, fundsMicros] = [this.#leases.get(id), Number(amountMicros)]
    if (lease)
      lease.billed = { ...lease.billed, fundsMicros } // It will be said with the end of its call.
    else this.#noteEnd(accountId, id, 'funds', { priceMicros: 0, fundsMicros })
  }

  /** Deposits and the like: whoever counts funds must know of them. */
  apply(change: BookChange): void {
    if (change.kind !== 'posting' || change.version === undefined) return
    const { posting, version } = change
    for (const { accountId, amountMicros } of posting.entries)
      this.#note(() => this.#needs.shared.adjust(accountId, posting.id, version, Number(amountMicros)))
  }

  #noteEnd(accountId: AccountId, id: HoldId, end: ClaimEnd, billed: Billed): void {
    this.#note(async () => {
      const heard = await this.#needs.shared.end(accountId, id, end, billed)
      return heard === 'gone' ? 'ok' : heard
    })
  }

  #note(tell: () => Promise<Heard>): void {
    this.#facts.push(tell)
    if (this.#facts.length > MOST_FACTS_BEHIND) this.#lose('too much is waiting to be told')
    void this.#tell()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    for (const timer of this.#timers) clearInterval(timer)
    await this.#tell()
    await this.#telling
    this.#isClosed = true
    this.#isUp = false
    this.#needs.shared.close()
  }

  async #share(taken: Taken, { award, ani, atMs, sellerId }: ReserveRequest): Promise<Reserved> {
    const { id } = taken.hold
    const { bidId, campaignId, targetId, buyerId } = award
    const [priceMicros, fundsMicros] = [
      Number(award.minutes ? taken.hold.amountMicros : award.priceMicros),
      Number(taken.hold.amountMicros),
    ]
    const claimed = { id, bidId, campaignId, targetId, buyerId, sellerId, ani, atMs, priceMicros, fundsMicros }
    const lease = newLease(this.#needs.routing.claim(claimed), claimed)
    this.#leases.set(id, lease)
    const code = await this.#ask(lease)
    if (code === null) return { hold: taken.hold, reservation: new SharedReservation(taken.reservation, lease, this) }
    taken.reservation.release()
    this.#needs.voidHold(taken)
    return code
  }

  async #ask(lease: Lease): Promise<NonBidCode | null> {
    if (!this.#isUp) return this.#askSlice(lease)
    try {
      const code = await this.#askShared(lease)
      this.#failures = 0
      if (code === 'unknown') return this.#askSlice(lease)
      if (code !== null) this.#leases.delete(lease.claim.id)
      this.#needs.telemetry.sharedAwards.inc({ result: code === null ? 'taken' : 'refused' })
      return code
    } catch (error) {
      this.#failed(error as Error)
      return this.#askSlice(lease)
    }
  }

  #askSlice(lease: Lease): NonBidCode | null {
    if (!this.#isUp) lease.slice = this.#slice.take(lease.claim)
    if (lease.slice !== null) {
      lease.isBehind = true
      this.#needs.telemetry.sharedAwards.inc({ result: 'slice' })
      return null
    }
    this.#needs.telemetry.sharedAwards.inc({ result: 'away' })
    // Whoever did not answer may have taken it all the same.
    if (lease.isKnown) this.#go(lease, 'release', NOTHING)
    else this.#leases.delete(lease.claim.id)
    return 'counters_away'
  }

  /** The seller's places first where they are limited, and at the same time where they are only counted; then the buyer's. */
  async #askShared(lease: Lease): Promise<NonBidCode | 'unknown' | null> {
    const { claim } = lease
    const { shared } = this.#needs
    lease.isKnown = true
    const isLimited = claim.seller !== null && Object.values(claim.seller.counter.caps).some((most) => most !== null)
    const counting = claim.seller && !isLimited ? this.#countSeller(lease) : null
    if (isLimited) {
      const answer = await this.#orRebuilt(claim.seller.id, () => shared.reserveSeller(claim))
      if (answer.kind === 'unknown') return 'unknown'
      if (answer.kind !== 'ok') return answer.kind === 'cap' ? 'seller_cap' : 'seller_concurrency'
      if (this.#isUp) this.#slice.heardSeller(claim, answer, this.#needs.clock.monotonicMs())
    }
    const answer = await this.#orRebuilt(claim.buyerId, () => shared.reserve(claim))
    if (answer.kind === 'ok') {
      // A late word does not know what has been sold of the slice since.
      if (this.#isUp) this.#slice.heard(claim, answer, this.#needs.clock.monotonicMs())
      return null
    }
    if (answer.kind === 'unknown') return 'unknown'
    if (claim.seller) {
      await counting
      // A seller's place that could not be given back goes with its lease: nobody renews it.
      await shared.end(claim.seller.id, claim.id, 'release', NOTHING).catch(() => {})
    }
    return codeOf(answer)
  }

  /** A seller without limits refuses nothing, and nobody waits for its count. */
  async #countSeller(lease: Lease): Promise<void> {
    try {
      const answer = await this.#orRebuilt(lease.claim.seller!.id, () => this.#needs.shared.reserveSeller(lease.claim))
      if (answer.kind !== 'ok') lease.isBehind = true
    } catch {
      lease.isBehind = true
    }
  }

  /** Asks, and once more where the account's counters had to be rebuilt. */
  async #orRebuilt(accountId: AccountId, ask: () => Promise<ReserveAnswer>): Promise<ReserveAnswer> {
    const answer = await ask()
    if (answer.kind !== 'unknown') return answer
    const { isNew } = await this.#needs.shared.join()
    if (isNew) {
      this.#lose('the counters have lost their memory', true)
      return answer
    }
    await this.#rebuilds.of(accountId)
    return ask()
  }

  /** What has become of a lease; told at once, and again until it has been heard. */
  go(lease: Lease, end: ClaimEnd, billed = NOTHING): void {
    if ((end === 'done' || end === 'keep') && !this.#needs.isInDatabase()) {
      lease.isWritten = true
      lease.isBehind = true // It counts as held until the database has it, from which all would be rebuilt.
      return
    }
    this.#go(lease, end, billed)
  }

  #go(lease: Lease, end: ClaimEnd, billed: Billed): void {
    lease.end = end
    lease.billed = billed
    if (lease.slice !== null && end !== 'answer') {
      this.#slice.giveBack(lease.slice)
      lease.slice = null
    }
    if (!this.#isUp || lease.isBehind) {
      lease.isBehind = true
      return
    }
    this.#onTheWay++
    this.#tellEnd(lease)
      .catch((error: Error) => {
        lease.isBehind = true
        this.#failed(error)
      })
      .finally(() => this.#onTheWay--)
  }

  async #tellEnd(lease: Lease): Promise<void> {
    const { end, billed, claim } = lease
    if (end === null) return
    const heard = await Promise.all(
      accountsOf(lease).map(async (accountId) => {
        const answer = await this.#needs.shared.end(accountId, claim.id, end, billed)
        if (answer === 'gone' && !lease.gone.includes(accountId)) lease.gone = [...lease.gone, accountId]
        return answer
      }),
    )
    if (heard.some((answer) => answer !== 'ok') || lease.gone.length > 0) lease.isBehind = true
    else if (lease.end === end && isOver(lease)) this.#leases.delete(claim.id)
  }

  /** Somebody else calls than was expected. */
  async callsFrom(lease: Lease, ani: PhoneNumber): Promise<NonBidCode | null> {
    const claimed = { ...lease.claimed, ani }
    const claim = this.#needs.routing.claim(claimed)
    const { contact } = claim
    if (contact === null) return null
    let code: NonBidCode | null = contact.rule ? 'counters_away' : null
    if (this.#isUp) {
      try {
        const answer = await this.#needs.shared.callsFrom(claim, contact)
        if (answer === 'frequency') return 'frequency_cap'
        if (answer === 'ok') code = null
      } catch (error) {
        this.#failed(error as Error)
      }
    }
    if (code === null) Object.assign(lease, { claim, claimed })
    return code
  }

  #failed(error: Error): void {
    if (++this.#failures >= FAILURES_TO_OPEN) this.#lose(error.message)
  }

  /** `hasForgotten`: what was told is no longer there either. */
  #lose(reason: string, hasForgotten = false): void {
    if (hasForgotten) for (const lease of this.#leases.values()) lease.isKnown = false
    if (!this.#isUp) return
    this.#isUp = false
    for (const lease of this.#leases.values()) lease.isBehind = true
    this.#slice.begin(this.#needs.clock.monotonicMs())
    this.#needs.telemetry.sharedUp.set(0)
    if (!this.#isClosed)
      this.#needs.log.warn({ reason }, 'the shared counters are away: this gateway sells what is its share')
  }

  /** Joins if need be, then tells what has not been heard. One at a time. */
  #tell(): Promise<void> {
    if (this.#isClosed || !this.#needs.shared.isConnected) return Promise.resolve()
    this.#telling ??= this.#tellAll()
      .catch((error: Error) => this.#failed(error))
      .finally(() => (this.#telling = null))
    return this.#telling
  }

  async #tellAll(): Promise<void> {
    const { shared, log, telemetry } = this.#needs
    const wasUp = this.#isUp
    let waitMs = 0
    if (!wasUp) {
      const { isNew, ageMs } = await shared.join()
      if (isNew) for (const lease of this.#leases.values()) lease.isKnown = false
      waitMs = this.#options.rejoinMs - ageMs
      for (const lease of this.#leases.values()) lease.isBehind = true
    }
    const told = new Set<Lease>()
    let behind: Lease[]
    do {
      await this.#tellFacts()
      // What has been sold of the slice while others were being told must be told before anything is asked.
      behind = [...this.#leases.values()].filter((lease) => lease.isBehind && !told.has(lease))
      for (let at = 0; at < behind.length; at += PAGE)
        await Promise.all(behind.slice(at, at + PAGE).map((lease) => this.#catchUp(lease)))
      for (const lease of behind) told.add(lease)
    } while (behind.length > 0)
    if (wasUp) return
    if (waitMs > 0) {
      await sleep(Math.min(waitMs, TELL_EVERY_MS))
      return // The next round looks again: others may still be telling what they have.
    }
    if (!shared.isConnected) return
    this.#isUp = true
    this.#failures = 0
    telemetry.sharedUp.set(1)
    log.info({ leases: this.#leases.size }, 'counts together with the other gateways')
  }

  async #tellFacts(): Promise<void> {
    for (let tell = this.#facts[0]; tell !== undefined; tell = this.#facts[0]) {
      // What is being rebuilt may have been read before it happened: it is told again when that is done.
      if ((await tell()) === 'building') return
      this.#facts.shift()
    }
  }

  async #catchUp(lease: Lease): Promise<void> {
    const { shared, isInDatabase } = this.#needs
    const { claim } = lease
    lease.isBehind = false
    lease.slice = null
    try {
      // What the database has, the counters that are rebuilt from it have, too; those that took its process for dead have not.
      const gone = lease.isKnown ? lease.gone : NOWHERE
      const adopting = lease.end === 'release' ? NOWHERE : lease.end === 'done' ? gone : accountsOf(lease)
      const state = lease.end === null ? 'reserved' : 'answered'
      for (const accountId of adopting) {
        const isBuyer = accountId === claim.buyerId
        await this.#adopt(accountId, () => (isBuyer ? shared.adopt(claim, state) : shared.adoptSeller(claim, state)))
        lease.isKnown = true
      }
      lease.gone = NOWHERE
      if (lease.isWritten && lease.end === 'settle') {
        if (isInDatabase()) lease.end = lease.isKept ? 'keep' : 'done'
        else lease.isBehind = true
      }
      await this.#tellEnd(lease)
    } catch (error) {
      lease.isBehind = true
      throw error
    }
  }

  async #adopt(accountId: AccountId, ask: () => Promise<ReserveAnswer>): Promise<void> {
    const { kind } = await this.#orRebuilt(accountId, ask)
    if (kind !== 'ok') throw new Error(`a claim could not be told: ${kind}`)
  }

  async #renew(): Promise<void> {
    if (!this.#isUp) return
    try {
      for (const [accountId, ids] of byAccount(this.#leases.values())) {
        for (let at = 0; at < ids.length; at += PAGE) {
          const page = ids.slice(at, at + PAGE)
          const missing = await this.#needs.shared.renew(accountId, page)
          for (const id of missing === 'unknown' ? page : missing) {
            const lease = this.#leases.get(id)
            if (lease && !isOver(lease)) lease.isBehind = true
          }
        }
      }
    } catch (error) {
      this.#failed(error as Error)
    }
  }
}
