import type { NonBidCode } from '../../model/bid.ts'
import type { Bidder } from '../../model/bidder.ts'
import type { BidderState } from '../../model/bidder-state.ts'
import type { Dialect, HttpRequest } from '../../routing/bidders/wire.ts'
import { HttpFailure, type HttpClient, type HttpFailureKind, type IncomingReply } from '../outgoing/http-client.ts'
import { Circuit } from './circuit.ts'
import { Patience } from './patience.ts'

/** What a ping comes to, as a reason or in one word. */
export type PingOutcome = NonBidCode | 'bid'

const CODE_OF: Readonly<Record<HttpFailureKind, NonBidCode>> = {
  late: 'bidder_late',
  unreachable: 'bidder_unreachable',
  address_refused: 'bidder_address_refused',
  too_long: 'bidder_too_long',
  malformed: 'bidder_garbage',
}

/** What is a bidder's own doing and no fault: it may be asked again at once. */
const ANSWERS: ReadonlySet<PingOutcome> = new Set([
  'bid',
  'bidder_no_bid',
  'bidder_price_above_max',
  'bidder_bad_destination',
  'bidder_busy',
  'below_reserve',
  'currency_mismatch',
])

/** What tells nothing of how fast a bidder answers. */
const UNANSWERED: ReadonlySet<PingOutcome> = new Set(['bidder_unreachable', 'bidder_address_refused'])

/** One bidder as it is spoken to: its templates made ready, and how it has been doing. */
export class BidderLine {
  bidder: Bidder
  /** Null: its templates or its secrets cannot be used. */
  dialect: Dialect | null
  readonly circuit = new Circuit()
  readonly #patience = new Patience()
  readonly #outcomes = new Map<PingOutcome, number>()
  #asked = 0
  underWay = 0

  constructor(bidder: Bidder, dialect: Dialect | null) {
    this.bidder = bidder
    this.dialect = dialect
  }

  waitMs(deadlineMs: number): number {
    return this.#patience.waitMs(Math.min(deadlineMs, this.bidder.timeoutMs))
  }

  state(nowMs: number): BidderState {
    return {
      circuit: this.circuit.state(nowMs),
      waitsMs: this.waitMs(this.bidder.timeoutMs),
      p95Ms: this.#patience.p95Ms === null ? null : Math.round(this.#patience.p95Ms * 10) / 10,
      asked: this.#asked,
      bids: this.#outcomes.get('bid') ?? 0,
      outcomes: Object.fromEntries(this.#outcomes),
    }
  }

  /** Sends one request. Resolves with a 2xx, or with why there is none; never rejects. */
  async ask(
    http: Pick<HttpClient, 'send'>,
    request: HttpRequest,
    timeoutMs: number,
    gone?: AbortSignal,
  ): Promise<IncomingReply | NonBidCode> {
    this.underWay++
    try {
      const reply = await http.send(request, timeoutMs, gone)
      if (reply.status >= 300 && reply.status < 400) return 'bidder_redirected'
      return reply.status < 200 || reply.status >= 400 ? 'bidder_http_error' : reply
    } catch (error) {
      if (!(error instanceof HttpFailure)) return 'bidder_unreachable'
      return CODE_OF[error.kind]
    } finally {
      this.underWay--
    }
  }

  /** A ping has come to its end after so long. `isCut`: it came too late for its call, and that is not its bidder's doing. */
  pinged(outcome: PingOutcome, tookMs: number, isCut = false): void {
    this.#asked++
    if (isCut) return this.note(outcome)
    if (outcome === 'bidder_late') this.#patience.gaveUp(tookMs)
    else if (!UNANSWERED.has(outcome)) this.#patience.answered(tookMs)
    this.note(outcome)
  }

  note(outcome: PingOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
  }
}

export function isFault(outcome: PingOutcome): boolean {
  return !ANSWERS.has(outcome)
}
