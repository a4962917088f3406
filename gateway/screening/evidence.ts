import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { EndReason } from '../../model/call.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import type { Arrival } from './arrival.ts'

/** How the carrier hears of a call that is not to be sold: the row of gateway/refusals.ts, and what this one refusal says otherwise. */
export interface ScreeningRefusal {
  readonly reason: EndReason
  readonly text: string
  /** Null: that row's. */
  readonly status?: number | null
  readonly headers?: Readonly<Record<string, string>>
}

/** What one piece of evidence, or one judge, has to say of a call. */
export interface Contribution {
  /** What compliance judges the call by besides what the call itself says; of evidence that comes before it. */
  readonly request?: Partial<ScreeningRequest>
  /** Checks it has made itself, for the record; one whose effect is `block` refuses the call. */
  readonly checks?: readonly CheckRecord[]
  /** How it is refused where one of `checks` blocks; absent: as compliance refuses, by that check's rule. */
  readonly refusal?: ScreeningRefusal
}

/** Something to be known of a call before it is judged: in memory, or asked of somebody outside. */
export interface Evidence {
  /** In the record and in metrics: `signature`, `external-do-not-call`. */
  readonly name: string
  /**
   * `before-law`: begun at the INVITE, and its checks stand before compliance's in the precedence. `after-law`: they stand behind them, and
   * where the first block ends the screening it is asked only for calls that nothing in memory refuses (look-ups that cost money).
   */
  readonly order: 'before-law' | 'after-law'
  /** How long a call waits for it. */
  readonly deadlineMs: number
  /** What follows of no answer in that time, or a failure. */
  readonly onFailure: 'allow' | 'block'
  /** What follows in place of that for this call. */
  failed?(arrival: Arrival, why: string): Contribution
  /** No buyer may hear of the call until it has answered. */
  readonly keepsFromBuyers: boolean
  /**
   * Null: it has nothing to do with this call. What is known already is answered at once, so that the call goes on in the same breath.
   * `until` is asked for its signal only by who waits: it is aborted when nobody waits any more.
   */
  gather(arrival: Arrival, until: Until): Contribution | Promise<Contribution | null> | null
}

/** Something that judges a call by all that is known of it, after the law and the operator's rules. Of memory alone. */
export interface Judge {
  readonly name: string
  /** Each call that comes, whatever else is said of it, once and before it is judged; no pings. */
  observe?(arrival: Arrival, request: ScreeningRequest): void
  judge(arrival: Arrival, request: ScreeningRequest): Contribution | null
}

/** How long an answer is of use. */
export class Until {
  #controller: AbortController | null = null
  #isOver = false

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isOver) this.#controller.abort()
    return this.#controller.signal
  }

  over(): void {
    this.#isOver = true
    this.#controller?.abort()
  }
}
