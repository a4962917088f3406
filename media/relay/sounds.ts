/** Samples of one frame: 20 ms at 8 kHz. */
export const FRAME_SAMPLES = 160
export const FRAME_MS = 20

/** Peak of each frequency of a tone, of 32767: two of them together are about -13 dBm0, as networks play ringback. */
const TONE_PEAK = 4000

/** What is played. */
export type Sound =
  /** 16-bit samples at 8 kHz, and the prompt they are of. */
  | { readonly kind: 'samples'; readonly samples: SharedArrayBuffer; readonly name?: string }
  | { readonly kind: 'tone'; readonly hertz: readonly number[]; readonly onMs: number; readonly offMs: number }
  | { readonly kind: 'silence'; readonly ms: number }

/** A sound from its beginning, frame by frame. */
export class SoundReader {
  readonly #sound: Sound
  readonly #samples: Int16Array
  readonly #length: number
  readonly #repeat: boolean
  #at = 0

  /** A tone that is not repeated sounds once: its on and its off. */
  constructor(sound: Sound, repeat: boolean) {
    this.#sound = sound
    this.#samples = sound.kind === 'samples' ? new Int16Array(sound.samples) : new Int16Array(0)
    this.#length =
      sound.kind === 'samples'
        ? this.#samples.length
        : 8 * (sound.kind === 'tone' ? sound.onMs + sound.offMs : sound.ms)
    this.#repeat = repeat && this.#length > 0
  }

  /** Fills one frame, with silence after the end. False: there was nothing left to play. */
  read(frame: Int16Array): boolean {
    if (!this.#repeat && this.#at >= this.#length) return false
    for (let i = 0; i < frame.length; i++, this.#at++) frame[i] = this.#sample(this.#at)
    return true
  }

  #sample(at: number): number {
    if (!this.#repeat && at >= this.#length) return 0
    const place = this.#repeat ? at % this.#length : at
    if (this.#sound.kind === 'samples') return this.#samples[place]!
    if (this.#sound.kind === 'silence' || place >= 8 * this.#sound.onMs) return 0
    let sum = 0
    for (const hertz of this.#sound.hertz) sum += TONE_PEAK * Math.sin((2 * Math.PI * hertz * place) / 8000)
    return Math.round(sum)
  }
}
