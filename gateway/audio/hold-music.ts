import type { AudioTools } from '../../media/audio-tools.ts'
import { oppositeOf, type LegSide } from '../../model/call.ts'

/** A side that only sends has put the other on hold (RFC 3264 §8.4). One that says `inactive` wants nobody to hear anything. */
const HOLDS = /^a=sendonly\r?$/m

/** What a side hears while the other has put it on hold. */
export class HoldMusic {
  readonly #tools: AudioTools
  readonly #music: Readonly<Record<LegSide, string | null>>
  readonly #onSilent: (reason: string) => void
  readonly #playing: Record<LegSide, AbortController | null> = { caller: null, buyer: null }

  /** `music` names the prompt each side hears; null: nothing but what the holder sends. */
  constructor(tools: AudioTools, music: Readonly<Record<LegSide, string | null>>, onSilent: (reason: string) => void) {
    this.#tools = tools
    this.#music = music
    this.#onSilent = onSilent
  }

  /** This side has offered this, and it has been agreed. */
  agreed(side: LegSide, offer: string): void {
    const held = oppositeOf(side)
    if (HOLDS.test(offer)) this.#start(held)
    else this.#stop(held)
  }

  /** Somebody else has taken this side's place, who has put nobody on hold. */
  replaced(side: LegSide): void {
    this.#stop(side)
    this.#stop(oppositeOf(side))
  }

  #start(held: LegSide): void {
    const name = this.#music[held]
    if (name === null || this.#playing[held]) return
    const playing = new AbortController()
    this.#playing[held] = playing
    this.#tools
      .play(held, { kind: 'file', name }, { repeat: true, signal: playing.signal })
      .catch((error: Error) => this.#onSilent(error.message))
  }

  #stop(held: LegSide): void {
    this.#playing[held]?.abort()
    this.#playing[held] = null
  }
}
