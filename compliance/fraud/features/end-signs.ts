import type { EndedCall } from '../fraud-call.ts'

/** 6 s: most robocalls are answered and over within it. */
export const VERY_SHORT_MS = 6_000
/** 5 s: whoever keeps callers on the line just long enough to be paid lets go of them within it. */
export const HUGGING_MS = 5_000

/** Answered, and over at once. */
export function isVeryShort({ outcome, durationMs }: EndedCall): boolean {
  return outcome === 'answered' && durationMs < VERY_SHORT_MS
}

/** Sold, and over just when it had to be paid for: its duration hugs the threshold from above. */
export function isHugging({ outcome, durationMs, billableAfter }: EndedCall): boolean {
  if (outcome !== 'answered' || billableAfter === null || billableAfter === 0) return false
  const past = durationMs - billableAfter * 1000
  return past >= 0 && past <= HUGGING_MS
}

/** It rang, and the caller was gone before anybody answered: one ring is enough to be called back. */
export function isOneRing({ outcome, pddMs }: EndedCall): boolean {
  return outcome === 'cancelled' && pddMs !== null
}
