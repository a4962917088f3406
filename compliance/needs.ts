import type { AuditBlock, AuditLine } from '../model/audit.ts'
import type { Places } from '../model/places.ts'

/** What compliance asks of others; main.ts supplies it. */
export interface ComplianceNeeds {
  places: Places
  clock: { now(): number }
}

/** The audit as it is stored. Every answer is in the order of the lines' numbers, or the blocks'. */
export interface AuditStore {
  /**
   * Shows the last block and the hashes of the lines after it, at most so many, none of which can come to stand before another any more; keeps
   * the block that `make` answers with, before anybody else makes one. Null, and `make` is not called: there are no new lines, or
   * another gateway is at it.
   */
  seal(
    most: number,
    hash: (line: AuditLine) => Buffer,
    make: (before: AuditBlock | null, lines: { hashes: readonly Buffer[]; lastSeq: bigint }) => AuditBlock,
  ): Promise<AuditBlock | null>
  blocksAfter(no: number, most: number): Promise<readonly AuditBlock[]>
  /** The lines numbered after `after` up to `last`. */
  linesBetween(after: bigint, last: bigint): Promise<readonly AuditLine[]>
  /** Room for the lines of this month and the next two. */
  makeMonths(): Promise<void>
}
