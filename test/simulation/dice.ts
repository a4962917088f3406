/** Chance that can be had again: a linear congruential generator, good enough to stir a test. */
export class Dice {
  readonly seed: number
  #state: number

  /** The seed of `DCE_TEST_SEED`, or a new one each run; either way a failure must name it. */
  constructor(seed = Number(process.env['DCE_TEST_SEED'] ?? Date.now() % 2 ** 31)) {
    this.seed = seed
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `below` − 1. */
  roll(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * below)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]!
  }

  /** True once in so many. */
  onceIn(times: number): boolean {
    return this.roll(times) === 0
  }

  /** Runs a story and puts the seed and the step into whatever it throws. */
  tell(steps: number, step: (index: number) => void): void {
    for (let i = 0; i < steps; i++) {
      try {
        step(i)
      } catch (error) {
        throw new Error(
          `step ${i} of DCE_TEST_SEED=${this.seed}: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        )
      }
    }
  }
}
