import type { Compliance } from '../../compliance/compliance.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { CallId } from '../../model/ids.ts'
import type { Clock } from '../../model/clock.ts'
import type { CallNews } from '../needs.ts'
import type { Arrival } from './arrival.ts'
import type { Judge } from './evidence.ts'
import type { ScreeningPart } from './screening-part.ts'

/** Calls heard of last, by which one that is told twice is known. */
const REMEMBERED = 10_000
const KIND = 'consumer-call'

type Counted = Pick<Compliance, 'count' | 'recall' | 'lookBack'>

/** A call that some gateway has counted. */
export interface ConsumerCallNews {
  readonly id: CallId
  readonly request: ScreeningRequest
}

/** What is asked of the storage. */
interface LatestCalls {
  latestCalls(since: Date, inbound: boolean): AsyncIterable<ConsumerCallNews>
}

/**
 * Who has been called how often, by all gateways: the law's limits are the consumer's, not a gateway's. Each counts its own at once and hears
 * of the others' within a moment; in that moment one call more may come through.
 */
export class ConsumerCalls implements ScreeningPart<LatestCalls> {
  readonly judge: Judge | null
  readonly #compliance: Counted
  readonly #news: CallNews | null
  readonly #clock: Pick<Clock, 'now'>
  #storage: LatestCalls | null = null
  /** Null once started: until then what is heard may be in the database, too. */
  #early: Map<CallId, ScreeningRequest> | null = new Map()
  readonly #heard = new Set<CallId>()

  /** `news`: null for a gateway that is alone. */
  constructor(compliance: Counted, news: CallNews | null, clock: Pick<Clock, 'now'>) {
    this.#compliance = compliance
    this.#news = news
    this.#clock = clock
    const observe = (arrival: Arrival, request: ScreeningRequest): void => this.#tell(arrival.callId, request)
    this.judge = news && { name: 'consumer-calls', observe, judge: () => null }
  }

  open(storage: LatestCalls): void {
    this.#storage = storage
  }

  /** Learns of the calls of before. */
  async start(): Promise<void> {
    await this.#news?.listen((news) => this.#hear(news))
    const { hours, inbound } = this.#compliance.lookBack()
    const since = new Date(this.#clock.now() - hours * 3_600_000)
    const early = this.#early!
    for await (const { id, request } of this.#storage!.latestCalls(since, inbound)) {
      early.delete(id)
      this.#compliance.recall(request)
    }
    this.#early = null
    for (const request of early.values()) this.#compliance.count(request)
  }

  // oxlint-disable-next-line require-await -- as the other parts' close.
  async close(): Promise<void> {
    this.#news?.close()
  }

  #tell(id: CallId, request: ScreeningRequest): void {
    if (request.ani === null || request.offer === undefined) return
    const { ani, zip, trafficType, atMs, offer } = request
    if (trafficType === 'inbound' && !this.#compliance.lookBack().inbound) return // Nobody asks of them.
    const { sellerId, numberId, vertical } = offer
    const told = { ani, zip, trafficType, atMs, offer: { sellerId, numberId, vertical, tags: {} } }
    this.#news!.tell(JSON.stringify({ kind: KIND, id, request: told }))
  }

  #hear(text: string): void {
    const { kind, id, request } = JSON.parse(text) as ConsumerCallNews & { kind: string }
    if (kind !== KIND) return // A newer gateway has more to tell.
    if (this.#heard.has(id)) return
    this.#heard.add(id)
    if (this.#heard.size > REMEMBERED) this.#heard.delete(this.#heard.values().next().value!)
    if (this.#early) this.#early.set(id, request)
    else this.#compliance.count(request)
  }
}
