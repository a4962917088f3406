import { hashOf, type DecisionLine } from './decision-rows.ts'

/** Most parts known to be stored: past it the writer starts afresh, and sends some once more. */
const MOST_KNOWN = 100_000

/** Decisions as `write_decisions` takes them. */
export interface DecisionBatch {
  readonly lines: string
  readonly parts: string
}

/** Which parts of decisions the database, or the spool, is known to have: only others are sent. */
export class KnownParts {
  readonly #known = new Set<string>()
  readonly #most: number

  constructor(most = MOST_KNOWN) {
    this.#most = most
  }

  /** The same decisions without the parts that are known. */
  without(decisions: readonly DecisionLine[]): DecisionLine[] {
    const sent = new Set<string>()
    return decisions.map(({ line, parts }) => ({
      line,
      parts: parts.filter((part) => {
        const hash = hashOf(part)
        if (this.#known.has(hash) || sent.has(hash)) return false
        sent.add(hash)
        return true
      }),
    }))
  }

  /** These are stored now, with all their parts. */
  add(decisions: readonly DecisionLine[]): void {
    for (const { parts } of decisions)
      for (const part of parts) {
        if (this.#known.size >= this.#most) this.#known.clear()
        this.#known.add(hashOf(part))
      }
  }

  /** Something that was to be stored was not. */
  clear(): void {
    this.#known.clear()
  }
}

/** Parts in the order of their hashes: two writers of the same parts then wait for each other in one direction only. */
export function batchOf(decisions: readonly DecisionLine[]): DecisionBatch {
  return {
    lines: decisions.map(({ line }) => line).join('\n'),
    parts: decisions
      .flatMap(({ parts }) => parts)
      .toSorted()
      .join('\n'),
  }
}
