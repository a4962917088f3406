import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createBalances } from '../../accounts/holds.ts'
import { createCompliance, type Compliance } from '../../compliance/compliance.ts'
import { createLogger } from '../../config/logger.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import { createTelemetry } from '../../config/telemetry.ts'
import { Announcements } from '../../gateway/announcements.ts'
import type { Bidders, BiddersParts } from '../../gateway/bidders/bidders.ts'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { Directory } from '../../gateway/directory.ts'
import { createExchange } from '../../gateway/exchange.ts'
import { Call } from '../../gateway/live-call.ts'
import { LiveCalls } from '../../gateway/live-calls.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import { Pings, type PingLimits } from '../../gateway/pings/pings.ts'
import { OwnReservations } from '../../gateway/reserving/reserve.ts'
import type { Evidence } from '../../gateway/screening/evidence.ts'
import type { Signaling } from '../../gateway/srf.ts'
import type { SipRequest, SipResponse } from '../../gateway/srf/srf-types.ts'
import { take } from '../../gateway/take-award.ts'
import type { Taken } from '../../gateway/taken.ts'
import { Trunks } from '../../gateway/identity/trunks.ts'
import type { Award } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { systemRandom } from '../../model/random.ts'
import { createRouting, type RoutingOptions } from '../../routing/route-call.ts'
import { createEventBus } from '../../storage/event-bus.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { aScreening } from './screening.ts'
import { anAccount, aNumber, aTrunk, CALLER, change, NOON } from './market.ts'

type BidderNeeds = Pick<BiddersParts, 'clock' | 'directory' | 'routing' | 'telemetry' | 'log'>

const places = loadPlaces()
const telemetry = createTelemetry()
telemetry.close()
const { logger } = createLogger({ level: 'silent' })

const LIMITS: PingLimits = {
  validityMs: 30_000,
  maxOpen: 1000,
  maxOpenPerSeller: 1000,
  maxPerSecond: 1_000_000,
  sameCaller: false,
}

export const NUMBER = aNumber().number
export const SELLER = 'seller' as AccountId

/** A clock that tests move by hand. */
export class ManualClock {
  nowMs = NOON
  readonly now = (): number => this.nowMs
  readonly monotonicMs = (): number => this.nowMs - NOON
}

/** The parts that decide pings and calls, all of them the real ones, with a clock of its own; SIP and disks are not there. */
export class PingStage {
  readonly clock = new ManualClock()
  readonly bus = createEventBus((error) => {
    throw error
  })
  readonly parts: ExchangeParts
  readonly compliance: Compliance
  readonly pings: Pings
  readonly exchange: ReturnType<typeof createExchange>
  readonly #changes: (change: BookChange) => void
  draining = false

