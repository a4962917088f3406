/**
 * Where the parameters of a simulated exchange come from. What the model is judged on must not be what it learnt: training
 * takes each parameter from the middle three fifths of its range, evaluation from the fifth at either end.
 */
export type Regime = 'training' | 'unseen'

/** Chance that can be had again: xorshift128 (Marsaglia, 2003), seeded through splitmix32. */
export class Chance {
  readonly regime: Regime
  #x: number
  #y: number
  #z: number
  #w: number
  #spare: number | null = null

  constructor(seed: number, regime: Regime = 'training') {
    this.regime = regime
    let state = seed >>> 0
    const next = () => {
      state = (state + 0x9e3779b9) >>> 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return (mixed ^ (mixed >>> 15)) >>> 0
    }
    this.#x = next()
    this.#y = next()
    this.#z = next()
    this.#w = next() | 1
  }

  /** A stream of its own, so that a call more of one source does not change what another does. */
  fork(): Chance {
    return new Chance(this.#bits(), this.regime)
  }

  /** From 0 up to, but not, 1. */
  uniform(): number {
    return this.#bits() / 2 ** 32
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.uniform() * count)
  }

  happens(probability: number): boolean {
    return this.uniform() < probability
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform()
  }

  /** A parameter of the scenario between two positive bounds, on a scale of ratios, from the part its regime may see. */
  parameter(low: number, high: number): number {
    const at = this.uniform()
    const share = this.regime === 'training' ? 0.2 + 0.6 * at : at < 0.5 ? 0.4 * at : 1 - 0.4 * (1 - at)
    return low * (high / low) ** share
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** The index of one of these weights, each as likely as it is heavy. */
  weighted(weights: readonly number[], total: number = weights.reduce((sum, weight) => sum + weight, 0)): number {
    let left = this.uniform() * total
    for (let index = 0; index < weights.length; index++) {
      left -= weights[index]!
      if (left < 0) return index
    }
    return weights.length - 1
  }

  /** Mean 0, variance 1 (Box and Muller). */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare
      this.#spare = null
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal())
  }

  /** The wait for what happens once in `mean` on average. */
  wait(mean: number): number {
    return -mean * Math.log(1 - this.uniform())
  }

  #bits(): number {
    const t = this.#x ^ (this.#x << 11)
    this.#x = this.#y
    this.#y = this.#z
    this.#z = this.#w
    this.#w = (this.#w ^ (this.#w >>> 19) ^ t ^ (t >>> 8)) >>> 0
    return this.#w
  }
}
