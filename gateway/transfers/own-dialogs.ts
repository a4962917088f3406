import type { Leg } from '../leg.ts'
import type { Register, Seat } from '../parties.ts'
import type { Replaces } from './replaces.ts'
import { SlotMap } from '../../model/slots.ts'

/** So many dialogs are remembered after their end, and twice as many at most. */
export const MAX_ENDED = 1000

/**
 * The dialogs of answered calls, found by what a Replaces header says of them (RFC 3891 §3): both of each live call, and for a while
 * those that have ended. Whoever names one knows both of its tags, one of which is a random number of ours.
 */
export class OwnDialogs implements Register {
  readonly #seats = new SlotMap<string, Seat>()
  /** The last to end, and those before them: the older ones are forgotten all at once. One by one, each would be looked for. */
  #ended = new Set<string>()
  #endedBefore = new Set<string>()

  get size(): number {
    return this.#seats.size
  }

  /** Null: it is none of ours. */
  find({ callId, toTag, fromTag }: Pick<Replaces, 'callId' | 'toTag' | 'fromTag'>): Seat | 'ended' | null {
    const key = `${callId} ${toTag} ${fromTag}`
    return this.#seats.get(key) ?? (this.#ended.has(key) || this.#endedBefore.has(key) ? 'ended' : null)
  }

  add(seat: Seat): void {
    this.#seats.set(keyOf(seat.leg), seat)
  }

  /** It is nobody's place any more. */
  end(leg: Leg): void {
    const key = keyOf(leg)
    if (!this.#seats.delete(key)) return
    if (this.#ended.size >= MAX_ENDED) {
      this.#endedBefore = this.#ended
      this.#ended = new Set()
    }
    this.#ended.add(key)
  }
}

function keyOf({ dialog: { sip } }: Leg): string {
  return `${sip.callId} ${sip.localTag} ${sip.remoteTag}`
}
