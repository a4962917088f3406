import type { Random } from '../../model/random.ts'

/** A number in [0, 1). */
export function share(random: Random): number {
  const [a = 0, b = 0] = random.bytes(2)
  return (a * 256 + b) / 65_536
}

/** `ms`, a tenth more or less: what many do at an interval, they shall not all do in the same moment. */
export function jittered(ms: number, random: Random): number {
  return ms * (0.9 + 0.2 * share(random))
}
