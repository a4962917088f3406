import type { LegSide } from '../../model/call.ts'
import type { PathAudio } from './path-audio.ts'

/** An rtpengine that has not answered is asked so often, so far apart, ms: after that the call has other troubles. */
export const MUTE_TRIES = 10
const MUTE_AGAIN_MS = 1000

const SIDES = ['caller', 'buyer'] as const

interface MutesParts {
  readonly shouldBeMuted: (side: LegSide) => boolean
  /** Has `settle` done in its turn. */
  readonly settle: () => Promise<void>
  readonly againMs?: number
  /** It could not be done, however often it was tried. */
  readonly giveUp: (error: unknown) => void
}

/**
 * Which sides are muted at an rtpengine: those that should be. An answer that is lost says nothing of what was done, so it is asked again,
 * lest somebody stays unheard for the rest of the call.
 */
export class Mutes {
  readonly #parts: MutesParts
  /** Null: nobody knows. */
  readonly #muted: Record<LegSide, boolean | null> = { caller: false, buyer: false }
  #tries = 0
  #timer: NodeJS.Timeout | null = null

  constructor(parts: MutesParts) {
    this.#parts = parts
  }

  /** A call or a party that is new there is not muted. */
  begin(): void {
    this.#muted.caller = this.#muted.buyer = false
  }

  /** Rejects when rtpengine does not do as it is asked; then it is asked again later. */
  async settle(audio: Pick<PathAudio, 'mute'> | null): Promise<void> {
    try {
      for (const side of SIDES) await this.#settleSide(audio, side)
      this.#tries = 0
    } catch (error) {
      this.#setAgain(error)
      throw error
    }
  }

  async #settleSide(audio: Pick<PathAudio, 'mute'> | null, side: LegSide): Promise<void> {
    const should = this.#parts.shouldBeMuted(side)
    if (audio === null || should === this.#muted[side]) return
    this.#muted[side] = null
    await audio.mute(side, should)
    this.#muted[side] = should
  }

  #setAgain(error: unknown): void {
    if (this.#timer !== null) return
    if (++this.#tries >= MUTE_TRIES) return this.#parts.giveUp(error)
    this.#timer = setTimeout(() => void this.#again(), this.#parts.againMs ?? MUTE_AGAIN_MS)
    this.#timer.unref()
  }

  async #again(): Promise<void> {
    this.#timer = null
    try {
      await this.#parts.settle()
    } catch {
      // The timer has been set again, or it is given up.
    }
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#tries = MUTE_TRIES
  }
}
