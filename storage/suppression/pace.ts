import { setTimeout as sleep } from 'node:timers/promises'

/** Rests shorter than this, ms, are put together: a timer is no finer. */
const LEAST_REST_MS = 2

/**
 * Leaves the processors to the calls between the small pieces of a long work. Linux lets even a thread of the lowest priority end its turn, up to 3 ms,
 * before one that has just become ready, a call's, gets that processor (EEVDF, RUN_TO_PARITY): so pieces are short, and rests many. They go by how much
 * there is to do and not by how long it took: a slow machine has no time for more.
 */
export class Pace {
  readonly #msAMegabyte: number
  readonly #rest: (ms: number) => Promise<unknown>
  #leftMs: number
  #owedMs = 0

  /** `mostMs`: after so much rest there is none any more. */
  constructor(msAMegabyte: number, mostMs: number, rest: (ms: number) => Promise<unknown> = sleep) {
    this.#msAMegabyte = msAMegabyte
    this.#leftMs = mostMs
    this.#rest = rest
  }

  /** Hears how much has been done, and resolves when the next piece may begin. */
  async after(bytes: number): Promise<void> {
    this.#owedMs += (bytes / 1e6) * this.#msAMegabyte
    if (this.#owedMs < LEAST_REST_MS || this.#leftMs <= 0) return
    this.#leftMs -= this.#owedMs
    const startMs = performance.now()
    await this.#rest(this.#owedMs)
    this.#owedMs -= performance.now() - startMs
  }
}

/** For what calls wait for. */
export const AT_ONCE = new Pace(0, 0)
