import type { LegDialog, SipRequest } from '../srf/srf-types.ts'

/** How long we wait for the ACK that answers an offer of ours: 64·T1, when the server gives the 200 up too (RFC 3261 §13.3.1.4). */
const ACK_WAIT_MS = 32_000

/** What a call waits for within itself. It ends with the call: no timer is left then. */
export class Waits {
  #isOver = false
  readonly #ends = new Set<() => void>()

  get isOver(): boolean {
    return this.#isOver
  }

  /** The call is over, and every wait with it. Again is no error. */
  end(): void {
    this.#isOver = true
    for (const end of this.#ends) end()
  }

  /** Resolves after so long, or when the call is over. */
  sleep(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#ends.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#ends.add(end)
    })
  }

  /** The body of the next ACK in a dialog; null when it has none, or does not come. */
  ackOf(dialog: LegDialog): Promise<string | null> {
    if (this.#isOver) return Promise.resolve(null)
    return new Promise((resolve) => {
      const settle = (ack: SipRequest | null): void => {
        clearTimeout(timer)
        this.#ends.delete(end)
        dialog.off('ack', settle)
        resolve(ack?.body || null)
      }
      const end = (): void => settle(null)
      const timer = setTimeout(end, ACK_WAIT_MS)
      this.#ends.add(end)
      dialog.once('ack', settle)
      dialog.once('destroy', end)
    })
  }
}
