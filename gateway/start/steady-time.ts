import type { Clock } from '../../model/clock.ts'
import type { SipBinding } from '../../model/sip-user.ts'

/**
 * The wall time of this process’s start, carried on by the monotonic clock: what ends after so many seconds (registrations,
 * nonces) is not ended by somebody who sets the clock, nor kept. Whole milliseconds.
 */
export class SteadyTime {
  readonly #clock: Clock
  readonly #startMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.now() - clock.monotonicMs()
  }

  now(): number {
    return Math.floor(this.#startMs + this.#clock.monotonicMs())
  }

  /** Bindings as people and other processes are told of them: in wall time as it is now. */
  toWall(bindings: readonly SipBinding[]): readonly SipBinding[] {
    return shifted(bindings, this.#clock.now() - this.now())
  }

  /** Bindings that were told in wall time. */
  fromWall(bindings: readonly SipBinding[]): readonly SipBinding[] {
    return shifted(bindings, this.now() - this.#clock.now())
  }
}

function shifted(bindings: readonly SipBinding[], byMs: number): readonly SipBinding[] {
  return bindings.map((binding) => ({
    ...binding,
    registeredAtMs: binding.registeredAtMs + byMs,
    expiresAtMs: binding.expiresAtMs + byMs,
  }))
}
