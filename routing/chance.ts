/**
 * Numbers from 0 up to 1 that look random and are the same for the same seed on every machine (mulberry32): whole-number
 * arithmetic alone, so that a decision can be made again bit for bit.
 */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Of mean 0 and variance 1, nearly normal: twelve draws (Irwin-Hall), for which no logarithm or cosine is asked. */
  normal(): number {
    let sum = 0
    for (let i = 0; i < 12; i++) sum += this.next()
    return sum - 6
  }
}
