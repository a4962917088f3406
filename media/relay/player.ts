import { eventPayload, tonesOf } from './digits.ts'
import { encode } from './g711.ts'
import type { LegAudio } from './leg-audio.ts'
import type { Paced } from './pacer.ts'
import { FRAME_SAMPLES, SoundReader, type Sound } from './sounds.ts'

const frame = new Int16Array(FRAME_SAMPLES)

/** Plays one sound to one party, a frame at a time. */
export class Player implements Paced {
  readonly #audio: LegAudio
  readonly #reader: SoundReader
  readonly #onEnded: () => void

  constructor(audio: LegAudio, sound: Sound, repeat: boolean, onEnded: () => void) {
    this.#audio = audio
    this.#reader = new SoundReader(sound, repeat)
    this.#onEnded = onEnded
  }

  frame(skipped: number): boolean {
    const { stream, formats } = this.#audio
    for (let i = 0; i < skipped; i++) this.#reader.read(frame)
    if (!this.#reader.read(frame)) {
      this.#onEnded()
      return false
    }
    if (skipped > 0) stream.skip(skipped * FRAME_SAMPLES)
    // A re-INVITE may have taken G.711 away: time goes on in silence.
    if (formats.speech === null) stream.skip(FRAME_SAMPLES)
    else {
      const { payload, law } = formats.speech
      const body = Uint8Array.from(frame, (sample) => encode(law, sample))
      this.#audio.send(stream.compose(payload, body, performance.now(), FRAME_SAMPLES))
    }
    return true
  }
}

/** A key is down so long, its end is told so often, and then there is a pause; all in frames of 20 ms. */
const PRESS_FRAMES = 5
const END_PACKETS = 3
const DIGIT_FRAMES = PRESS_FRAMES + END_PACKETS + 1

/** Presses keys for one party to hear, as RFC 4733 events. */
export class Dialer implements Paced {
  readonly #audio: LegAudio
  readonly #digits: string
  readonly #payload: number
  readonly #onEnded: () => void
  #at = 0

  constructor(audio: LegAudio, digits: string, payload: number, onEnded: () => void) {
    this.#audio = audio
    this.#digits = digits
    this.#payload = payload
    this.#onEnded = onEnded
  }

  /** A frame that came late is sent late: a key press must not lose its end. */
  frame(): boolean {
    const digit = this.#digits[Math.floor(this.#at / DIGIT_FRAMES)]
    const step = this.#at++ % DIGIT_FRAMES
    const { stream } = this.#audio
    if (digit === undefined) {
      this.#onEnded()
      return false
    }
    const duration = FRAME_SAMPLES * Math.min(step + 1, PRESS_FRAMES)
    const isEnd = step + 1 >= PRESS_FRAMES
    if (step === 0) {
      const first = stream.compose(
        this.#payload,
        eventPayload(digit, duration, false),
        performance.now(),
        FRAME_SAMPLES,
      )
      first[1] = this.#payload | 0x80 // The first packet of an event is marked (RFC 4733 §2.1).
      this.#audio.send(first)
    } else if (step < PRESS_FRAMES - 1 + END_PACKETS) {
      this.#audio.send(stream.packet(this.#payload, eventPayload(digit, duration, isEnd), false))
    }
    // All packets of the event have its first one's timestamp; what follows it comes when it comes.
    if (step === DIGIT_FRAMES - 1) stream.skip((DIGIT_FRAMES - 1) * FRAME_SAMPLES)
    return true
  }
}

/** The same keys as sounds, for a party that knows no events. */
export function dialTones(digits: string): Sound {
  const parts = Array.from(digits, (digit) => {
    const samples = new Int16Array(8 * 160)
    new SoundReader({ kind: 'tone', hertz: tonesOf(digit), onMs: 100, offMs: 60 }, false).read(samples)
    return samples
  })
  const samples = new SharedArrayBuffer(2 * parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    new Int16Array(samples).set(part, at)
    at += part.length
  }
  return { kind: 'samples', samples }
}
