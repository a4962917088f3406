import type { Leg } from '../leg.ts'
import type { Register, Seat } from '../parties.ts'
import type { Replaces } from './replaces.ts'

/** So many dialogs are remembered after their end. */
export const MAX_ENDED = 1000

/**
 * The dialogs of answered calls, found by what a Replaces header says of them (RFC 3891 §3): both of each live call, and for a while
 * those that have ended. Whoever names one knows both of its tags, one of which is a random number of ours.
 */
export class OwnDialogs implements Register {
  readonly #seats = new Map<string, Seat>()
  readonly #ended = new Set<string>()

  get size(): number {
    return this.#seats.size
  }

  /** Null: it is none of ours. */
  find({ callId, toTag, fromTag }: Pick<Replaces, 'callId' | 'toTag' | 'fromTag'>): Seat | 'ended' | null {
    const key = `${callId} ${toTag} ${fromTag}`
    return this.#seats.get(key) ?? (this.#ended.has(key) ? 'ended' : null)
  }

  add(seat: Seat): void {
    this.#seats.set(keyOf(seat.leg), seat)
  }

  /** It is nobody's place any more. */
  end(leg: Leg): void {
    const key = keyOf(leg)
    if (!this.#seats.delete(key)) return
    this.#ended.add(key)
    if (this.#ended.size <= MAX_ENDED) return
    for (const oldest of this.#ended) return void this.#ended.delete(oldest)
  }
}

function keyOf({ dialog: { sip } }: Leg): string {
  return `${sip.callId} ${sip.localTag} ${sip.remoteTag}`
}
