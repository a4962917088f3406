import type { Compliance } from '../../compliance/compliance.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import type { CallId } from '../../model/ids.ts'
import type { CallNews } from '../needs.ts'

/** Calls heard of last, by which one that is told twice is known. */
const REMEMBERED = 10_000
const KIND = 'consumer-call'

type Counted = Pick<Compliance, 'count' | 'recall' | 'lookBack'>

/** A call that some gateway has counted. */
export interface ConsumerCallNews {
  readonly id: CallId
  readonly request: ScreeningRequest
}

/**
 * Who has been called how often, by all gateways: the law's limits are the consumer's, not a gateway's. Each counts its own at once and hears
 * of the others' within a moment; in that moment one call more may come through.
 */
export class ConsumerCalls {
  readonly #compliance: Counted
  readonly #news: CallNews | null
  /** Null once started: until then what is heard may be in the database, too. */
  #early: Map<CallId, ScreeningRequest> | null = new Map()
  readonly #heard = new Set<CallId>()

  /** `news`: null for a gateway that is alone. */
  constructor(compliance: Counted, news: CallNews | null) {
    this.#compliance = compliance
    this.#news = news
  }

  count(id: CallId, request: ScreeningRequest): void {
    this.#compliance.count(request)
    if (this.#news === null || request.ani === null || request.offer === undefined) return
    const { ani, zip, trafficType, atMs, offer } = request
    if (trafficType === 'inbound' && !this.#compliance.lookBack().inbound) return // Nobody asks of them.
    const { sellerId, numberId, vertical } = offer
    const told = { ani, zip, trafficType, atMs, offer: { sellerId, numberId, vertical, tags: {} } }
    this.#news.tell(JSON.stringify({ kind: KIND, id, request: told }))
  }

  /** Learns of what was called before: `latest` are the database's, newest first. */
  async start(latest: (since: Date, inbound: boolean) => AsyncIterable<ConsumerCallNews>, now: number): Promise<void> {
    await this.#news?.listen((news) => this.#hear(news))
    const { hours, inbound } = this.#compliance.lookBack()
    const early = this.#early!
    for await (const { id, request } of latest(new Date(now - hours * 3_600_000), inbound)) {
      early.delete(id)
      this.#compliance.recall(request)
    }
    this.#early = null
    for (const request of early.values()) this.#compliance.count(request)
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
