import { nowUs, PACKET_MS } from './rtp-packet.ts'

/** A stall longer than this is not made up for: no phone sends five packets at once. */
const MAX_CATCH_UP_MS = 100

/**
 * One timer for all streams of a thread. The 20 ms between two packets are cut into 20 slots, and the streams shared out among
 * them, so that hundreds of streams do not all send at the same instant. It follows the clock, not the timer: late ticks do not add up.
 */
export class Pacer {
  readonly #slots: Set<() => void>[] = Array.from({ length: PACKET_MS }, () => new Set())
  #timer: NodeJS.Timeout | undefined
  #startedUs = 0
  /** Whole milliseconds served since the start. */
  #servedMs = 0

  /** Calls `send` every 20 ms until the function returned is called. */
  add(send: () => void): () => void {
    const slot = this.#slots.reduce((least, other) => (other.size < least.size ? other : least))
    slot.add(send)
    if (this.#timer === undefined) {
      this.#startedUs = nowUs()
      this.#servedMs = 0
      this.#arm()
    }
    return () => {
      slot.delete(send)
      if (this.#slots.every((one) => one.size === 0)) this.close()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.#serve()
      if (this.#timer !== undefined) this.#arm()
    }, 1)
  }

  #serve(): void {
    const elapsedMs = Math.floor((nowUs() - this.#startedUs) / 1000)
    this.#servedMs = Math.max(this.#servedMs, elapsedMs - MAX_CATCH_UP_MS)
    while (this.#servedMs < elapsedMs) {
      for (const send of this.#slots[this.#servedMs % PACKET_MS]!) send()
      this.#servedMs++
    }
  }
}
