/** Of its latest requests so many are remembered. */
const WINDOW = 20
/** It opens when so many are known, and half of them failed. */
const FEWEST = 10
/** How long it stays open at first; each probe that fails doubles it. */
const FIRST_OPEN_MS = 5000
const LONGEST_OPEN_MS = 60_000

/**
 * Keeps a bidder that fails from being asked again and again: closed while it answers, open once half of its latest requests failed, then
 * half open, when one request at a time is let through to see.
 */
export class Circuit {
  readonly #failed: boolean[] = []
  #openUntilMs = 0
  #openMs = FIRST_OPEN_MS
  #isOpen = false
  #isProbing = false

  state(nowMs: number): 'closed' | 'open' | 'half_open' {
    if (!this.#isOpen) return 'closed'
    return nowMs < this.#openUntilMs ? 'open' : 'half_open'
  }

  /** Whether a request may be made now, a probe only where `mayProbe`; `ended` is told how it went. Null: none may. */
  begin(nowMs: number, mayProbe: boolean): 'request' | 'probe' | null {
    const state = this.state(nowMs)
    if (state === 'closed') return 'request'
    if (state === 'open' || this.#isProbing || !mayProbe) return null
    this.#isProbing = true
    return 'probe'
  }

  ended(begun: 'request' | 'probe', isFailed: boolean, nowMs: number): void {
    if (begun === 'probe') {
      this.#isProbing = false
      if (isFailed) this.#open(Math.min(LONGEST_OPEN_MS, this.#openMs * 2), nowMs)
      else this.#close()
      return
    }
    if (this.#isOpen) return // It was under way when the circuit opened: it says nothing new.
    this.#failed.push(isFailed)
    if (this.#failed.length > WINDOW) this.#failed.shift()
    const failures = this.#failed.filter(Boolean).length
    if (this.#failed.length >= FEWEST && failures * 2 >= this.#failed.length) this.#open(FIRST_OPEN_MS, nowMs)
  }

  #open(forMs: number, nowMs: number): void {
    this.#isOpen = true
    this.#openMs = forMs
    this.#openUntilMs = nowMs + forMs
  }

  #close(): void {
    this.#isOpen = false
    this.#failed.length = 0
  }
}
