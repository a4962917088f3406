import type { BookChange } from '../model/book.ts'
import type { CallId } from '../model/ids.ts'
import type { Hold } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { Balances } from './holds.ts'

/** Held at once; beyond it the oldest is let go: what its call may still cost is then charged all the same, without funds kept for it. */
export const MAX_CONVERSION_HOLDS = 200_000

interface Kept {
  readonly hold: Hold
  readonly untilMs: number
}

/**
 * The funds of calls that are paid by what becomes of them, held from the award on until the window for reports is over: what
 * was charged and what is held are together the most the call can cost.
 */
export class ConversionHolds {
  readonly #balances: Pick<Balances, 'adopt' | 'void'>
  readonly #most: number
  readonly #kept = new Map<CallId, Kept>()

  constructor(balances: Pick<Balances, 'adopt' | 'void'>, most = MAX_CONVERSION_HOLDS) {
    this.#balances = balances
    this.#most = most
  }

  get size(): number {
    return this.#kept.size
  }

  /** Keeps a hold that is there already, or (after a restart) makes it anew. */
  keep(hold: Hold, until: Date): void {
    if (this.#kept.has(hold.callId)) return
    if (this.#kept.size >= this.#most) this.#release(this.#kept.keys().next().value!)
    this.#balances.adopt(hold)
    this.#kept.set(hold.callId, { hold, untilMs: until.getTime() })
  }

  /** Learns of what was charged, by whichever process: so much less is held, or more again when it went back. */
  apply(change: BookChange): void {
    if (change.kind !== 'posting' || change.posting.kind !== 'conversion') return
    const { callId, entries } = change.posting
    const kept = callId && this.#kept.get(callId)
    if (!callId || !kept) return
    const charged = entries.find(({ accountId }) => accountId === kept.hold.accountId)?.amountMicros ?? 0n
    if (charged === 0n) return
    this.#balances.void(kept.hold)
    const left = kept.hold.amountMicros + charged
    const hold = { ...kept.hold, amountMicros: left > 0n ? left : 0n }
    this.#balances.adopt(hold)
    this.#kept.set(callId, { ...kept, hold })
  }

  /** Lets go of what nothing can be charged from any more. */
  expire(nowMs: number): void {
    for (const [callId, { untilMs }] of this.#kept) if (untilMs < nowMs) this.#release(callId)
  }

  heldMicros(callId: CallId): Micros {
    return this.#kept.get(callId)?.hold.amountMicros ?? 0n
  }

  #release(callId: CallId): void {
    this.#balances.void(this.#kept.get(callId)!.hold)
    this.#kept.delete(callId)
  }
}
