import { setTimeout as sleep } from 'node:timers/promises'

/** A party of a call as its audio has it: what it says, what it hears, and when. */
export interface Voice {
  /** The tones it has heard so far, in ms each. */
  tonesHeard(): Promise<Map<number, number>>
  /** Falls silent, or speaks its tone again; resolves to when, in ms of `clockMs`. */
  setMute(isMute: boolean): Promise<number>
  /** When, from `ms` on, it first did not hear the other any more; null while it does. */
  quietSince(ms: number): Promise<number | null>
}

/** The time of this machine, ms since 1970 with fractions: the same in a browser's `performance.timeOrigin + performance.now()`. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now()
}

const LOOK_MS = 5
const LIMIT_MS = 10_000

/** How long it takes from one's mouth to the other's ear, ms: packets of 20 ms, jitter buffers and the phones themselves included. */
export async function delayBetween(speaker: Voice, listener: Voice): Promise<number> {
  const mutedMs = await speaker.setMute(true)
  try {
    for (;;) {
      const quietMs = await listener.quietSince(mutedMs)
      if (quietMs !== null) return quietMs - mutedMs
      if (clockMs() > mutedMs + LIMIT_MS) throw new Error(`${LIMIT_MS} ms after one was muted the other still hears it`)
      await sleep(LOOK_MS)
    }
  } finally {
    await speaker.setMute(false)
  }
}
