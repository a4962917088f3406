import { RequestRefused } from './request-refused.ts'
import { admit, better, heardStatus, sendTo, type Admitted } from './pass-on.ts'
import { picked, REQUEST_HEADERS } from '../in-dialog/relayed-requests.ts'
import type { Schedule } from '../start/schedule.ts'
import type { Signaling } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import type { Way } from '../invitation/ways.ts'
import type { AskingParts } from './who-asks.ts'

/** What a sender hears of the phone's answer beside its status. */
const ANSWER_HEADERS = ['Accept', 'Accept-Encoding', 'Accept-Language', 'Retry-After']

export const MESSAGE_LIMITS = {
  /** One message's body. RFC 3428 §8 wants 1,300 bytes at most where the way may be UDP; ours goes over TCP above that. */
  maxBytes: 16_384,
  /** Messages on their way at a time, and those of one sender: counted until every phone has answered or been given up. */
  maxOpen: 2_000,
  maxOpenOfOne: 100,
  /** The sender gives up after 32 s (RFC 3261 §17.1.2.2), and should hear something before. */
  answerMs: 25_000,
}

/**
 * MESSAGE outside calls (RFC 3428): from a phone or trunk of a customer to a user of the same customer, to all of its phones at
 * once; the first 2xx is the answer. Nothing is stored: where nobody is registered, the sender hears 480.
 */
export class Messages {
  readonly #signaling: Signaling
  readonly #parts: AskingParts
  readonly #schedule: Schedule
  readonly #limits: typeof MESSAGE_LIMITS
  #open = 0
  readonly #openOf = new Map<string, number>()

  constructor(
    signaling: Signaling,
    parts: AskingParts,
    schedule: Schedule,
    limits: Partial<typeof MESSAGE_LIMITS> = {},
  ) {
    this.#signaling = signaling
    this.#parts = parts
    this.#schedule = schedule
    this.#limits = { ...MESSAGE_LIMITS, ...limits }
  }

  /** Messages on their way. */
  get open(): number {
    return this.#open
  }

  /** Passes one on and answers it; throws RequestRefused for one that is not. */
  async take(req: SipRequest, res: SipResponse): Promise<void> {
    const admitted = admit(req, this.#parts)
    this.#refuseUnfit(req)
    if (admitted.groups.length === 0) throw new RequestRefused(480, 'Temporarily Unavailable')
    const { key } = admitted.asker
    const ofOne = this.#openOf.get(key) ?? 0
    if (this.#open >= this.#limits.maxOpen || ofOne >= this.#limits.maxOpenOfOne)
      throw new RequestRefused(503, 'Too Many Messages', { 'Retry-After': '5' })
    this.#open++
    this.#openOf.set(key, ofOne + 1)
    const answer = await this.#passOn(req, admitted)
    const headers = answer === null ? {} : picked(answer, ANSWER_HEADERS)
    res.send(heardStatus(answer), { headers })
  }

  #refuseUnfit(req: SipRequest): void {
    if (!req.body) return
    if (Buffer.byteLength(req.body) > this.#limits.maxBytes) throw new RequestRefused(413, 'Request Entity Too Large')
    if (!req.has('Content-Type')) throw new RequestRefused(400, 'Missing Content-Type')
  }

  async #passOn(req: SipRequest, { groups, headers: identity, asker }: Admitted): Promise<SipResponse | null> {
    const headers = { ...picked(req, REQUEST_HEADERS), ...identity }
    const send = (way: Way): Promise<SipResponse> =>
      this.#signaling.ask(way.uri, {
        method: 'MESSAGE',
        headers: { ...headers, ...way.headers },
        body: req.body,
        ...(way.proxy && { proxy: way.proxy }),
      })
    const all: Promise<unknown>[] = []
    const { promise: late, resolve } = Promise.withResolvers<null>()
    let isLate = false
    const cancel = this.#schedule.after(this.#limits.answerMs, () => {
      isLate = true
      resolve(null)
    })
    try {
      let best: SipResponse | null = null
      for (const group of groups) {
        const asked = group.map((way) => sendTo(way, send))
        all.push(...asked)
        best = better(best, await Promise.race([firstOrBest(asked), late]))
        if (isLate || (best !== null && (best.status < 300 || best.status >= 600))) break
      }
      return best
    } finally {
      cancel()
      void Promise.all(all).then(() => this.#release(asker.key))
    }
  }

  #release(key: string): void {
    this.#open--
    const left = this.#openOf.get(key)! - 1
    if (left === 0) this.#openOf.delete(key)
    else this.#openOf.set(key, left)
  }
}

/** The first success of several phones, at once; else, when all have answered, the best of what they said. */
function firstOrBest(asked: readonly Promise<SipResponse | null>[]): Promise<SipResponse | null> {
  const { promise, resolve } = Promise.withResolvers<SipResponse | null>()
  let waiting = asked.length
  let best: SipResponse | null = null
  for (const each of asked)
    void each.then((answer) => {
      best = better(best, answer)
      if (--waiting === 0 || (answer !== null && answer.status < 300)) resolve(best)
    })
  return promise
}
