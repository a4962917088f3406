import { detach } from './characters.ts'

/** User agents whose verdict is remembered; past it the memory starts afresh. */
const MAX_REMEMBERED = 1_000
/** Longer than any name that matters. */
const LOOKED_AT = 128

/** Tells tools that look for servers to break into from phones, by their User-Agent. */
export class Scanners {
  readonly #names: readonly string[]
  #verdicts = new Map<string, boolean>()

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => name.toLowerCase()).filter((name) => name !== '')
  }

  /** Whether this User-Agent is one of theirs. A phone repeats its own: each is searched once. */
  has(userAgent: string): boolean {
    const looked = userAgent.length > LOOKED_AT ? userAgent.slice(0, LOOKED_AT) : userAgent
    const known = this.#verdicts.get(looked)
    if (known !== undefined) return known
    const lower = looked.toLowerCase()
    const verdict = this.#names.some((name) => lower.includes(name))
    if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts = new Map()
    this.#verdicts.set(detach(looked), verdict)
    return verdict
  }
}
