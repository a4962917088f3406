import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'

/** Lists of names remembered: they are written in programs. */
const LISTS_LIMIT = 100

/** Digits of an id that count. */
const COUNTED = 12

const lists = new Map<string, readonly string[]>()

/** What the package `only` does: an object with those of `names`, a list or one in a text, that are something. */
export function only(
  object: Readonly<Record<string, unknown>> | null | undefined,
  names: string | readonly string[],
): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  const from = object ?? {}
  for (const name of typeof names === 'string' ? listOf(names) : names) {
    const value = from[name]
    if (value !== null && value !== undefined) kept[name] = value
  }
  return kept
}

function listOf(names: string): readonly string[] {
  let list = lists.get(names)
  if (list === undefined) {
    list = names.split(/ +/)
    if (lists.size < LISTS_LIMIT) lists.set(names, list)
  }
  return list
}

/** Ids that differ: this process's own random part, and a number that counts up, in a UUID's form. */
export function countedIds(): () => string {
  const own = randomUUID().slice(0, -COUNTED)
  let count = 0
  return () => own + (++count).toString(16).padStart(COUNTED, '0')
}

/**
 * Gives drachtio-srf, before it is loaded, two small packages that it asks with every message: `only`, which reads its list of names
 * anew each time (10 µs and 5 kB of garbage a call), and `uuid-random`, which puts the name of each message to the server
 * together from twenty random pieces (3 kB).
 */
export function quickenParts(): void {
  const require = createRequire(createRequire(import.meta.url).resolve('drachtio-srf'))
  for (const [name, ours] of [
    ['only', only],
    ['uuid-random', countedIds()],
  ] as const) {
    require(name)
    require.cache[require.resolve(name)]!.exports = ours
  }
}
