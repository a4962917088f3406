import { ConversionHolds } from '../../accounts/conversion-holds.ts'
import { owedFor, postConversion } from '../../accounts/conversion.ts'
import type { Balances } from '../../accounts/holds.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { BookChange } from '../../model/book.ts'
import type { ConversionSale } from '../../model/cdr.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { DomainEvent, EventBus } from '../../model/events.ts'
import type { AccountId } from '../../model/ids.ts'
import type { ConversionKeeper, ConversionRules, TrackingIntake } from '../needs.ts'
import { postingEvents, trackedEvent } from './conversion-events.ts'
import type { Hold } from '../../model/ledger.ts'

/** How often funds whose window is over are let go, and money is looked for that another process left behind, ms. */
const SWEEP_EVERY_MS = 60_000

/** A call whose window is open, and what of it is still held. */
export interface OpenConversion {
  readonly hold: Hold
  readonly until: Date
}

interface ConversionsNeeds {
  readonly now: () => number
  readonly balances: Pick<Balances, 'adopt' | 'void'>
  readonly events: EventBus
  readonly telemetry: Pick<Telemetry, 'postings' | 'trackingEvents'>
  readonly operatorId: AccountId
  /** What routing measures targets and campaigns by. */
  readonly learn: (outcome: Outcome) => void
}

/** Calls that are paid by what becomes of them: their funds, and what is told of their money. */
export class Conversions implements ConversionKeeper {
  readonly #needs: ConversionsNeeds
  readonly #holds: ConversionHolds
  #intake: Pick<TrackingIntake, 'wake'> | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(needs: ConversionsNeeds) {
    this.#needs = needs
    this.#holds = new ConversionHolds(needs.balances)
  }

  /** Of calls whose window is open. */
  get holdCount(): number {
    return this.#holds.size
  }

  apply(change: BookChange): void {
    this.#holds.apply(change)
  }

  keep({ hold, until }: ConversionSale): void {
    this.#holds.keep(hold, until)
  }

  written(): void {
    this.#intake?.wake()
  }

  /** Begins, with the funds that an earlier process had kept. */
  start(intake: Pick<TrackingIntake, 'wake'>, open: readonly OpenConversion[]): void {
    for (const { hold, until } of open) this.#holds.keep(hold, until)
    this.#intake = intake
    this.#timer = setInterval(() => {
      this.#holds.expire(this.#needs.now())
      intake.wake()
    }, SWEEP_EVERY_MS)
    this.#timer.unref()
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#intake = null
  }

  /** What storage goes by. */
  get rules(): ConversionRules {
    const { now, operatorId, events, telemetry, learn } = this.#needs
    const publish = (announced: readonly DomainEvent[]): void => {
      for (const event of announced) events.publish(event)
    }
    return {
      now,
      owedFor,
      post: (input) => postConversion({ ...input, operatorId }),
      announce: (terms, posting, balanceOf) => postingEvents(terms, posting, balanceOf),
      announceTracking: (event) => trackedEvent(event),
      tracked: publish,
      posted: (posting, announced) => {
        telemetry.postings.inc({ kind: posting.kind })
        publish(announced)
      },
      converted: (call) => learn({ kind: 'converted', atMs: now(), ...call }),
    }
  }
}
