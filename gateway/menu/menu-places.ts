/** Calls that are in a menu, of which there are so many at most. */
export class MenuPlaces {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  get taken(): number {
    return this.#taken
  }

  /** False: there is none left. */
  take(): boolean {
    if (this.#taken >= this.#most) return false
    this.#taken++
    return true
  }

  giveBack(): void {
    this.#taken--
  }
}
