import type { Random } from '../../model/random.ts'

/** The first pause, and the longest, ms: each is twice the one before. */
const FIRST_MS = 5_000
const LONGEST_MS = 3_600_000

/**
 * When an event that was not taken is tried again: after a pause that doubles with each attempt, of which a random half is left
 * out, so that not all come back at once. Null: it has been tried for `giveUpMs`, and is given up.
 */
export function retryAt(
  attempts: number,
  firstTriedAt: Date,
  nowMs: number,
  giveUpMs: number,
  random: Random,
): Date | null {
  if (nowMs - firstTriedAt.getTime() >= giveUpMs) return null
  const pauseMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(30, attempts - 1))
  const [byte = 0, other = 0] = random.bytes(2)
  return new Date(nowMs + pauseMs / 2 + (pauseMs / 2) * ((byte * 256 + other) / 65_535))
}
