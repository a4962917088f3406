import type { Telemetry } from '../../config/telemetry.ts'
import type { HttpClient } from '../outgoing/http-client.ts'

/** Notices that wait; what comes then is dropped, and counted. */
const MAX_WAITING = 1000
/** Sent at once, to all bidders together. */
const MAX_UNDER_WAY = 16
const NOTICE_MS = 2000

export interface NoticesParts {
  readonly http: Pick<HttpClient, 'send'>
  readonly telemetry: Pick<Telemetry, 'bidderNotices'>
  readonly headers: Readonly<Record<string, string>>
}

type Result = 'win' | 'loss'

/** Tells bidders how their bids ended, when there is time for it: no call waits for it, and a bidder that does not listen is not told twice. */
export class Notices {
  readonly #parts: NoticesParts
  readonly #waiting: { readonly url: string; readonly result: Result }[] = []
  #underWay = 0
  #isClosed = false
  #idle: (() => void)[] = []

  constructor(parts: NoticesParts) {
    this.#parts = parts
  }

  get waiting(): number {
    return this.#waiting.length
  }

  send(url: string, result: Result): void {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING) {
      this.#parts.telemetry.bidderNotices.inc({ result, outcome: 'dropped' })
      return
    }
    this.#waiting.push({ url, result })
    this.#next()
  }

  /** Once all that wait now are sent. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** What still waits is dropped, and counted. */
  close(): void {
    this.#isClosed = true
    for (const { result } of this.#waiting.splice(0))
      this.#parts.telemetry.bidderNotices.inc({ result, outcome: 'dropped' })
  }

  #next(): void {
    while (this.#underWay < MAX_UNDER_WAY) {
      const notice = this.#waiting.shift()
      if (!notice) break
      this.#underWay++
      void this.#tell(notice.url, notice.result)
    }
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #tell(url: string, result: Result): Promise<void> {
    const { http, telemetry, headers } = this.#parts
    let isHeard = false
    try {
      const { status } = await http.send({ method: 'GET', url, headers, body: null }, NOTICE_MS)
      isHeard = status < 300
    } catch {
      // Whoever cannot be told will see it in its account.
    }
    telemetry.bidderNotices.inc({ result, outcome: isHeard ? 'sent' : 'failed' })
    this.#underWay--
    this.#next()
  }
}