  /** `createBidders`: HTTP bidders are asked, too. */
  constructor(
    limits: Partial<PingLimits> = {},
    createBidders: ((parts: BidderNeeds) => Bidders) | null = null,
    options: RoutingOptions = {},
  ) {
    const { clock } = this
    const balances = createBalances({ clock, newId })
    const compliance = createCompliance(
      { places, clock },
      { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
    )
    this.compliance = compliance
    const screening = aScreening(compliance)
    const routing = createRouting({ availableMicros: (id) => balances.availableMicros(id), clock, newId }, options)
    const directory = new Directory()
    const trunks = new Trunks()
    this.#changes = (one) => {
      for (const part of [directory, trunks, balances, compliance, routing]) part.apply(one)
      bidders?.apply(one)
    }
    const bidders = createBidders?.({ clock, directory, routing, telemetry, log: logger })
    const writer = { write: () => Promise.resolve(), accepts: () => true }
    const draining = (): boolean => this.draining
    const reservations = new OwnReservations(routing, balances)
    this.pings = new Pings({
      clock,
      directory,
      places,
      screening,
      routing,
      ...(bidders && { bidders }),
      balances,
      reservations,
      writer,
      telemetry,
      draining,
      random: systemRandom,
      limits: { ...LIMITS, ...limits },
      sipHost: () => 'dce.example',
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The steps played here touch neither SIP nor media.
    this.parts = {
      clock,
      directory,
      places,
      screening,
      routing,
      balances,
      reservations,
      writer,
      telemetry,
      draining,
      trunks,
      pings: this.pings,
      ...(bidders && { bidders }),
      log: logger,
      announcements: new Announcements(this.bus),
      liveCalls: new LiveCalls(),
      authentication: { credentials: { mayCall: false } },
      operatorId: OPERATOR_ACCOUNT_ID,
      limits: { maxConcurrentCalls: 1e6, maxSetupMs: 60_000, trunkSilenceMs: 10_000, maxCallDurationMs: 60_000 },
    } as unknown as ExchangeParts
    this.exchange = createExchange(this.parts)
    const trunk = aTrunk('trunk', SELLER)
    this.apply(change.account(anAccount(SELLER, { type: 'seller' })))
    this.apply({ kind: 'trunk', id: trunk.id, value: trunk })
    this.apply({ kind: 'number', id: aNumber().id, value: aNumber() })
  }

  apply(...changes: readonly BookChange[]): void {
    for (const one of changes) this.#changes(one)
  }

  pass(ms: number): void {
    this.clock.nowMs += ms
    this.pings.expire(this.clock.monotonicMs())
  }

  /** Decided at once: no bidder is asked by HTTP. */
  ask(changes: Partial<Ping> = {}): PingAnswer {
    const answer = this.pings.ask({
      sellerId: SELLER,
      caller: CALLER,
      number: NUMBER,
      vertical: null,
      zip: null,
      tags: {},
      ...changes,
    })
    return answer instanceof Promise ? assert.fail('one who counts alone answers at once') : answer
  }

  /** Asks, and fails unless it is accepted. */
  accepted(changes: Partial<Ping> = {}): Extract<PingAnswer, { kind: 'accepted' }> {
    const answer = this.ask(changes)
    if (answer.kind !== 'accepted') assert.fail(JSON.stringify(answer))
    return answer
  }

  /** A call as it comes, up to its awards; throws the Refusal of one that is not sold. */
  call(options: CallOptions = {}): SoldCall {
    const call = this.screened(options)
    return new SoldCall(this.parts, call, this.exchange.auction(call))
  }

  /** From now on calls are screened with this evidence as well. */
  asks(...evidence: readonly Evidence[]): void {
    Object.assign(this.parts, { screening: aScreening(this.compliance, { evidence }) })
  }

  /** A call as it comes, up to its auction. */
  screened(options: CallOptions = {}): Call {
    const call = this.identified(options)
    if (this.exchange.screen(call) !== null) assert.fail('nothing is asked for outside')
    return call
  }

  /** A call as it comes, before it is screened. */
  identified({
    from = CALLER,
    uri = `sip:${NUMBER}@dce.example`,
    token,
    source = '192.0.2.7',
    said = {},
  }: CallOptions = {}): Call {
    const headers: Record<string, string | undefined> = {
      From: from === null ? '<sip:anonymous@anonymous.invalid>;tag=a' : `<sip:${from}@192.0.2.7>;tag=a`,
      To: `<sip:${NUMBER}@dce.example>`,
      'Call-ID': newId<string>(),
      'X-DCE-Token': token,
      ...said,
    }
    const request = Object.assign(new EventEmitter(), {
      method: 'INVITE',
      uri,
      source_address: source,
      get: (name: string) => headers[name],
    })
    const caller = new CallerLeg(
      {} as unknown as Signaling,
      request as unknown as SipRequest,
      {} as unknown as SipResponse,
    )
    const { now, monotonicMs } = this.clock
    const call = new Call({ id: newId(), caller, receivedAt: new Date(now()), monotonicMs })
    this.exchange.identify(call)
    return call
  }

  /** What is held and reserved at this moment, of everybody. */
  kept(): { holds: number; reservations: number } {
    return { holds: this.parts.balances.holdCount, reservations: this.parts.routing.stats().reservations }
  }
}

interface CallOptions {
  readonly from?: PhoneNumber | null
  readonly uri?: string
  readonly token?: string
  readonly source?: string
  /** Headers of its INVITE besides. */
  readonly said?: Readonly<Record<string, string>>
}

/** A call with its awards: tried in turn as connect does, and ended as close does. */
export class SoldCall {
  readonly call: Call
  readonly awards: readonly Award[]
  readonly #parts: ExchangeParts
  #taken: Taken | null = null

  constructor(parts: ExchangeParts, call: Call, awards: readonly Award[]) {
    this.#parts = parts
    this.call = call
    this.awards = awards
  }

  /** Takes this award's places and funds, to ring it. */
  take(award: Award): Taken | NonBidCode {
    const taken = take(this.call, award, this.#parts)
    if (taken instanceof Promise) assert.fail('one who counts alone answers at once')
    this.#taken = typeof taken === 'string' ? null : taken
    return taken
  }

  /** It did not answer. */
  fail(): void {
    this.#taken?.reservation.release()
    if (this.#taken) this.#parts.balances.void(this.#taken.hold)
    this.#taken = null
  }

  /** Over: billed what was held, or nothing. */
  end(isBilled = false): void {
    for (const release of this.call.releases.splice(0)) release()
    this.#taken?.reservation.settle(isBilled ? this.#taken.hold.amountMicros : 0n)
    if (this.#taken) this.#parts.balances.void(this.#taken.hold)
    this.#taken = null
  }
}
