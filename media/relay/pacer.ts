import { FRAME_MS } from './sounds.ts'

/** Frames that a stalled thread sends at once when it is back; older ones are skipped, as a phone's buffer would drop them. */
export const MAX_FRAMES_BEHIND = 5

/** Something that has a frame to send every 20 ms. */
export interface Paced {
  /** One frame is due; false: it was the last. `skipped` frames before it came too late to be sent. */
  frame(skipped: number): boolean
}

/**
 * One clock for all that a thread plays. Frame n is due at its start plus n × 20 ms, so that late timers never add up; one timer
 * serves everybody, set for the next frame due by the clock and none at all when nobody plays.
 */
export class Pacer {
  readonly #playing = new Map<Paced, number>()
  readonly #nowMs: () => number
  #timer: NodeJS.Timeout | null = null
  #startMs = 0
  #isTurning = false

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  get size(): number {
    return this.#playing.size
  }

  /** The first frame is due at the next beat of the common clock, within 20 ms. */
  add(item: Paced): void {
    // What takes over from the last one goes by the clock that the turn is counted with.
    if (this.#playing.size === 0 && !this.#isTurning) this.#startMs = this.#nowMs()
    this.#playing.set(item, this.#beat())
    this.#arm()
  }

  has(item: Paced): boolean {
    return this.#playing.has(item)
  }

  remove(item: Paced): void {
    this.#playing.delete(item)
    if (this.#playing.size > 0 || this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }

  #beat(): number {
    return Math.ceil((this.#nowMs() - this.#startMs) / FRAME_MS)
  }

  #arm(): void {
    if (this.#timer !== null || this.#playing.size === 0) return
    const nextMs = this.#startMs + FRAME_MS * (Math.floor((this.#nowMs() - this.#startMs) / FRAME_MS) + 1)
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, nextMs - this.#nowMs()))
  }

  #turn(): void {
    this.#timer = null
    this.#isTurning = true
    const now = Math.floor((this.#nowMs() - this.#startMs) / FRAME_MS)
    for (const [item, due] of this.#playing) {
      let next = due
      let skipped = 0
      if (now - next >= MAX_FRAMES_BEHIND) {
        skipped = now - next - MAX_FRAMES_BEHIND + 1
        next += skipped
      }
      let goesOn = true
      for (; goesOn && next <= now; next++, skipped = 0) goesOn = item.frame(skipped)
      // It may have been removed, or another may have taken its place, in the frame's course.
      if (!goesOn) this.#playing.delete(item)
      else if (this.#playing.has(item)) this.#playing.set(item, next)
    }
    this.#isTurning = false
    this.#arm()
  }
}
