import type { Compliance } from '../../compliance/compliance.ts'
import type { HeldList } from '../../compliance/suppression-lists.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import type { Clock } from '../../model/clock.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { MAX_LOOKUP_MS, type OutsideAnswer } from '../../model/suppression-list.ts'
import type { DncAnswers, KeptAnswer } from '../needs.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { Arrival } from '../screening/arrival.ts'
import type { Contribution, Evidence } from '../screening/evidence.ts'
import type { ScreeningPart } from '../screening/screening-part.ts'
import { askOutside, NoAnswer } from './lookup-client.ts'

/** Questions under way at once, of all lists. */
const MAX_UNDER_WAY = 500
const NONE: readonly HeldList[] = []

export interface OutsideListNeeds {
  readonly compliance: Pick<Compliance, 'suppression' | 'bindsOutside' | 'recordOutside' | 'statesOf'>
  readonly client: Pick<HttpClient, 'send' | 'close'>
  /** What other gateways were answered; null: there is no Redis. */
  readonly shared: DncAnswers | null
  readonly clock: Pick<Clock, 'now'>
  /** dnc.cache_ttl, dnc.cache_answers */
  readonly cache: { readonly ttlMs: number; readonly most: number }
}

/**
 * Do-not-call lists that others keep and are asked for by HTTP, once a day for a number: an answer is kept here and in Redis. They are asked
 * after everything that is known here has been, since most of them cost money, and each has its own deadline and its own policy for no answer.
 */
export class OutsideLists implements ScreeningPart<unknown> {
  readonly evidence: readonly Evidence[]
  readonly #needs: OutsideListNeeds
  /** The oldest first. */
  readonly #kept = new Map<string, KeptAnswer>()
  readonly #underWay = new Map<string, Promise<OutsideAnswer>>()

  constructor(needs: OutsideListNeeds) {
    this.#needs = needs
    this.evidence = [
      {
        name: 'external-do-not-call',
        order: 'after-law',
        // Each list ends its own wait before that.
        deadlineMs: MAX_LOOKUP_MS + 500,
        onFailure: 'allow',
        keepsFromBuyers: false,
        gather: (arrival) => this.#gather(arrival),
        failed: (arrival, why) => this.#without(arrival, why),
      },
    ]
  }

  /** Answers kept in memory. */
  get size(): number {
    return this.#kept.size
  }

  async close(): Promise<void> {
    this.#needs.shared?.close()
    await this.#needs.client.close()
  }

  #gather(arrival: Arrival): Contribution | Promise<Contribution> | null {
    const { ani } = arrival
    const lists = this.#listsFor(arrival)
    if (lists.length === 0 || ani === null) return null
    const kept = lists.map((held) => this.#find(keyOf(held, ani)))
    if (kept.every((answer) => answer !== null)) return this.#record(lists, kept, arrival)
    return this.#ask(lists, ani).then((answers) => this.#record(lists, answers, arrival))
  }

  /** Nobody waits for answers, or not any more: each list's own policy decides, where none is kept. */
  #without(arrival: Arrival, why: string): Contribution {
    const lists = this.#listsFor(arrival)
    const answers = lists.map(
      (held): OutsideAnswer => this.#find(keyOf(held, arrival.ani!)) ?? { said: 'unknown', why },
    )
    return this.#record(lists, answers, arrival)
  }

  /** Those that are for this consumer, and could refuse the call: who may be anywhere may be in a list's state. */
  #listsFor({ ani, zip, number: { trafficType }, atMs, offer, brought }: Arrival): readonly HeldList[] {
    const { suppression, bindsOutside, statesOf } = this.#needs.compliance
    if (ani === null || suppression.outside.length === 0) return NONE
    const all = suppression.outside.filter((held) => bindsOutside(held, trafficType))
    if (all.every(({ list }) => list.state === null)) return all
    const states = statesOf({ ani, zip: zip?.zip ?? null, trafficType, atMs, offer, brought })
    return all.filter(({ list }) => list.state === null || states.length === 0 || states.includes(list.state))
  }

  #record(lists: readonly HeldList[], answers: readonly OutsideAnswer[], { number }: Arrival): Contribution {
    const checks: CheckRecord[] = []
    for (const [i, held] of lists.entries()) {
      const record = this.#needs.compliance.recordOutside(held, answers[i]!, number.trafficType)
      if (record !== null) checks.push(record)
    }
    return { checks }
  }

  async #ask(lists: readonly HeldList[], number: PhoneNumber): Promise<OutsideAnswer[]> {
    const { shared } = this.#needs
    const missing = lists.filter((held) => this.#find(keyOf(held, number)) === null)
    if (shared !== null) {
      const found = await shared.find(number, missing.map(fieldOf)).catch(() => null)
      for (const [i, held] of missing.entries()) {
        const answer = found?.[i]
        if (answer && this.#isFresh(answer)) this.#keep(keyOf(held, number), answer)
      }
    }
    return Promise.all(lists.map(async (held) => this.#find(keyOf(held, number)) ?? this.#askOne(held, number)))
  }

  /** Two calls of one consumer ask once. */
  #askOne(held: HeldList, number: PhoneNumber): Promise<OutsideAnswer> {
    const key = keyOf(held, number)
    const found = this.#underWay.get(key)
    if (found) return found
    if (this.#underWay.size >= MAX_UNDER_WAY)
      return Promise.resolve({ said: 'unknown', why: 'too many questions are under way' })
    const asking = this.#askNow(held, number, key).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asking)
    return asking
  }

  async #askNow(held: HeldList, number: PhoneNumber, key: string): Promise<OutsideAnswer> {
    const { client, clock, shared, cache } = this.#needs
    try {
      const isListed = await askOutside(client, held.list.lookup!, number)
      const answer: KeptAnswer = { said: isListed ? 'listed' : 'clear', askedAtMs: clock.now() }
      this.#keep(key, answer)
      // Whoever else shares it may be without it: nobody waits.
      shared?.keep(number, fieldOf(held), answer, cache.ttlMs).catch(() => {})
      return answer
    } catch (error) {
      if (error instanceof NoAnswer) return { said: 'unknown', why: error.message }
      throw error
    }
  }

  #find(key: string): KeptAnswer | null {
    const answer = this.#kept.get(key)
    if (answer === undefined) return null
    if (this.#isFresh(answer)) return answer
    this.#kept.delete(key)
    return null
  }

  #isFresh({ askedAtMs }: KeptAnswer): boolean {
    return this.#needs.clock.now() - askedAtMs < this.#needs.cache.ttlMs
  }

  #keep(key: string, answer: KeptAnswer): void {
    this.#kept.delete(key)
    this.#kept.set(key, answer)
    if (this.#kept.size <= this.#needs.cache.most) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      break
    }
  }
}

/** A list that has been changed is another: what was answered before is not asked of it. */
function fieldOf({ list }: HeldList): string {
  return `${list.id}.${list.version}`
}

function keyOf(held: HeldList, number: PhoneNumber): string {
  return `${fieldOf(held)} ${number}`
}
