import { randomInt } from 'node:crypto'

/** Below the ports that systems hand out by themselves (32768 and up), above the registered ones in common use. */
const LOWEST = 20_000
const HIGHEST = 32_000
const WIDTH = 8_000

/** The relay's ports: those of the settings, or for `0` a window at a random place; the relay skips ports others hold. */
export function rtpRange({ first, last }: { first: number; last: number }): { from: number; to: number } {
  if (first !== 0) return { from: first, to: last }
  const from = 2 * randomInt(LOWEST / 2, (HIGHEST - WIDTH) / 2)
  return { from, to: from + WIDTH }
}
